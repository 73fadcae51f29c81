package tokensource

import (
	"context"
	"net/url"
)

// OnBehalfOf returns a source of tokens for the user who called a web API with
// userAssertion, the access token of that call: the on-behalf-of flow. Its
// audience must be this application, and Credential must be set.
//
// The assertion lives for an hour or so; after that the source goes on with
// the refresh token that came with the first answer, until that is refused
// and the assertion has expired too. Keep one Source for each assertion. Two
// sources share nothing but a [Config.Cache], so without one, a Source for each
// call would make a request for each. Check the assertion first: one that has
// expired still finds the entry that was made with it.
//
// Each assertion has an entry of its own in the Cache, which nobody reads any
// more when it has expired. For an API with many users, let a database delete
// what is a day old; [DirCache] keeps it for 100 days, and the lock files.
//
// [ErrInteractionRequired] means that the user has to consent, or to satisfy
// Conditional Access; pass [Error.Claims] on to the program that called, which
// has to ask for them in its sign-in.
//
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow)
func (c *Config) OnBehalfOf(userAssertion string) *Source {
	cl, err := c.onBehalfClient(userAssertion)
	if err != nil {
		return &Source{broken: err}
	}
	return newUserSession(cl, cl.keyOf(keyOnBehalfOf, userAssertion), func(ctx context.Context, pause pauseFunc) (*grant, error) {
		return cl.retry(ctx, pause, func() (*grant, error) {
			return cl.request(ctx, url.Values{
				"grant_type":          {"urn:ietf:params:oauth:grant-type:jwt-bearer"},
				"requested_token_use": {"on_behalf_of"},
				"assertion":           {userAssertion},
				"scope":               {cl.scope},
			})
		})
	}).source()
}

func (c *Config) onBehalfClient(userAssertion string) (*client, *ConfigError) {
	if err := checkOpaque("OnBehalfOf", userAssertion); err != nil {
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
