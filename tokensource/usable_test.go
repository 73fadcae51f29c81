package tokensource

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
)

// hang never answers.
func hang(_ int, r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// The server hangs while the old token is good for four more minutes, and no
// caller has as much time as a renewal.
func TestUsableTokenIsHandedOutToHastyCallers(t *testing.T) {
	cancelled := func(t *testing.T) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return ctx, cancel
	}
	within := func(d time.Duration) func(*testing.T) (context.Context, context.CancelFunc) {
		return func(t *testing.T) (context.Context, context.CancelFunc) { return context.WithTimeout(t.Context(), d) }
	}
	for name, caller := range map[string]func(*testing.T) (context.Context, context.CancelFunc){
		"cancelled before":                    cancelled,
		"with half of a renewal's time":       within(renewalLimit / 2),
		"with 1 ns less than a renewal":       within(renewalLimit - 1),
		"with as much as a renewal":           within(renewalLimit),
		"with 1 ns more than a renewal":       within(renewalLimit + 1),
		"with a deadline after the expiry":    within(time.Hour),
		"with a deadline that is here by now": within(0),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: script(succeed, hang)}
				source := server.source()
				want(t, source, 1)
				pass(56 * time.Minute)
				for range 3 {
					ctx, cancel := caller(t)
					began := time.Now()
					token, err := source.TokenContext(ctx)
					cancel()
					if err != nil || token.AccessToken != tokenNumber(1) {
						t.Fatalf("%v, %v; want the old token", token, err)
					}
					if took := time.Since(began); took > renewalLimit {
						t.Errorf("the call took %v", took)
					}
				}
				pass(renewalLimit)
			})
		})
	}
}

// Callers who cannot wait for it do not end a renewal: it is for the next one.
func TestRenewalOutlivesItsWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(succeed, slowly(renewalLimit-1, succeed))}
		source := server.source()
		want(t, source, 1)
		pass(56 * time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if token, err := source.TokenContext(ctx); err != nil || token.AccessToken != tokenNumber(1) {
			t.Fatalf("%v, %v; want the old token", token, err)
		}
		pass(renewalLimit - time.Second)
		want(t, source, 2)
		wantRequests(t, server, 2)
	})
}

func TestTokenValidFor(t *testing.T) {
	const need = 10 * time.Minute
	rows := []struct {
		name     string
		lifetime time.Duration
		age      time.Duration
		need     time.Duration
		number   int // of the token
	}{
		{"61 minutes left", 62 * time.Minute, time.Minute, need, 1},
		{"11 minutes left", hour, 49 * time.Minute, need, 1},
		{"10 minutes left", hour, 50 * time.Minute, need, 1},
		{"1 ns less than 10 minutes left", hour, 50*time.Minute + 1, need, 2},
		{"9 minutes left", hour, 51 * time.Minute, need, 2},
		{"1 minute left", hour, 59 * time.Minute, need, 2},
		{"expired", hour, hour, need, 2},
		{"9 minutes left, 9 needed", hour, 51 * time.Minute, 9 * time.Minute, 1},
		{"9 minutes left, none needed", hour, 51 * time.Minute, 0, 1},
		{"9 minutes left, less than none needed", hour, 51 * time.Minute, -hour, 1},
		{"4 minutes left, 3 needed: as TokenContext", hour, 56 * time.Minute, 3 * time.Minute, 2},
		{"fresh ones live for less, 1 ns less than a minute old", 5 * time.Minute, time.Minute - 1, need, 1},
		{"fresh ones live for less, a minute old", 5 * time.Minute, time.Minute, need, 2},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: func(n int, _ *http.Request) (*http.Response, error) {
					return ok(n, int(row.lifetime.Seconds())), nil
				}}
				source := server.source()
				want(t, source, 1)
				pass(row.age)
				token, err := source.TokenValidFor(t.Context(), row.need)
				if err != nil || token.AccessToken != tokenNumber(row.number) {
					t.Errorf("%v, %v; want that of request %d", token, err, row.number)
				}
				wantRequests(t, server, row.number)
			})
		})
	}
}

// All who need a longer one share a request, and those who do not need it do
// not wait.
func TestTokenValidForSharesARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(succeed, slowly(time.Second, succeed))}
		source := server.source()
		want(t, source, 1)
		pass(51 * time.Minute)
		answers := make(chan *oauth2.Token)
		for range 64 {
			go func() {
				token, err := source.TokenValidFor(t.Context(), 10*time.Minute)
				if err != nil {
					t.Error(err)
				}
				answers <- token
			}()
		}
		synctest.Wait()
		want(t, source, 1)
		for range 64 {
			if token := <-answers; token.AccessToken != tokenNumber(2) {
				t.Errorf("%s", token.AccessToken)
			}
		}
		wantRequests(t, server, 2)
	})
}

// Whoever needs a longer one is told why there is none; to others the old one
// is as good as before.
func TestTokenValidForThatFails(t *testing.T) {
	for name, answer := range map[string]func(int, *http.Request) (*http.Response, error){
		"refused": refuse, "busy": unavailable, "no answer": hang,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: script(succeed, answer)}
				source := server.source()
				want(t, source, 1)
				pass(51 * time.Minute)
				for range 2 { // the second one gets what is remembered
					if token, err := source.TokenValidFor(t.Context(), 10*time.Minute); err == nil {
						t.Errorf("token %v", token)
					}
					want(t, source, 1)
				}
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				if _, err := source.TokenValidFor(ended, 10*time.Minute); !errors.Is(err, context.Canceled) {
					t.Errorf("cancelled: %v", err)
				}
				if _, err := source.TokenValidFor(ended, time.Minute); err != nil {
					t.Errorf("cancelled, but the token will do: %v", err)
				}
			})
		})
	}
}

// A server whose tokens live for less than what is needed is asked once a
// minute.
func TestTokenValidForLongerThanAnyIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := new(fakeEntra)
		source := server.source()
		for range 600 {
			if _, err := source.TokenValidFor(t.Context(), 2*hour); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
		}
		wantRequests(t, server, 10)
	})
}

// What is in the Cache will do only where it is valid for long enough.
func TestTokenValidForWithCache(t *testing.T) {
	for name, row := range map[string]struct {
		age    time.Duration
		number int
	}{"9 minutes left": {51 * time.Minute, 2}, "10 minutes left": {50 * time.Minute, 1}} {
		for flow, open := range map[string]func(*Config) *Source{
			"application": (*Config).ClientCredentials,
			"user":        func(c *Config) *Source { return c.RefreshToken(testRefresh) },
		} {
			t.Run(flow+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := &fakeEntra{answer: rotate}
					config := server.config()
					config.Cache = newLockingCache()
					want(t, open(config), 1)
					pass(row.age)
					source := open(config) // the next run of the program
					token, err := source.TokenValidFor(t.Context(), 10*time.Minute)
					if err != nil || token.AccessToken != tokenNumber(row.number) {
						t.Errorf("%v, %v; want that of request %d", token, err, row.number)
					}
					wantRequests(t, server, row.number)
				})
			})
		}
	}
}

// A stored token that has grown old is not handed out in the place of a new
// one, if it is about to expire.
func TestStoredTokenThatIsAboutToExpire(t *testing.T) {
	for age, number := range map[time.Duration]int{time.Minute - 1: 1, time.Minute: 2, 64 * time.Second: 2} {
		for flow, open := range map[string]func(*Config) *Source{
			"application": (*Config).ClientCredentials,
			"user":        func(c *Config) *Source { return c.RefreshToken(testRefresh) },
		} {
			t.Run(fmt.Sprint(flow, " ", age), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := &fakeEntra{answer: func(n int, _ *http.Request) (*http.Response, error) { return ok(n, 65), nil }}
					config := server.config()
					config.Cache = newLockingCache()
					want(t, open(config), 1)
					pass(age)
					want(t, open(config), number)
				})
			})
		}
	}
}

// Functions of others that do not heed their context keep nobody from the old
// token, and the token that they bring in the end is kept.
func TestUsableTokenIsHandedOutWhateverHangs(t *testing.T) {
	type gate chan struct{}
	later := func(g gate) func(context.Context, string) error { // than the first token
		begun := time.Now()
		return func(context.Context, string) error {
			if time.Since(begun) > 0 {
				<-g
			}
			return nil
		}
	}
	for name, open := range map[string]func(*Config, gate) *Source{
		"Func": func(_ *Config, g gate) *Source {
			n := 0
			return Func(func(context.Context) (string, time.Time, error) {
				if n++; n > 1 {
					<-g
				}
				return tokenNumber(n), time.Now().Add(hour), nil
			})
		},
		"Assertion": func(c *Config, g gate) *Source {
			n := 0
			c.Credential = Assertion(func(context.Context) (string, error) {
				if n++; n > 1 {
					<-g
				}
				return testJWT, nil
			})
			return c.ClientCredentials()
		},
		"Get": func(c *Config, g gate) *Source {
			c.Cache = &memCache{get: later(g)}
			return c.ClientCredentials()
		},
		"Put": func(c *Config, g gate) *Source {
			c.Cache = &memCache{put: later(g)}
			return c.ClientCredentials()
		},
		"transport": func(c *Config, g gate) *Source {
			server := c.HTTPClient.Transport.(*fakeEntra)
			server.answer = script(succeed, func(n int, _ *http.Request) (*http.Response, error) { <-g; return ok(n, 3600), nil })
			return c.ClientCredentials()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := make(gate)
				config := new(fakeEntra).config()
				log := logged(config)
				source := open(config, g)
				want(t, source, 1)
				pass(56 * time.Minute)
				began := time.Now()
				want(t, source, 1)
				if took := time.Since(began); took != renewalLimit+renewalGrace {
					t.Errorf("the call took %v", took)
				}
				want(t, source, 1) // at once: it is remembered
				if took := time.Since(began); took != renewalLimit+renewalGrace {
					t.Errorf("the second call took %v", took)
				}
				synctest.Wait()
				if name != "Func" && !strings.Contains(warnings(log), "goes on although its context has ended") {
					t.Errorf("log: %s", log)
				}
				close(g)
				synctest.Wait()
				want(t, source, 2)
			})
		})
	}
}

// A program that starts finds a token that is good for four more minutes, and
// then nothing works.
func TestStoredTokenIsHandedOutWhateverFails(t *testing.T) {
	broken := func(context.Context, string) error { return errors.New("no route to the database") }
	afterGet := func(c *lockingCache) {
		gets := 0
		c.get = func(context.Context, string) error {
			if gets++; gets > 1 {
				return errors.New("no route to the database")
			}
			return nil
		}
	}
	troubles := map[string]struct {
		begin  func(*lockingCache)
		answer func(int, *http.Request) (*http.Response, error)
	}{
		"another process has the lock": {func(c *lockingCache) { c.lock <- struct{}{} }, rotate},
		"the second Get fails":         {afterGet, rotate},
		"Put fails":                    {func(c *lockingCache) { c.put = broken }, rotate},
		"the server refuses":           {func(*lockingCache) {}, refuse},
		"the server hangs":             {func(*lockingCache) {}, hang},
		"the refresh token is revoked": {func(*lockingCache) {}, badRequest(revoked)},
	}
	for trouble, row := range troubles {
		for caller, limit := range map[string]time.Duration{"with time": time.Hour, "in a hurry": time.Second} {
			t.Run(trouble+", a caller "+caller, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := &fakeEntra{answer: script(rotate, row.answer)}
					config := server.public()
					cache := newLockingCache()
					config.Cache = cache
					want(t, config.RefreshToken(testRefresh), 1)
					pass(56 * time.Minute)
					row.begin(cache)
					log := logged(config)
					source := config.RefreshToken(testRefresh)
					for range 3 {
						ctx, cancel := context.WithTimeout(t.Context(), limit)
						began := time.Now()
						token, err := source.TokenContext(ctx)
						cancel()
						if err != nil || token.AccessToken != tokenNumber(1) {
							t.Fatalf("%v, %v; want the stored token", token, err)
						}
						if took := time.Since(began); took > renewalLimit+renewalGrace {
							t.Errorf("the call took %v", took)
						}
					}
					pass(renewalLimit)
					if locked := len(cache.lock) > 0; locked && !strings.Contains(warnings(log), "waiting for the lock") {
						t.Errorf("log: %s", log)
					}
				})
			})
		}
	}
}

type hangingKey struct {
	crypto.Signer
	gate <-chan struct{}
}

func (k hangingKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	<-k.gate
	return nil, errors.New("too late")
}

// A key in a vault that is away, or a file on a disk that hangs, keeps nobody
// beyond the time limit of a request, whether they have an end of their own or
// not.
func TestCredentialThatHangs(t *testing.T) {
	gate := make(chan struct{})
	for name, credential := range map[string]func(t *testing.T) Credential{
		"key": func(*testing.T) Credential {
			return Certificate(testChain(), hangingKey{testKey(), gate}, nil)
		},
		"file": func(t *testing.T) Credential {
			path := filepath.Join(t.TempDir(), "pipe")
			if err := exec.Command("mkfifo", path).Run(); err != nil {
				t.Skip("no pipes here: ", err)
			}
			t.Cleanup(func() { // its reader ends with a writer
				if f, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
					f.Close()
				}
			})
			return AssertionFile(path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := new(fakeEntra)
			config := server.config()
			config.Credential = credential(t)
			config.HTTPClient.Timeout = 50 * time.Millisecond
			source := config.ClientCredentials()
			done := make(chan error, 1)
			go func() {
				_, err := source.Token()
				done <- err
			}()
			select {
			case err := <-done:
				wantError(t, err, "time limit")
			case <-time.After(30 * time.Second):
				t.Fatal("hangs")
			}
			wantRequests(t, server, 0)
		})
	}
	close(gate)
}
