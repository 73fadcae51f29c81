package tokensource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/internal/verdict"
	"github.com/exoauth/exoauth/tokencache"
)

// A refusal of the refresh token itself deletes the entry, another one does not.
func TestEndedRefreshTokenIsDeleted(t *testing.T) {
	rows := []struct {
		name    string
		answer  string
		deleted bool
	}{
		{"revoked", revoked, true},
		{"inactive for 90 days", `{"error":"invalid_grant","error_codes":[700082]}`, true},
		{"bad_token alone", `{"error":"invalid_grant","suberror":"bad_token"}`, true},
		{"another server's invalid_grant", `{"error":"invalid_grant"}`, true},
		{"consent missing", `{"error":"invalid_grant","suberror":"consent_required","error_codes":[65001]}`, false},
		{"MFA demanded", mfaNeeded, false},
		{"Conditional Access", `{"error":"invalid_grant","suberror":"message_only","error_codes":[53003]}`, false},
		{"the secret has expired", expiredSecret, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: script(rotate, badRequest(row.answer))}
				config := server.public()
				cache := new(memCache)
				config.Cache = cache
				want(t, config.RefreshToken(testRefresh), 1)
				pass(hour)
				if _, err := config.RefreshToken(testRefresh).Token(); err == nil {
					t.Fatal("no error")
				}
				if deleted := len(cache.keys()) == 0; deleted != row.deleted {
					t.Errorf("deleted %t", deleted)
				}
				wantRequests(t, server, 2)
			})
		})
	}
}

// Without locks another process may have used the refresh token: its successor
// is in the cache.
func TestRefusedRefreshTokenHasASuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := new(memCache)
		server := new(fakeEntra)
		server.answer = func(n int, r *http.Request) (*http.Response, error) {
			if n != 2 {
				return rotate(n, r)
			}
			cache.change(t, func(r *record) { r.RefreshToken = "PLANTED.successor" })
			return badRequest(revoked)(n, r)
		}
		config := server.public()
		config.Cache = cache
		source := config.RefreshToken(testRefresh)
		want(t, source, 1)
		pass(hour)
		want(t, source, 3)
		server.wantForm(t, 3, refreshForm("PLANTED.successor"))
		if cache.only(t).RefreshToken != refreshNumber(3) {
			t.Error("not stored")
		}
	})
}

// The token that was refused is not handed out by anybody else, and the refresh
// token stays.
func TestInvalidateClearsTheCache(t *testing.T) {
	rows := []struct {
		name    string
		config  func(*fakeEntra) *Config
		cache   tokencache.Cache
		source  func(*Config) *Source
		entries int
		access  string
	}{
		{"application", (*fakeEntra).config, new(memCache), (*Config).ClientCredentials, 0, ""},
		{"user, locked", (*fakeEntra).public, newLockingCache(), func(c *Config) *Source { return c.RefreshToken(testRefresh) }, 1, ""},
		// To write it anew might undo what another process has stored.
		{"user, no locks", (*fakeEntra).public, new(memCache), func(c *Config) *Source { return c.RefreshToken(testRefresh) }, 1, tokenNumber(1)},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: rotate}
				config := row.config(server)
				config.Cache = row.cache
				cache, ok := row.cache.(*memCache)
				if !ok {
					cache = &row.cache.(*lockingCache).memCache
				}
				want(t, row.source(config), 1)
				pass(2 * time.Minute)
				source := row.source(config) // gets it from the cache
				source.Invalidate(want(t, source, 1))
				if got := len(cache.keys()); got != row.entries {
					t.Fatalf("%d entries; want %d", got, row.entries)
				}
				if row.entries > 0 {
					if r := cache.only(t); r.AccessToken != row.access || r.RefreshToken != refreshNumber(1) {
						t.Errorf("%+v", r)
					}
				}
				want(t, source, 2)
				want(t, row.source(config), 2)
				wantRequests(t, server, 2)
			})
		})
	}
}

// What another process has stored meanwhile is not cleared, but used.
func TestInvalidateLeavesTheNextToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := new(fakeEntra)
		config := server.config()
		config.Cache = newLockingCache()
		one, other := config.ClientCredentials(), config.ClientCredentials()
		token := want(t, one, 1)
		want(t, other, 1)
		pass(2 * time.Minute)
		other.Invalidate(token)
		want(t, other, 2)
		one.Invalidate(token)
		want(t, one, 2)
		wantRequests(t, server, 2)
	})
}

// A call that comes while Invalidate is at work does not find the token in the
// cache.
func TestInvalidateAndACallAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := (&fakeEntra{answer: rotate}).public()
		config.Cache = newLockingCache()
		source := config.RefreshToken(testRefresh)
		token := want(t, source, 1)
		pass(2 * time.Minute)
		meddler := &calledWhileClearing{source.flow().(*userSession), func() { want(t, source, 2) }}
		source.flow = func() flow { return meddler }
		source.Invalidate(token)
		want(t, source, 2)
	})
}

type calledWhileClearing struct {
	*userSession
	call func()
}

func (c *calledWhileClearing) forget(accessToken string) func() {
	clear := c.userSession.forget(accessToken)
	return func() {
		c.call()
		clear()
	}
}

func TestInvalidateWithCacheThatHangs(t *testing.T) {
	hang := func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }
	rows := []struct {
		name string
		user bool
		hang func(*lockingCache)
	}{
		{"lock", false, func(c *lockingCache) { c.lock <- struct{}{} }},
		{"get", false, func(c *lockingCache) { c.get = hang }},
		{"delete", false, func(c *lockingCache) { c.delete = hang }},
		{"put", true, func(c *lockingCache) { c.put = hang }},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: rotate}
				config, cache := server.public(), newLockingCache()
				source := func() *Source { return config.RefreshToken(testRefresh) }
				if !row.user {
					config = server.config()
					source = config.ClientCredentials
				}
				config.Cache = cache
				log := logged(config)
				s := source()
				token := want(t, s, 1)
				pass(2 * time.Minute)
				row.hang(cache)
				began := time.Now()
				s.Invalidate(token)
				if took := time.Since(began); took != clearLimit {
					t.Errorf("took %v", took)
				}
				if !strings.Contains(warnings(log), "still in the cache") {
					t.Errorf("log: %s", log)
				}
				cache.get, cache.put, cache.delete = nil, nil, nil
				if len(cache.lock) > 0 {
					<-cache.lock
				}
				want(t, s, 2)
			})
		})
	}
}

// Sources that share a cache with locks make one request between them.
func TestSourcesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: slowly(time.Second, rotate)}
		config := server.public()
		config.Cache = newLockingCache()
		var callers []<-chan result
		for range 16 {
			callers = append(callers, ask(t.Context(), config.RefreshToken(testRefresh)))
		}
		for _, c := range callers {
			if r := <-c; r.err != nil || r.token.AccessToken != tokenNumber(1) {
				t.Errorf("%v, %v", r.token, r.err)
			}
		}
		wantRequests(t, server, 1)
	})
}

// The lock of a process that hangs, for a user and for an application.
func TestLockThatIsNeverFree(t *testing.T) {
	for _, user := range []bool{false, true} {
		t.Run(fmt.Sprint("user ", user), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: rotate}
				config := server.config()
				cache := newLockingCache()
				cache.lock <- struct{}{}
				config.Cache = cache
				log := logged(config)
				source := config.ClientCredentials()
				if user {
					source = config.RefreshToken(testRefresh)
				}
				began := time.Now()
				_, err := source.Token()
				if took := time.Since(began); took != lockLimit {
					t.Errorf("took %v", took)
				}
				locked, ok := errors.AsType[*tokencache.Error](err)
				if user && (!ok || !verdict.Retryable(err) || !strings.Contains(locked.Error(), "another process")) || !user && err != nil {
					t.Errorf("error %v", err)
				}
				if !strings.Contains(warnings(log), "another process") {
					t.Errorf("log: %s", log)
				}
			})
		})
	}
	t.Run("the caller leaves first", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			config := (&fakeEntra{answer: rotate}).config()
			cache := newLockingCache()
			cache.lock <- struct{}{}
			config.Cache = cache
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if r := <-ask(ctx, config.RefreshToken(testRefresh)); !errors.Is(r.err, context.DeadlineExceeded) {
				t.Errorf("error %v", r.err)
			}
		})
	})
}

// A person signs in once, whatever becomes of the program.
func TestPersonIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(answerWith(200, deviceAnswer), rotate)}
		cache := newLockingCache()
		config := server.public()
		config.Cache = cache
		var s shown
		want(t, config.DeviceCode(s.show), 2)
		pass(24 * time.Hour)
		want(t, config.DeviceCode(s.show), 3)
		server.wantForm(t, 3, refreshForm(refreshNumber(2)))
		if len(s.codes) != 1 {
			t.Errorf("asked %d times", len(s.codes))
		}
	})
}

// While a person is asked, nobody else is kept waiting; what comes of it is
// stored in turn.
func TestLockIsFreeWhileAPersonIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(answerWith(200, deviceAnswer), rotate)}
		cache := newLockingCache()
		cache.put = func(context.Context, string) error {
			if len(cache.lock) != 1 {
				t.Error("stored without the lock")
			}
			return nil
		}
		config := server.public()
		config.Cache = cache
		source := config.DeviceCode(func(context.Context, DeviceCode) error {
			if len(cache.lock) != 0 {
				t.Error("locked")
			}
			return nil
		})
		want(t, source, 2)
	})
}

// A revoked sign-in is replaced by a new one.
func TestPersonIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(answerWith(200, deviceAnswer), rotate, badRequest(revoked), answerWith(200, deviceAnswer), rotate)}
		config := server.public()
		cache := newLockingCache()
		config.Cache = cache
		var s shown
		want(t, config.DeviceCode(s.show), 2)
		pass(24 * time.Hour)
		want(t, config.DeviceCode(s.show), 5)
		if len(s.codes) != 2 || cache.only(t).RefreshToken != refreshNumber(5) {
			t.Errorf("asked %d times", len(s.codes))
		}
	})
}

// A sign-in that cannot be stored yet is kept, and nobody is asked for it again.
func TestSignInThatIsNotStoredYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(answerWith(200, deviceAnswer), rotate)}
		cache := newLockingCache()
		config := server.public()
		config.Cache = cache
		var s shown
		source := config.DeviceCode(func(ctx context.Context, code DeviceCode) error {
			cache.lock <- struct{}{}
			return s.show(ctx, code)
		})
		if _, err := source.Token(); !verdict.Retryable(err) || !strings.Contains(err.Error(), "another process") {
			t.Fatalf("error %v", err)
		}
		pass(rememberAtMost)
		<-cache.lock
		want(t, source, 2)
		if len(s.codes) != 1 || cache.only(t).RefreshToken != refreshNumber(2) {
			t.Errorf("asked %d times", len(s.codes))
		}
	})
}

// A Cache of one's own says by tokencache.ErrMiss that a value is of no use.
func TestMissWithAReason(t *testing.T) {
	server := &fakeEntra{answer: rotate}
	config := server.public()
	cache := &memCache{get: func(context.Context, string) error { return fmt.Errorf("%w: bad padding", tokencache.ErrMiss) }}
	config.Cache = cache
	log := logged(config)
	want(t, config.RefreshToken(testRefresh), 1)
	if !strings.Contains(warnings(log), "bad padding") {
		t.Errorf("log: %s", log)
	}
}

func TestEndedRefreshTokenIsNotDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(rotate, badRequest(revoked))}
		config := server.public()
		config.Cache = &memCache{delete: func(context.Context, string) error { return errors.New("no route for " + refreshNumber(1)) }}
		log := logged(config)
		source := config.RefreshToken(testRefresh)
		want(t, source, 1)
		pass(hour)
		if _, err := source.Token(); !errors.Is(err, ErrInteractionRequired) {
			t.Errorf("error %v", err)
		}
		if !strings.Contains(warnings(log), "was not deleted") {
			t.Errorf("log: %s", log)
		}
		checkNoSecret(t, "log", log.String())
	})
}
