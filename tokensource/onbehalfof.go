package tokensource

import (
	"context"
	"net/url"

	"github.com/exoauth/exoauth/internal/clientcert"
)

// OnBehalfOf returns a source of tokens for the user who called a web API: the
// on-behalf-of flow. userAssertion is the access token of that call, a JWT whose
// audience must be this application. Credential is required.
//
// The web API must verify the assertion first: its signature, its audience and
// its expiry. Entra ID sees it only with the first request, and never if the
// Cache has its tokens already.
//
// The source ends with the assertion, after about an hour: its tokens expire no
// later than the assertion (exp). After that, it sends no requests, and its
// error is [ErrInteractionRequired]. Answer the call with HTTP status 401, so
// that the calling program gets a new token. Until then, the source renews its
// tokens with the refresh token that came with the first answer.
//
// Before the assertion expires, [ErrInteractionRequired] means that the user
// has to consent, or to satisfy Conditional Access. Send [Error.Claims] to the
// calling program, which has to request them in its sign-in.
//
// Keep one Source for each assertion, or set a [Config.Cache]. Otherwise each
// call of the API costs a request.
//
// Each assertion has its own entry in the Cache, which is of no use after the
// assertion has expired. If an API has many users, use a database and delete
// entries that are a day old. [tokencache.Dir] keeps entries for 100 days, and
// lock files forever.
//
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow)
func (c *Config) OnBehalfOf(userAssertion string) *Source {
	cl, err := c.onBehalfClient(userAssertion)
	if err != nil {
		return &Source{broken: err}
	}
	s := newUserSession(cl, cl.keyOf(keyOnBehalfOf, userAssertion), func(ctx context.Context, pause pauseFunc) (*token, error) {
		return cl.retry(ctx, pause, entraBackoff, func() (*token, error) {
			return cl.request(ctx, url.Values{
				"grant_type":          {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
				"requested_token_use": {"on_behalf_of"},
				"assertion":           {userAssertion},
				"scope":               {cl.scope},
			})
		})
	})
	s.ends, _ = clientcert.Expiry(userAssertion)
	return s.source()
}

func (c *Config) onBehalfClient(userAssertion string) (*client, *ConfigError) {
	if err := checkUserAssertion(userAssertion); err != nil {
		return nil, err
	}
	cl, err := c.userClient()
	if err != nil {
		return nil, err
	}
	if err := c.checkOwnTenant(); err != nil {
		err.Problem = "stands for many tenants, and the user is of one"
		err.Remedy = "set it to the tenant of the user, which is tid in the token of the call"
		return nil, err
	}
	return cl, checkCredential(c.Credential)
}

// checkUserAssertion checks the form of an assertion; the rest is for the web
// API to check.
func checkUserAssertion(text string) *ConfigError {
	const field, remedy = "OnBehalfOf", "pass the access token of the call, which the header Authorization has behind Bearer"
	if err := checkOpaque(field, text); err != nil {
		return err
	}
	if !clientcert.IsJWT(text) {
		return &ConfigError{Field: field, Problem: "no JWT, which has three parts of base64url", Remedy: remedy}
	}
	if _, ok := clientcert.Expiry(text); !ok {
		return &ConfigError{Field: field, Problem: "a JWT that does not say when it expires (exp)", Remedy: remedy}
	}
	return nil
}
