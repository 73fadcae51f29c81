package tokensource

import (
	"context"
	"time"
)

// String shows the name alone, not the traffic of the HTTP client.
func (c *client) String() string { return c.name }

// failed returns the error of a request that had no answer.
func (c *client) failed(err error) *Error {
	return &Error{Tenant: c.tenant, ClientID: c.clientID, identity: c.identity, Err: err}
}

// A flow is one way to get tokens, and keeps them: an appCache or a userSession.
type flow interface {
	// of returns the client that the tokens are for.
	of() *client
	// token returns a new token. ctx ends when nobody waits for it any more. It
	// has a deadline in a renewal alone, while the old token is still good.
	token(ctx context.Context, pause pauseFunc) (*token, error)
	// forget makes the flow never return an access token again, even if it is
	// stored; clear removes it from the Cache.
	forget(accessToken string) (clear func())
	// passOver makes the flow not take a stored access token for a fresh one.
	passOver(accessToken string)
	// signOut makes the flow forget its tokens.
	signOut(ctx context.Context) error
}

// A fetchFunc gets a token. It may pause between tries.
type fetchFunc func(ctx context.Context, pause pauseFunc) (*token, error)

// A pauseFunc waits for d after a failure and reports true. It reports false at
// once if nobody who waits for the token has that much time, and when ctx ends.
type pauseFunc func(ctx context.Context, d time.Duration, failed error) bool

// userClient checks the settings of a flow for a user: a tenant of any kind, a
// credential if there is one, scopes that a user can grant.
func (c *Config) userClient() (*client, *ConfigError) {
	cloud, err := c.check()
	if err != nil {
		return nil, err
	}
	if c.Credential != nil {
		if err := checkCredential(c.Credential); err != nil {
			return nil, err
		}
	}
	scope, err := c.userScope(cloud)
	if err != nil {
		return nil, err
	}
	return c.newClient(cloud, scope), nil
}

// appClient checks the settings of a flow without a user: a tenant, a
// credential and one scope.
func (c *Config) appClient() (*client, *ConfigError) {
	cloud, err := c.check()
	if err == nil {
		err = c.checkOwnTenant()
	}
	if err == nil {
		err = checkCredential(c.Credential)
	}
	if err != nil {
		return nil, err
	}
	scope, err := c.appScope(cloud)
	if err != nil {
		return nil, err
	}
	return c.newClient(cloud, scope), nil
}

// ownError is a failure of a function of the program, err, or one without a
// cause, if err is nil. Neither the network nor the server failed.
type ownError struct {
	what string
	err  error
}

func (e *ownError) Error() string {
	if e.err == nil {
		return e.what
	}
	return e.what + ": " + e.err.Error()
}

func (e *ownError) Unwrap() error { return e.err }
