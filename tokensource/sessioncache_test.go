package tokensource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// logged is a Config whose log is kept.
func logged(config *Config) *bytes.Buffer {
	log := new(bytes.Buffer)
	config.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return log
}

// warnings are the records of the log at level Warn.
func warnings(log *bytes.Buffer) string {
	var warned []string
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "level=WARN") {
			warned = append(warned, line)
		}
	}
	return strings.Join(warned, "")
}

// The next run of a program makes no request while the token is fresh, and one
// with the refresh token that the run before has got when it is not.
func TestNextRun(t *testing.T) {
	rows := []struct {
		name    string
		after   time.Duration
		request bool
	}{
		{"at once", 0, false},
		{"five minutes early, but for a second", 55*time.Minute - time.Second, false},
		{"five minutes early", 55 * time.Minute, true},
		{"expired", time.Hour, true},
		{"after 89 days", 89 * 24 * time.Hour, true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: rotate}
				config := server.public()
				config.Cache = new(memCache)
				log := logged(config)
				first := want(t, config.RefreshToken(testRefresh), 1)
				pass(row.after)
				if !row.request {
					second := want(t, config.RefreshToken(testRefresh), 1)
					if !second.Expiry.Equal(first.Expiry) || second.Type() != "Bearer" {
						t.Errorf("expires %v; want %v", second.Expiry, first.Expiry)
					}
					wantRequests(t, server, 1)
				} else {
					want(t, config.RefreshToken(testRefresh), 2)
					server.wantForm(t, 2, refreshForm(refreshNumber(1)))
				}
				checkNoSecret(t, "log", log.String())
				if warnings(log) != "" {
					t.Errorf("warned: %s", log)
				}
			})
		})
	}
}

// What the next run gets is renewed as if it had asked for it.
func TestStoredTokenIsRenewedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := new(fakeEntra)
		config := server.config()
		config.Cache = new(memCache)
		want(t, config.ClientCredentials(), 1)
		pass(20 * time.Minute)
		source := config.ClientCredentials()
		want(t, source, 1)
		pass(35*time.Minute - 1)
		want(t, source, 1)
		pass(1)
		want(t, source, 2)
		wantRequests(t, server, 2)
	})
}

// refresh_in: the next run has its token at once, and a new one soon after.
func TestStoredTokenThatIsDueStartsTheNextRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: func(n int, _ *http.Request) (*http.Response, error) {
			return response(200, fmt.Sprintf(`{"expires_in":3600,"refresh_in":1800,"access_token":"%s"}`, tokenNumber(n))), nil
		}}
		config := server.config()
		config.Cache = new(memCache)
		want(t, config.ClientCredentials(), 1)
		pass(40 * time.Minute)
		source := config.ClientCredentials()
		if got := want(t, source, 1).Extra("refresh_in"); got != "1800" {
			t.Errorf("refresh_in %v", got)
		}
		want(t, source, 1)
		synctest.Wait()
		want(t, source, 2)
		wantRequests(t, server, 2)
	})
}

// A server in trouble: a stored token is good until it expires.
func TestStoredTokenInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(succeed, refuse)}
		config := server.config()
		config.Cache = new(memCache)
		log := logged(config)
		want(t, config.ClientCredentials(), 1)
		pass(57 * time.Minute)
		source := config.ClientCredentials()
		want(t, source, 1)
		want(t, source, 1)
		pass(3 * time.Minute)
		if _, err := source.Token(); err == nil {
			t.Error("an expired token was handed out")
		}
		if !strings.Contains(warnings(log), "AADSTS7000222") {
			t.Errorf("log: %s", log)
		}
	})
}

// pass does not survive the clock on the wall being set, so the entry is
// changed instead.
func TestStoredTokenFromTheFuture(t *testing.T) {
	rows := []struct {
		name     string
		ahead    time.Duration
		requests int
	}{
		{"within the tolerance", clockTolerance, 1},
		{"beyond", clockTolerance + time.Second, 2},
		{"by a year", 365 * 24 * time.Hour, 2},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: rotate}
				config := server.public()
				cache := new(memCache)
				config.Cache = cache
				log := logged(config)
				want(t, config.RefreshToken(testRefresh), 1)
				cache.change(t, func(r *record) { r.Asked = r.Asked.Add(row.ahead) })
				token := want(t, config.RefreshToken(testRefresh), row.requests)
				if left := time.Until(token.Expiry); left > time.Hour {
					t.Errorf("expires in %v", left)
				}
				if row.requests == 2 {
					server.wantForm(t, 2, refreshForm(refreshNumber(1))) // the sign-in is not lost
					if !strings.Contains(warnings(log), "from the future") {
						t.Errorf("log: %s", log)
					}
					want(t, config.RefreshToken(testRefresh), 2)
				}
			})
		})
	}
}

// A value that is of no use: a new token, a record, and the value replaced.
func TestDamagedEntryIsReplaced(t *testing.T) {
	for name, damage := range map[string]func(value []byte) []byte{
		"torn":            func(v []byte) []byte { return v[:len(v)/2] },
		"a byte short":    func(v []byte) []byte { return v[:len(v)-1] },
		"foreign":         func([]byte) []byte { return []byte("-----BEGIN CERTIFICATE-----") },
		"JSON of others":  func([]byte) []byte { return []byte(`{"access_token":"PLANTED","refresh_token":"PLANTED"}`) },
		"null":            func([]byte) []byte { return []byte("null") },
		"another version": func(v []byte) []byte { return bytes.Replace(v, []byte(`"version":1`), []byte(`"version":2`), 1) },
		"another key":     func(v []byte) []byte { return bytes.Replace(v, []byte(`"key":"`), []byte(`"key":"0`), 1) },
		"control": func(v []byte) []byte {
			return bytes.Replace(v, []byte(`"access_token":"`), []byte(`"access_token":"\u0001`), 1)
		},
		"space in the refresh token": func(v []byte) []byte {
			return bytes.Replace(v, []byte(`"refresh_token":"`), []byte(`"refresh_token":" `), 1)
		},
		"for ever": func(v []byte) []byte {
			return bytes.Replace(v, []byte(`"lifetime":3600000000000`), []byte(`"lifetime":9000000000000000000`), 1)
		},
		"oversized": func(v []byte) []byte { return append(v, bytes.Repeat([]byte(" "), maxRecord)...) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: rotate}
				config := server.public()
				cache := new(memCache)
				config.Cache = cache
				log := logged(config)
				want(t, config.RefreshToken(testRefresh), 1)
				for key, value := range cache.keys() {
					cache.replace(key, damage(value))
				}
				want(t, config.RefreshToken(testRefresh), 2)
				server.wantForm(t, 2, refreshForm(testRefresh))
				if n := strings.Count(warnings(log), "damaged"); n != 1 {
					t.Errorf("%d records of the damage: %s", n, log)
				}
				if cache.only(t).AccessToken != tokenNumber(2) {
					t.Error("not replaced")
				}
				checkNoSecret(t, "log", log.String())
			})
		})
	}
}

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
		cache *memCache
		user  bool // the flow is a user's
		fails bool
		warns int
	}{
		{"application, not read", &memCache{get: broken}, false, false, 1},
		{"application, not written", &memCache{put: broken}, false, false, 1},
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
		checkAllVerbs(t, "error", err, errors.Unwrap(err), source)
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
			pass(storeLimit / 2)
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
		pass(storeLimit)
		if cache.only(t).RefreshToken != refreshNumber(1) {
			t.Error("not stored")
		}
		want(t, source, 1)
		wantRequests(t, server, 1)
	})
}

// A cache that does not end by itself.
func TestPutThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }
		config := (&fakeEntra{answer: rotate}).public()
		config.Cache = &memCache{put: hang}
		began := time.Now()
		if _, err := config.RefreshToken(testRefresh).Token(); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != storeLimit {
			t.Errorf("error %v after %v", err, time.Since(began))
		}
	})
}

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
		cache   Cache
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

func TestInvalidateWithCacheThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := new(fakeEntra)
		config := server.config()
		cache := newLockingCache()
		config.Cache = cache
		log := logged(config)
		source := config.ClientCredentials()
		token := want(t, source, 1)
		pass(2 * time.Minute)
		cache.lock <- struct{}{}
		began := time.Now()
		source.Invalidate(token)
		if took := time.Since(began); took != invalidateLimit {
			t.Errorf("took %v", took)
		}
		if !strings.Contains(warnings(log), "still in the cache") {
			t.Errorf("log: %s", log)
		}
		<-cache.lock
		want(t, source, 2)
	})
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
				locked, ok := errors.AsType[*CacheError](err)
				if user && (!ok || !temporary(err) || !strings.Contains(locked.Error(), "another process")) || !user && err != nil {
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
		if _, err := source.Token(); !temporary(err) || !strings.Contains(err.Error(), "another process") {
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

// A Cache of one's own says by ErrCacheMiss that a value is of no use.
func TestMissWithAReason(t *testing.T) {
	server := &fakeEntra{answer: rotate}
	config := server.public()
	cache := &memCache{get: func(context.Context, string) error { return fmt.Errorf("%w: bad padding", ErrCacheMiss) }}
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
		config.Cache = &memCache{delete: func(context.Context, string) error { return errors.New("no route") }}
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
	})
}
