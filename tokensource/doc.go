// Package tokensource gets access tokens for Exchange Online from Microsoft
// Entra ID, and keeps them fresh for as long as a program runs.
//
//	cfg := &tokensource.Config{
//		Tenant:     "contoso.onmicrosoft.com",
//		ClientID:   os.Getenv("EXO_CLIENT_ID"),
//		Credential: tokensource.Secret(os.Getenv("EXO_CLIENT_SECRET")),
//	}
//	source := cfg.ClientCredentials()
//
// A [Source] is an [oauth2.TokenSource], so whatever takes one takes it. Make
// one for each application and tenant, and share it: an app-only token opens
// every mailbox that the application may open.
//
// # Which flow
//
//   - A service without a user: [Config.ClientCredentials], with a
//     [Certificate] or a [Secret] for a credential. [InOrder] rotates them.
//   - A service in Azure: [ManagedIdentity], which needs no credential.
//   - A pod in Kubernetes: [WorkloadIdentity]. A job elsewhere that has tokens
//     of an identity provider: [Assertion].
//   - A program on the user's own machine: [Config.AuthCode], with the browser
//     there. One without a browser: [Config.DeviceCode].
//   - A job that runs when nobody is there, for a user who has signed in once:
//     [Config.Resume].
//   - A web application that its users sign in to: [Config.AuthCodeURL] and
//     [Config.Exchange], and [Config.Resume] from then on. A web API that they
//     call: [Config.OnBehalfOf].
//   - A user who has signed in to another program: [Config.RefreshToken].
//   - A user's password, where nothing else can be had: [Config.Password].
//   - Tokens that come from elsewhere, such as MSAL or azidentity: [Func].
//
// With a [Config.Cache], such as a [tokencache.Dir], a user who has signed in is not
// asked again when the program is run again, and processes share their tokens.
// [Source.SignOut] forgets one.
//
// Each flow has a program to run and to copy:
// https://github.com/exoauth/exoauth/tree/main/examples
//
// # What a Source promises
//
//   - Any number of goroutines may use it. They share one request, whether it
//     succeeds or fails, and each gets a copy of the token.
//   - A token is renewed before it expires. If that fails, or takes longer than
//     the caller's context, the old one is handed out until it has expired.
//     [Source.TokenValidFor] is for a server that refuses a token that is about
//     to expire.
//   - A request that failed for a reason which may pass is made again, three
//     times in all, but never earlier than the server says. A failure is
//     remembered for some seconds, so that callers in a loop make no requests
//     in a loop.
//   - [Source.TokenContext] returns when its context ends. No context is kept.
//   - Nobody is asked to sign in while there is a token or a refresh token that
//     is good, and one person once, however many callers wait.
//   - A refresh token is stored in the Cache before it is used, and only used
//     if there is room for the next one; see [tokencache.Cache].
//   - A log handler may use the Source whose records it handles.
//   - No secret and no token is in any error, log record or formatted value,
//     but for the [oauth2.Token] itself.
//
// # When there is no token
//
// Settings that cannot work give a [*ConfigError]. A [tokencache.Dir] or an
// [tokencache.Encrypted] that cannot be used gives a [*tokencache.Error]. Every failed request
// gives an [*Error], with the numbers by which Microsoft documents its reasons:
//
//	var e *tokensource.Error
//	switch {
//	case errors.Is(err, tokensource.ErrInteractionRequired): // somebody has to sign in
//	case errors.As(err, &e) && e.Temporary(): // try again, after e.RetryAfter
//	case errors.As(err, &e): // somebody has to mend what e.AADSTS says
//	}
//
// A token from Entra ID does not prove that a mailbox will open: an application
// without any permission gets one too, and it is Exchange Online that refuses it.
package tokensource
