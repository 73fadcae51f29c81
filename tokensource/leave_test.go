package tokensource

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/tokencache"
)

// strictEntra takes each refresh token once, and the last one it has given out
// alone. Entra ID is not as strict.
type strictEntra struct {
	at    func(step string)
	valid string
	n     int
}

func (s *strictEntra) RoundTrip(r *http.Request) (*http.Response, error) {
	s.at("request")
	form, err := readForm(r)
	if err != nil {
		return nil, err
	}
	if form.Get("refresh_token") != s.valid {
		return badRequest(revoked)(s.n, r)
	}
	s.n++
	s.valid = refreshNumber(s.n)
	s.at("answer")
	return rotate(s.n, r)
}

// stepwise says before and after each call of a cache that it comes.
type stepwise struct {
	*lockingCache
	at func(step string)
}

func (c stepwise) Get(ctx context.Context, key string) ([]byte, error) {
	c.at("get")
	defer c.at("got")
	return c.lockingCache.Get(ctx, key)
}

func (c stepwise) Put(ctx context.Context, key string, value []byte) error {
	c.at("put")
	defer c.at("stored")
	return c.lockingCache.Put(ctx, key, value)
}

func (c stepwise) Lock(ctx context.Context, key string) (context.Context, func(), error) {
	c.at("lock")
	defer c.at("locked")
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	return c.lockingCache.Lock(ctx, key)
}

// Wherever the only caller leaves: the lock is free, and the refresh token that
// is good is the one that other processes and the next call go on with.
func TestCallerLeavesAtAnyStep(t *testing.T) {
	for name, steps := range map[string]string{
		"without locks": "get got request answer get got put stored",
		"with locks":    "get got lock locked get got put stored request answer put stored",
	} {
		for n, step := range strings.Fields(steps) {
			t.Run(fmt.Sprintf("%s, step %d: %s", name, n, step), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { leaveAt(t, name == "with locks", n, step) })
			})
		}
	}
}

func leaveAt(t *testing.T, locks bool, n int, name string) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	left := n
	at := func(step string) {
		if left == 0 {
			cancel()
			time.Sleep(time.Nanosecond) // so that it is seen
			if step != name {
				t.Errorf("left at %s", step)
			}
		}
		left--
	}
	server := &strictEntra{at: func(string) {}, valid: testRefresh}
	config := &Config{Tenant: testTenant, ClientID: testClientID, HTTPClient: &http.Client{Transport: server}}
	cache := newLockingCache()
	config.Cache = cache
	want(t, config.RefreshToken(testRefresh), 1)
	pass(hour)

	server.at = at
	config.Cache = stepwise{cache, at}
	if !locks {
		config.Cache = struct{ tokencache.Cache }{config.Cache}
	}
	source := config.RefreshToken(testRefresh)
	if _, err := source.TokenContext(ctx); err == nil {
		t.Error("the caller did not leave")
	}
	pass(time.Second)
	if len(cache.lock) != 0 {
		t.Error("locked")
	}
	want(t, config.RefreshToken(testRefresh), 2) // another process
	want(t, source, 2)
	if r := cache.only(t); r.RefreshToken != server.valid {
		t.Errorf("stored %s; want %s", r.RefreshToken, server.valid)
	}
}

// A person who has signed in is not asked again because the caller, or the
// browser of a web application, has left since.
func TestCallerLeavesAfterTheSignIn(t *testing.T) {
	for name, signIn := range map[string]func(context.Context, *Config) error{
		"device code": func(ctx context.Context, c *Config) error {
			_, err := c.DeviceCode(new(shown).show).TokenContext(ctx)
			return err
		},
		"web application": func(ctx context.Context, c *Config) error {
			_, err := c.Exchange(ctx, SignIn{State: "s", Verifier: "v", RedirectURL: webRedirect}, url.Values{"code": {testCode}, "state": {"s"}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				server := entraFor()
				config := server.config()
				config.CacheKey = "account 1"
				cache := newLockingCache()
				config.Cache = stepwise{cache, func(step string) {
					if step == "lock" && server.requests() > 0 {
						cancel()
						time.Sleep(time.Nanosecond)
					}
				}}
				_ = signIn(ctx, config)
				pass(time.Second)
				if ctx.Err() == nil || len(cache.lock) != 0 {
					t.Error("did not leave, or left it locked")
				}
				config.Cache = cache
				if _, err := config.Resume().Token(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
