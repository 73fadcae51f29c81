package tokensource

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A leasedCache is one whose lock comes with a context, as one that is leased
// for a time does. It wants that context from its holder.
type leasedCache struct {
	lockingCache
	t *testing.T
}

type leaseKey struct{}

func newLeasedCache(t *testing.T) *leasedCache {
	c := &leasedCache{t: t}
	c.lock = make(chan struct{}, 1)
	check := func(ctx context.Context, _ string) error {
		if len(c.lock) > 0 && ctx.Value(leaseKey{}) == nil {
			t.Error("the entry is locked, and this is not the context of its holder")
		}
		return ctx.Err()
	}
	c.put, c.delete = check, check
	return c
}

func (c *leasedCache) Lock(ctx context.Context, key string) (context.Context, func(), error) {
	held, unlock, err := c.lockingCache.Lock(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	return context.WithValue(held, leaseKey{}, true), unlock, nil
}

// All that is written under a lock is written with its context, and the lock is
// free in the end.
func TestHolderOfALock(t *testing.T) {
	for name, open := range map[string]func(*Config) *Source{
		"application": (*Config).ClientCredentials,
		"user":        func(c *Config) *Source { return c.RefreshToken(testRefresh) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, cache := &fakeEntra{answer: rotate}, newLeasedCache(t)
				config := server.config()
				config.Cache = cache
				source := open(config)
				free := func(after string) {
					if len(cache.lock) > 0 {
						t.Errorf("locked after %s", after)
						<-cache.lock
					}
				}
				token := want(t, source, 1)
				free("a request")
				pass(2 * time.Minute)
				source.Invalidate(token)
				free("Invalidate")
				want(t, source, 2)
				pass(hour)
				want(t, source, 3)
				free("a renewal")
				signOut(t, source)
				free("SignOut")
			})
		})
	}
}

// The log tells a token that was stored from one that was asked for.
func TestStoredTokenIsLogged(t *testing.T) {
	for name, open := range map[string]func(*Config) *Source{
		"application": (*Config).ClientCredentials,
		"user":        func(c *Config) *Source { return c.RefreshToken(testRefresh) },
	} {
		config := (&fakeEntra{answer: rotate}).config()
		config.Cache = newLockingCache()
		for _, says := range []string{"got a token", "took a token from the cache"} {
			log := logged(config)
			want(t, open(config), 1)
			if text := log.String(); strings.Count(text, "level=DEBUG") != 1 || !strings.Contains(text, says) {
				t.Errorf("%s: log %s", name, text)
			}
		}
	}
}

// A Cache that fails while a refused token is cleared may name the user's
// refresh token, in whatever form.
func TestInvalidateIsRedacted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, cache := &fakeEntra{answer: rotate}, newLockingCache()
		config := server.public()
		config.Cache = cache
		log := logged(config)
		source := config.RefreshToken(testRefresh)
		token := want(t, source, 1)
		pass(2 * time.Minute)
		cache.get = func(context.Context, string) error { return errors.New("no row for " + refreshNumber(1)) }
		source.Invalidate(token)
		if !strings.Contains(warnings(log), "no row for [redacted]") {
			t.Errorf("log: %s", log)
		}
		checkNoSecret(t, "log", log.String())
	})
}

// A caller who has left says nothing about the file.
func TestAssertionFileForNobody(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := AssertionFile(filepath.Join(t.TempDir(), "gone")).(assertion).get(ctx)
	if _, ok := errors.AsType[*ConfigError](err); ok || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
