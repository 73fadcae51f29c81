package tokensource

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/tokencache"
)

// signedInTest has a user sign in with the first request.
func signedInTest(t *testing.T, config *Config) *Source {
	t.Helper()
	signIn, answer := beginTest(t, config)
	source, err := config.Exchange(t.Context(), signIn, answer)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func signOut(t *testing.T, s *Source) {
	t.Helper()
	if err := s.SignOut(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func wantNobody(t *testing.T, s *Source) {
	t.Helper()
	if token, err := s.TokenContext(t.Context()); !errors.Is(err, ErrInteractionRequired) {
		t.Errorf("%v, %v; want that somebody has to sign in", token, err)
	}
}

// eachCache runs a test with a Cache of either kind.
func eachCache(t *testing.T, test func(*testing.T, tokencache.Cache)) {
	for name, cache := range map[string]func() tokencache.Cache{
		"with locks":    func() tokencache.Cache { return newLockingCache() },
		"without locks": func() tokencache.Cache { return new(memCache) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, cache()) })
		})
	}
}

func TestSignOut(t *testing.T) {
	eachCache(t, func(t *testing.T, cache tokencache.Cache) {
		server := &fakeEntra{answer: rotate}
		config := server.config()
		config.Cache, config.CacheKey = cache, "account 1"
		first := signedInTest(t, config)
		other := config.Resume() // as of another process
		want(t, other, 1)
		neighbour := *config
		neighbour.CacheKey = "account 2"
		second := signedInTest(t, &neighbour)

		signOut(t, config.Resume())
		want(t, first, 1) // until it is to be renewed
		signOut(t, first)
		wantNobody(t, first)
		wantNobody(t, config.Resume())
		want(t, other, 1)
		pass(hour)
		wantNobody(t, other)
		want(t, second, 3)
		wantRequests(t, server, 3)

		signedInTest(t, config)
		want(t, config.Resume(), 4)
		pass(rememberTerminal)
		want(t, other, 4)
	})
}

// Another Source of the user renews its token at that moment. With locks the
// sign-out waits for it; without them it stores nothing any more.
func TestSignOutDuringARenewal(t *testing.T) {
	eachCache(t, func(t *testing.T, cache tokencache.Cache) {
		server := &fakeEntra{answer: slowly(time.Second, rotate)}
		config := server.config()
		config.Cache, config.CacheKey = cache, "account 1"
		kept := signedInTest(t, config)
		pass(hour)
		renewal := make(chan struct{})
		go func() {
			defer close(renewal)
			kept.TokenContext(t.Context())
		}()
		synctest.Wait()
		signOut(t, config.Resume())
		<-renewal
		wantNobody(t, config.Resume())
		pass(hour)
		wantNobody(t, kept)
	})
}

// A sign-in after the sign-out that cannot be stored yet is kept.
func TestSignInAfterSignOutIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: rotate}
		cache := new(memCache)
		config := server.config()
		config.Cache = cache
		source := config.Password("adele@contoso.com", testPassword)
		want(t, source, 1)
		signOut(t, source)
		cache.put = func(context.Context, string) error { return errors.New("no space") }
		for range 3 {
			if _, err := source.TokenContext(t.Context()); err == nil {
				t.Error("a token, though its refresh token is not stored")
			}
			pass(time.Minute)
		}
		cache.put = nil
		want(t, source, 2)
		wantRequests(t, server, 2)
	})
}

// What each flow does when it is asked again.
func TestSignOutOfFlows(t *testing.T) {
	anew := func(t *testing.T, s *Source) { want(t, s, 2) }
	for _, row := range []struct {
		name string
		open func(*Config) *Source
		then func(*testing.T, *Source)
	}{
		{"client credentials", (*Config).ClientCredentials, anew},
		{"password", func(c *Config) *Source { return c.Password("adele@contoso.com", testPassword) }, anew},
		{"on behalf of", func(c *Config) *Source { return c.OnBehalfOf(testAssertion) }, anew},
		{"refresh token", func(c *Config) *Source { return c.RefreshToken(testRefresh) }, wantNobody},
		{"browser", func(c *Config) *Source { return c.loopback("") }, anew}, // AuthCode
	} {
		for stored, cache := range map[string]tokencache.Cache{"": nil, ", stored": new(memCache)} {
			t.Run(row.name+stored, func(t *testing.T) {
				server := &fakeEntra{answer: rotate}
				config := server.config()
				config.Cache = cache
				source := row.open(config)
				want(t, source, 1)
				signOut(t, source)
				row.then(t, source)
			})
		}
	}
}

// The tokens of an application may be fetched again by anybody.
func TestSignOutOfAnApplication(t *testing.T) {
	cache := new(memCache)
	config := new(fakeEntra).config()
	config.Cache = cache
	source := config.ClientCredentials()
	want(t, source, 1)
	signOut(t, source)
	if n := len(cache.keys()); n != 0 {
		t.Errorf("%d entries are left", n)
	}
}

// A token that is on its way while its user is signed out goes to those who
// wait for it, and to nobody after them.
func TestSignOutWhileARequestIsUnderWay(t *testing.T) {
	for _, row := range []struct {
		name string
		open func(*fakeEntra) *Source
		then func(*testing.T, *Source)
	}{
		{"session", func(s *fakeEntra) *Source { return s.public().RefreshToken(testRefresh) }, wantNobody},
		{"function", func(s *fakeEntra) *Source {
			return Func(func(ctx context.Context) (string, time.Time, error) {
				token, err := s.source().TokenContext(ctx)
				return token.AccessToken, token.Expiry, err
			})
		}, func(t *testing.T, s *Source) { want(t, s, 2) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: slowly(time.Second, rotate)}
				source := row.open(server)
				waiter := make(chan struct{})
				go func() {
					defer close(waiter)
					want(t, source, 1)
				}()
				synctest.Wait()
				signOut(t, source)
				row.then(t, source)
				<-waiter
				row.then(t, source)
			})
		})
	}
}

// What came after the user was signed out is not kept, nor is the failure of the
// time before.
func TestSignOutForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: slowly(time.Second, succeed)}
		source := server.source()
		waiter := ask(t.Context(), source)
		synctest.Wait()
		signOut(t, source)
		if r := <-waiter; r.err != nil || r.token.AccessToken != tokenNumber(1) {
			t.Errorf("%v, %v", r.token, r.err)
		}
		want(t, source, 2)

		server = &fakeEntra{answer: refuse}
		source = server.source()
		for n := 1; n <= 3; n++ {
			if _, err := source.Token(); err == nil {
				t.Fatal("no error")
			}
			wantRequests(t, server, n)
			if n == 1 {
				signOut(t, source)
			} else {
				pass(rememberTerminal) // it is the first failure again
			}
		}
	})
}

// Where the cache fails, or time is over, nothing is forgotten.
func TestSignOutFails(t *testing.T) {
	failing := errors.New("no connection to the database")
	for _, row := range []struct {
		name  string
		cache func(*memCache)
		ctx   func(context.Context) context.Context
		want  error
	}{
		{"cache", func(c *memCache) { c.put = func(context.Context, string) error { return failing } }, nil, failing},
		{"context", func(c *memCache) {
			c.put = func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }
		}, func(ctx context.Context) context.Context {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			_ = cancel // ends by itself
			return ctx
		}, context.DeadlineExceeded},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: rotate}
				cache := new(memCache)
				config := server.config()
				config.Cache, config.CacheKey = cache, "account 1"
				source := signedInTest(t, config)
				row.cache(cache)
				ctx := t.Context()
				if row.ctx != nil {
					ctx = row.ctx(ctx)
				}
				err := source.SignOut(ctx)
				var e *Error
				if !errors.Is(err, row.want) || !errors.As(err, &e) {
					t.Errorf("%v; want an Error that is %v", err, row.want)
				}
				checkNoSecret(t, "error", err.Error())
				want(t, source, 1)
				want(t, config.Resume(), 1)
			})
		})
	}
}

// While a person is asked, who may never answer, the context is what ends the
// waiting.
func TestSignOutDuringASignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: func(_ int, r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}}
		source := server.public().DeviceCode(nil)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go source.TokenContext(ctx)
		synctest.Wait()
		limited, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := source.SignOut(limited); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestSignOutOfNothing(t *testing.T) {
	for name, source := range map[string]*Source{"nil": nil, "zero": {}, "broken": new(Config).ClientCredentials()} {
		var e *ConfigError
		if err := source.SignOut(t.Context()); !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
