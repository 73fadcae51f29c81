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
// A [Source] is an [oauth2.TokenSource]. Make one for each application and
// tenant, and share it: an app-only token opens every mailbox that the
// application may open.
//
// # Which flow
//
//   - A service without a user: [Config.ClientCredentials], with a
//     [Certificate] or a [Secret]. [InOrder] rotates them.
//   - A service in Azure: [ManagedIdentity], which needs no credential.
//   - A pod in Kubernetes, or a job elsewhere, with tokens of an identity
//     provider: [AssertionFile] or [Assertion].
//   - A program on the user's own machine: [Config.AuthCode], with a browser, or
//     [Config.DeviceCode], without one.
//   - A job for a user who has signed in once and is not there: [Config.Resume].
//   - A web application that users sign in to: [Config.AuthCodeURL] and
//     [Config.Exchange], then [Config.Resume]. A web API that they call:
//     [Config.OnBehalfOf].
//   - A user who has signed in to another program: [Config.RefreshToken].
//   - A user's password, as a last resort: [Config.Password].
//   - Tokens from elsewhere, such as MSAL or azidentity: [Func].
//
// With a [Config.Cache], such as a [tokencache.Dir], a user signs in once for
// all runs of the program, and processes share their tokens. [Source.SignOut]
// forgets a user.
//
// Each flow has a program to run and to copy:
// https://github.com/exoauth/exoauth/tree/main/examples
//
// # What a Source promises
//
//   - Any number of goroutines may use it. They share one request, successful or
//     not, and each gets a copy of the token.
//   - A token is renewed before it expires. If that fails, or takes longer than
//     the caller's context, the old one is handed out until it has expired.
//     [Source.TokenValidFor] is for a server that refuses a token that is about
//     to expire.
//   - A request that fails for a passing reason is repeated, three times in all,
//     but never earlier than the server says. A failure is remembered for some
//     seconds, so that callers in a loop do not send requests in a loop.
//   - [Source.TokenContext] returns when its context ends. No context is kept.
//   - Nobody is asked to sign in while there is a good token or refresh token,
//     and a person is asked once, however many callers wait.
//   - A refresh token is stored in the Cache before it is used, and used only
//     if there is room for the next one; see [tokencache.Reserver].
//   - A log handler may use the Source that it logs for.
//   - No error, log record or formatted value has a secret or a token in it,
//     except the [oauth2.Token] itself.
//
// # When there is no token
//
// If settings cannot work, the error is a [*ConfigError]. If a request failed,
// it is an [*Error], with the numbers by which Microsoft documents its reasons.
// If the [Config.Cache] failed, the [*Error] wraps its error, such as a
// [*tokencache.Error].
//
//	var e *tokensource.Error
//	switch {
//	case errors.Is(err, tokensource.ErrInteractionRequired): // the user has to sign in
//	case errors.As(err, &e) && e.Retryable(): // try again, after e.RetryAfter
//	case errors.As(err, &e): // an administrator has to act, see e.AADSTS
//	}
//
// A token from Entra ID does not prove that a mailbox will open: an application
// without any permission gets one, too, and Exchange Online refuses it.
package tokensource
