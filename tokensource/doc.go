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
//   - A pod in Kubernetes, or a job elsewhere, that has a token from another
//     identity provider: [AssertionFile] or [Assertion].
//   - A program on the user's own machine: [Config.AuthCode], with a browser, or
//     [Config.DeviceCode], without one.
//   - A job for a user who signed in once and is absent now: [Config.Resume].
//   - A web application that users sign in to: [Config.AuthCodeURL] and
//     [Config.Exchange], then [Config.Resume]. A web API that they call:
//     [Config.OnBehalfOf].
//   - A refresh token from a sign-in to another program: [Config.RefreshToken].
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
//   - It renews a token before it expires. If that fails, or the caller's
//     context ends first, it returns the old token until that has expired.
//     [Source.TokenValidFor] is for a server that refuses a token that is about
//     to expire.
//   - It tries a request three times if the failure may pass, but never earlier
//     than the server allows. It remembers a failure for some seconds, so that
//     callers in a loop do not send requests in a loop.
//   - [Source.TokenContext] returns when its context ends. The Source keeps no
//     context.
//   - It asks a person to sign in only if there is no good token or refresh
//     token, and only once, however many callers wait.
//   - It stores a refresh token in the Cache before using it, and uses it only
//     if there is room for the next one; see [tokencache.Reserver].
//   - A log handler may use the Source that it logs for.
//   - No error, log record or formatted value contains a secret or a token,
//     except the [oauth2.Token] itself.
//
// # When there is no token
//
// If settings cannot work, the error is a [*ConfigError]. If a request failed,
// it is an [*Error], with the error numbers (AADSTS) that Microsoft documents.
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
// A token from Entra ID does not prove that a mailbox will open: even an
// application without permissions gets one, and Exchange Online refuses it.
package tokensource
