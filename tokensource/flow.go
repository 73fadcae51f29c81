package tokensource

import (
	"context"
	"log/slog"
	"net/url"
)

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

// source returns a Source of the tokens that a request with this form brings.
// The form is made anew for each try; the client adds to it who asks.
func (c *client) source(form func(context.Context) (url.Values, error)) *Source {
	return storedSource(c.cache, c.keyOf(keyApplication), c.name, c.log, c.failed, func(ctx context.Context, pause pauseFunc) (*grant, error) {
		return c.retry(ctx, pause, func() (*grant, error) {
			values, err := form(ctx)
			if err != nil {
				return nil, err
			}
			return c.request(ctx, values)
		})
	})
}

// storedSource returns a Source of a flow without refresh tokens.
func storedSource(cache Cache, key func() (string, error), name string, log *slog.Logger, failed func(error) *Error, f flow) *Source {
	if cache == nil {
		return newSource(name, log, f)
	}
	s := &session{
		name: name, log: log, failed: failed, signIn: f,
		shelf: newShelf(cache, name, log, key), turn: make(chan struct{}, 1),
	}
	return s.source()
}
