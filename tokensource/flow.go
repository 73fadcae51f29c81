package tokensource

import (
	"context"
	"log/slog"

	"github.com/exoauth/exoauth/tokencache"
)

// A flow is one way to get tokens.
type flow interface {
	String() string       // whose they are, in logs and errors
	logger() *slog.Logger // not nil
	token(ctx context.Context, pause pauseFunc) (*grant, error)
}

// A keeper is a flow that keeps tokens itself.
type keeper interface {
	// forget makes the flow never return an access token again, even if it is
	// stored; clear removes it from the store.
	forget(accessToken string) (clear func())
	// passOver makes the flow not take a stored access token for a fresh one.
	passOver(accessToken string)
	// signOut makes the flow forget its user.
	signOut(ctx context.Context) error
}

// A tokenFunc gets a token. It may pause between tries. The context ends when
// nobody waits for the token any more. It has a deadline in a renewal alone,
// while the old token is still good.
type tokenFunc func(ctx context.Context, pause pauseFunc) (*grant, error)

// An owner is whom tokens are issued to: an application or a managed identity.
type owner interface {
	String() string
	logger() *slog.Logger
	failed(err error) *Error // for what failed without an answer of the server
}

// An ownFlow brings tokens of the one whose flow it is, not of a user.
type ownFlow interface {
	flow
	owner
}

// userClient checks what a flow for a user needs: a tenant of any kind, a
// credential only where there is one, scopes that a user can grant.
func (c *Config) userClient() (*client, *ConfigError) {
	return c.flowClient(c.userScope, func() *ConfigError {
		if c.Credential == nil {
			return nil
		}
		return checkCredential(c.Credential)
	})
}

// appClient checks what a flow without a user needs: a tenant, a credential,
// and the one scope there is.
func (c *Config) appClient() (*client, *ConfigError) {
	return c.flowClient(c.appScope, c.checkOwnTenant, func() *ConfigError { return checkCredential(c.Credential) })
}

func (c *Config) flowClient(scope scopeFunc, checks ...func() *ConfigError) (*client, *ConfigError) {
	cloud := c.Cloud.WithDefaults()
	if err := c.check(cloud); err != nil {
		return nil, err
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return nil, err
		}
	}
	text, err := scope(cloud)
	if err != nil {
		return nil, err
	}
	return c.newClient(cloud, text), nil
}

// storedSource returns a Source of a flow without refresh tokens.
func storedSource(f ownFlow, cache tokencache.Cache, key func() (string, error)) *Source {
	if cache == nil {
		return newSource(f)
	}
	return newSession(f, cache, key, f.token).source()
}
