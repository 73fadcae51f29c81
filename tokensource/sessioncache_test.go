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

	"github.com/exoauth/exoauth/tokencache"
)

// A refresh token is stored before it is used, and before anybody has the
// access token that came with it.
func TestStoredBeforeUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: rotate}
		config := server.public()
		entered, release := make(chan bool), make(chan struct{})
		config.Cache = &memCache{put: func(context.Context, string) error {
			entered <- true
			<-release
			return nil
		}}
		caller := ask(t.Context(), config.RefreshToken(testRefresh))
		<-entered
		synctest.Wait()
		select {
		case <-caller:
			t.Error("the access token was handed out before the refresh token was stored")
		default:
		}
		close(release)
		if r := <-caller; r.err != nil {
			t.Error(r.err)
		}
	})
}

// A refresh token that could not be stored is not lost, nor used unstored, and
// the token that came with it will do.
func TestFailedPutIsRepeatedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: rotate}
		full, tries := errors.New("disk full"), 0
		cache := &memCache{put: func(context.Context, string) error {
			if tries++; tries <= 2 {
				return fmt.Errorf("cannot write: %w", full)
			}
			return nil
		}}
		config := server.public()
		config.Cache = cache
		source := config.RefreshToken(testRefresh)
		for range 2 {
			if _, err := source.Token(); !errors.Is(err, full) || !strings.Contains(err.Error(), "Config.Cache") {
				t.Fatalf("error %v", err)
			}
			pass(rememberAtMost)
		}
		want(t, source, 1)
		wantRequests(t, server, 1)
		if got := cache.only(t).RefreshToken; got != refreshNumber(1) {
			t.Errorf("stored %q", got)
		}
		pass(hour)
		want(t, source, 2)
		server.wantForm(t, 2, refreshForm(refreshNumber(1)))
	})
}

// What can be had again is handed out, stored or not.
func TestCacheInTrouble(t *testing.T) {
	broken := func(context.Context, string) error { return errors.New("no route to the database") }
	rows := []struct {
		name  string
		cache tokencache.Cache
		user  bool // the flow is a user's
		fails bool
		warns int
	}{
		{"application, not read", &memCache{get: broken}, false, false, 1},
		{"application, not written", &memCache{put: broken}, false, false, 1},
		{"application, not read, with locks", &lockingCache{memCache: memCache{get: broken}, lock: make(chan struct{}, 1)}, false, false, 1},
		{"application, neither", &memCache{get: broken, put: broken}, false, false, 2},
		{"user, not read", &memCache{get: broken}, true, true, 1}, // "request failed"
		{"user, not written", &memCache{put: broken}, true, true, 1},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: rotate}
				config := server.config()
				config.Cache = row.cache
				log := logged(config)
				source := config.ClientCredentials()
				if row.user {
					source = config.RefreshToken(testRefresh)
				}
				_, err := source.Token()
				if (err != nil) != row.fails || err != nil && !strings.Contains(err.Error(), "no route") {
					t.Errorf("error %v", err)
				}
				if n := strings.Count(warnings(log), "no route"); n != row.warns {
					t.Errorf("%d records: %s", n, log)
				}
				checkNoSecret(t, "log", log.String())
			})
		})
	}
}

// A user's access token that comes without a new refresh token can be had again
// with the old one.
func TestAccessTokenOfUserNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(rotate, succeed)}
		full := false
		config := server.public()
		config.Cache = &memCache{put: func(context.Context, string) error {
			if full {
				return errors.New("disk full")
			}
			return nil
		}}
		log := logged(config)
		source := config.RefreshToken(testRefresh)
		want(t, source, 1)
		full = true
		pass(hour)
		want(t, source, 2)
		if !strings.Contains(warnings(log), "was not stored") {
			t.Errorf("log: %s", log)
		}
	})
}

func TestCacheThatNamesTheTokensIsRedacted(t *testing.T) {
	server := &fakeEntra{answer: func(n int, _ *http.Request) (*http.Response, error) {
		return response(200, fmt.Sprintf(`{"expires_in":3600,"access_token":"%s","refresh_token":"%s","id_token":"PLANTED.%s"}`, tokenNumber(n), refreshNumber(n), strings.Repeat("id", 20))), nil
	}}
	cache := new(tellTale)
	for _, user := range []bool{false, true} {
		config := server.config()
		config.Cache = cache
		log := logged(config)
		source := config.ClientCredentials()
		if user {
			source = config.RefreshToken(testRefresh)
		}
		_, err := source.Token()
		if user != (err != nil) {
			t.Fatalf("error %v", err)
		}
		checkAllVerbs(t, "error", err, source)
		checkNoSecret(t, "log", log.String())
		if warnings(log) == "" {
			t.Error("nothing in the log")
		}
	}
}

// tellTale quotes what it cannot store.
type tellTale struct{ memCache }

func (*tellTale) Put(_ context.Context, _ string, value []byte) error {
	return fmt.Errorf("insert %s %q", value, value)
}

// What a program finds in its cache when it starts, it does not know yet.
func TestCacheThatNamesWhatItCannotReadIsRedacted(t *testing.T) {
	server := &fakeEntra{answer: func(n int, _ *http.Request) (*http.Response, error) {
		return response(200, fmt.Sprintf(`{"expires_in":3600,"scope":"a b","access_token":"%s","refresh_token":%q,"id_token":"PLANTED.%s"}`, tokenNumber(n), testRefresh, strings.Repeat("id", 20))), nil
	}}
	cache := new(memCache)
	config := server.public()
	config.Cache = cache
	want(t, config.RefreshToken("another"), 1)
	reason := errors.New("bad value")
	if n := len(cache.keys()); n != 1 {
		t.Fatalf("%d entries", n)
	}
	for _, value := range cache.keys() {
		for _, quoted := range []string{string(value), fmt.Sprintf("%q", value), strings.ReplaceAll(string(value), `":"`, `": "`)} {
			for _, wrapped := range []error{reason, tokencache.ErrMiss} {
				cache.get = func(context.Context, string) error { return fmt.Errorf("%w: %s", wrapped, quoted) }
				cache.put = cache.get
				log := logged(config)
				_, err := config.RefreshToken("another").Token()
				if err == nil {
					t.Fatal("no error")
				}
				checkAllVerbs(t, "error", err)
				checkNoSecret(t, "log", log.String())
				if !strings.Contains(warnings(log), wrapped.Error()) {
					t.Errorf("log: %s", log)
				}
			}
		}
	}
}

// The flow that everybody has left still stores what it has got, and the next
// call waits for it.
func TestAbandonedPutIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: rotate}
		config := server.public()
		running := 0
		cache := &memCache{put: func(ctx context.Context, _ string) error {
			if running++; running > 1 {
				t.Error("two at a time")
			}
			defer func() { running-- }()
			pass(cacheLimit / 2)
			return ctx.Err()
		}}
		config.Cache = cache
		source := config.RefreshToken(testRefresh)
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if r := <-ask(ctx, source); !errors.Is(r.err, context.DeadlineExceeded) {
				t.Fatalf("error %v", r.err)
			}
		}
		pass(cacheLimit)
		if cache.only(t).RefreshToken != refreshNumber(1) {
			t.Error("not stored")
		}
		want(t, source, 1)
		wantRequests(t, server, 1)
	})
}

// A cache that does not end by itself.
func TestCacheThatHangs(t *testing.T) {
	hang := func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }
	for name, cache := range map[string]*memCache{"get": {get: hang}, "put": {put: hang}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config := (&fakeEntra{answer: rotate}).config()
				config.Cache = cache
				began := time.Now()
				if _, err := config.RefreshToken(testRefresh).Token(); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != cacheLimit {
					t.Errorf("error %v after %v", err, time.Since(began))
				}
				began = time.Now()
				if _, err := config.ClientCredentials().Token(); err != nil || time.Since(began) != cacheLimit {
					t.Errorf("error %v after %v", err, time.Since(began))
				}
			})
		})
	}
}

// Whoever has signed in last is the user, although their tokens are not stored
// yet: those of the one before are neither handed out nor used.
func TestSignInThatIsNotStoredIsNotForgotten(t *testing.T) {
	full := errors.New("disk full")
	rows := []struct {
		name   string
		after  time.Duration // of the sign-in that is not stored
		want   string
		failed func(*lockingCache) (mend func())
	}{
		{"not written", rememberAtMost, "bob's", func(c *lockingCache) func() {
			c.put = func(context.Context, string) error { return full }
			return func() { c.put = nil }
		}},
		{"locked", rememberAtMost, "bob's", func(c *lockingCache) func() {
			c.lock <- struct{}{}
			return func() { <-c.lock }
		}},
		{"not written for an hour", hour, tokenNumber(3), func(c *lockingCache) func() {
			c.put = func(context.Context, string) error { return full }
			return func() { c.put = nil }
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: script(answerWith(200, deviceAnswer), rotate)}
				config, cache := server.public(), newLockingCache()
				config.Cache = cache
				want(t, config.DeviceCode(new(shown).show), 2)

				cl, _ := config.userClient()
				s := newUserSession(cl, cl.keyOf(keyPerson), func(context.Context, pauseFunc) (*token, error) {
					bobs := newToken("bob's", time.Now(), hour)
					bobs.RefreshToken = "bobs.refresh.token"
					return bobs, nil
				})
				s.interactive, s.anew = true, true
				source := s.source()
				mend := row.failed(cache)
				if _, err := source.Token(); err == nil {
					t.Fatal("no error")
				}
				pass(row.after)
				mend()
				if token, err := source.Token(); err != nil || token.AccessToken != row.want {
					t.Errorf("%v, %v; want %s", token, err, row.want)
				}
				if row.after == hour {
					server.wantForm(t, 3, refreshForm("bobs.refresh.token"))
				} else if got := cache.only(t).RefreshToken; got != "bobs.refresh.token" {
					t.Errorf("stored %q", got)
				}
			})
		})
	}
}

// An entry that could not be deleted does not come back in the place of what
// has been got since.
func TestEndedRefreshTokenStaysEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(rotate, badRequest(revoked), rotate)}
		broken := func(context.Context, string) error { return errors.New("read only") }
		cache := new(memCache)
		config := server.public()
		config.Cache = cache
		source := config.Password("jane@contoso.com", testPassword)
		want(t, source, 1)
		pass(hour)
		cache.put, cache.delete = broken, broken
		if _, err := source.Token(); err == nil {
			t.Error("no error")
		}
		pass(rememberAtMost)
		cache.put, cache.delete = nil, nil
		want(t, source, 3)
		wantRequests(t, server, 3)
		if got := cache.only(t).RefreshToken; got != refreshNumber(3) {
			t.Errorf("stored %q", got)
		}
	})
}

// A refresh token that could not be stored at first is not redeemed before there
// is room for the next one either.
func TestRoomIsMadeAfterATokenThatWasNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: rotate}
		config, cache := server.public(), newLockingCache()
		config.Cache = cache
		source := config.RefreshToken(testRefresh)
		puts := 0
		cache.put = func(context.Context, string) error {
			if puts++; puts > 1 { // room for the first answer, which then finds none
				return errors.New("no space left")
			}
			return nil
		}
		if _, err := source.Token(); err == nil {
			t.Fatal("no error")
		}
		wantRequests(t, server, 1)
		pass(2 * hour) // the answer has grown old
		puts = 0
		cache.put = func(context.Context, string) error {
			if puts++; puts == 2 {
				return errors.New("no space left") // for the next one
			}
			return nil
		}
		if _, err := source.Token(); err == nil {
			t.Error("no error")
		}
		wantRequests(t, server, 1)
		cache.put = nil
		pass(rememberAtMost)
		want(t, source, 2)
	})
}

// A token that is stored late stays in the entry while the next one is asked
// for.
func TestRoomKeepsATokenThatWasNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(rotate, unavailable)}
		config, cache := server.public(), newLockingCache()
		config.Cache = cache
		source := config.RefreshToken(testRefresh)
		puts := 0
		cache.put = func(context.Context, string) error {
			if puts++; puts > 1 {
				return errors.New("no space left")
			}
			return nil
		}
		if _, err := source.Token(); err == nil {
			t.Fatal("no error")
		}
		cache.put = nil
		pass(hour - time.Minute) // it is still valid, but to be renewed
		source.Token()
		if got := cache.only(t); got.AccessToken != tokenNumber(1) || got.RefreshToken != refreshNumber(1) {
			t.Errorf("stored %q and %q, want those of request 1", got.AccessToken, got.RefreshToken)
		}
		if server.requests() < 2 {
			t.Error("no other one was asked for")
		}
	})
}
