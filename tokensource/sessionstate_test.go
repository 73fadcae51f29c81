package tokensource

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/tokencache"
)

// failing returns a hook that fails from call number n on, until it is mended.
func failing(n int, err error) (hook func(context.Context, string) error, mend func()) {
	calls := 0
	return func(context.Context, string) error {
		if calls++; n > 0 && calls >= n {
			return err
		}
		return nil
	}, func() { n = 0 }
}

// What a refresh token has brought and the cache did not take: it is stored
// before anything else, unless another process has gone on meanwhile.
func TestUnsavedToken(t *testing.T) {
	for _, row := range []struct {
		name      string
		after     time.Duration
		meanwhile func(*record)
		want      int // the request that brought the token
		stored    string
		requests  int
	}{
		{"still good", rememberAtMost, nil, 2, refreshNumber(2), 2},
		{"expired", hour, nil, 3, refreshNumber(3), 3},
		{"superseded", hour, func(r *record) { r.RefreshToken = "PLANTED.successor" }, 3, refreshNumber(3), 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: rotate}
				config, cache := server.public(), newLockingCache()
				config.Cache = cache
				source := config.RefreshToken(testRefresh)
				want(t, source, 1)
				pass(hour)
				full := errors.New("disk full")
				hook, mend := failing(2, full) // the first makes room
				cache.put = hook
				if _, err := source.Token(); !errors.Is(err, full) {
					t.Fatalf("error %v", err)
				}
				pass(row.after)
				mend()
				used := refreshNumber(2)
				if row.meanwhile != nil {
					cache.change(t, row.meanwhile)
					used = "PLANTED.successor"
				}
				want(t, source, row.want)
				if got := cache.only(t).RefreshToken; got != row.stored {
					t.Errorf("stored %q; want %q", got, row.stored)
				}
				wantRequests(t, server, row.requests)
				if row.requests == 3 {
					server.wantForm(t, 3, refreshForm(used))
				}
			})
		})
	}
}

// What has come of another process's refresh token without a new one can be had
// again, whatever this process has failed to store before.
func TestSupersededTokenIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(rotate, rotate, succeed)}
		config, cache := server.public(), newLockingCache()
		config.Cache = cache
		source := config.RefreshToken(testRefresh)
		want(t, source, 1)
		pass(hour)
		cache.put, _ = failing(2, errors.New("disk full"))
		if _, err := source.Token(); err == nil {
			t.Fatal("no error")
		}
		pass(hour)
		cache.change(t, func(r *record) { r.RefreshToken = "PLANTED.successor" })
		cache.put, _ = failing(2, errors.New("disk full"))
		want(t, source, 3)
		server.wantForm(t, 3, refreshForm("PLANTED.successor"))
	})
}

// An access token that could not be stored, and can be had again, is not stored
// later, when it may be old.
func TestUnstoredAccessTokenIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := new(fakeEntra)
		var stored []string
		cache := new(memCache)
		puts := 0
		cache.put = func(context.Context, string) error {
			if puts++; puts == 1 {
				return errors.New("disk full")
			}
			return nil
		}
		config := server.config()
		config.Cache = cache
		source := config.ClientCredentials()
		for n := 1; n <= 2; n++ {
			want(t, source, n)
			if len(cache.keys()) > 0 {
				stored = append(stored, cache.only(t).AccessToken)
			}
			pass(hour)
		}
		if puts != 2 || len(stored) != 1 || stored[0] != tokenNumber(2) {
			t.Errorf("%d puts, stored %q", puts, stored)
		}
	})
}

// The cache fails when it is looked into for the second time, under the lock.
func TestCacheThatFailsUnderTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: rotate}
		config, cache := server.public(), newLockingCache()
		config.Cache = cache
		gone := errors.New("connection lost")
		hook, mend := failing(2, gone)
		cache.get = hook
		source := config.RefreshToken(testRefresh)
		if _, err := source.Token(); !errors.Is(err, gone) || !strings.Contains(err.Error(), "Config.Cache") {
			t.Errorf("error %v", err)
		}
		wantRequests(t, server, 0) // the refresh token may be another's by now
		if len(cache.lock) > 0 {
			t.Error("still locked")
		}
		mend()
		pass(rememberAtMost)
		want(t, source, 1)
	})
}

// Each call that finds the cache in trouble says so once.
func TestCacheInTroubleIsLoggedEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := new(fakeEntra)
		config := server.config()
		hook, _ := failing(1, errors.New("no route to the database"))
		cache := newLockingCache() // which is looked into twice
		cache.get = hook
		config.Cache = cache
		log := logged(config)
		source := config.ClientCredentials()
		for n := 1; n <= 3; n++ {
			want(t, source, n)
			if got := strings.Count(warnings(log), "no route"); got != n {
				t.Errorf("%d records after %d calls", got, n)
			}
			pass(hour)
		}
	})
}

// The entry that Invalidate would clear is gone, or another process's.
func TestInvalidateOfAnotherEntry(t *testing.T) {
	for name, meanwhile := range map[string]func(t *testing.T, c *memCache){
		"gone":      func(t *testing.T, c *memCache) { c.Delete(t.Context(), onlyKey(t, c)) },
		"anothers":  func(t *testing.T, c *memCache) { c.change(t, func(r *record) { r.AccessToken = "other" }) },
		"no token":  func(t *testing.T, c *memCache) { c.change(t, func(r *record) { r.AccessToken = "" }) },
		"damaged":   func(t *testing.T, c *memCache) { c.replace(onlyKey(t, c), []byte("x")) },
		"untouched": func(*testing.T, *memCache) {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: rotate}
				config, cache := server.public(), newLockingCache()
				config.Cache = cache
				log := logged(config)
				source := config.RefreshToken(testRefresh)
				token := want(t, source, 1)
				pass(2 * time.Minute)
				meanwhile(t, &cache.memCache)
				before := cache.keys()
				source.Invalidate(token)
				for key, value := range cache.keys() {
					if changed := string(before[key]) != string(value); changed != (name == "untouched") {
						t.Errorf("%s became %s", before[key], value)
					}
				}
				if text := warnings(log); name == "gone" && text != "" {
					t.Errorf("log: %s", text)
				}
			})
		})
	}
}

func onlyKey(t *testing.T, c *memCache) string {
	t.Helper()
	for key := range c.keys() {
		return key
	}
	t.Fatal("no entry")
	return ""
}

// Which refusals delete the stored refresh token: those that end it, and not
// those that ask something of the user or the administrator.
func TestRefusalsThatDeleteTheEntry(t *testing.T) {
	for name, row := range map[string]struct {
		answer  string
		deleted bool
	}{
		"revoked":            {revoked, true},
		"unused for 90 days": {`{"error":"invalid_grant","error_codes":[700082]}`, true},
		"no number":          {`{"error":"invalid_grant"}`, true},
		"MFA":                {mfaNeeded, false},
		"consent":            {`{"error":"invalid_grant","suberror":"consent_required","error_codes":[65001]}`, false},
		"forbidden":          {`{"error":"invalid_grant","suberror":"message_only","error_codes":[53003]}`, false},
		"user disabled":      {`{"error":"invalid_grant","error_codes":[50057]}`, false},
		"another client's":   {`{"error":"invalid_grant","suberror":"client_mismatch","error_codes":[70000]}`, false},
		"secret expired":     {expiredSecret, false},
		"busy, as it says":   {`{"error":"invalid_grant","error_codes":[90033]}`, false},
		"busy":               {`{"error":"temporarily_unavailable","error_codes":[90033]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: script(rotate, badRequest(row.answer))}
				config, cache := server.public(), new(memCache)
				config.Cache = cache
				source := config.RefreshToken(testRefresh)
				want(t, source, 1)
				pass(hour)
				if _, err := source.Token(); err == nil {
					t.Error("no error")
				}
				if deleted := len(cache.keys()) == 0; deleted != row.deleted {
					t.Errorf("deleted: %t", deleted)
				}
			})
		})
	}
}

// What another process has made of the entry, while the server refuses the
// refresh token, stays.
func TestEntryOfAnotherStays(t *testing.T) {
	for name, meanwhile := range map[string]func(*testing.T, *memCache){
		"gone":               func(t *testing.T, c *memCache) { c.Delete(t.Context(), onlyKey(t, c)) },
		"without a token":    func(t *testing.T, c *memCache) { c.change(t, func(r *record) { r.RefreshToken = "" }) },
		"in another version": func(t *testing.T, c *memCache) { c.replace(onlyKey(t, c), []byte(`{"version":2}`)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cache := new(memCache)
				var then map[string][]byte
				server := &fakeEntra{answer: script(rotate, func(n int, r *http.Request) (*http.Response, error) {
					meanwhile(t, cache)
					then = cache.keys()
					return badRequest(revoked)(n, r)
				})}
				config := server.public()
				config.Cache = cache
				source := config.RefreshToken(testRefresh)
				want(t, source, 1)
				pass(hour)
				if _, err := source.Token(); !errors.Is(err, ErrInteractionRequired) {
					t.Errorf("error %v", err)
				}
				if got := cache.keys(); len(got) != len(then) {
					t.Errorf("%d entries; want %d", len(got), len(then))
				}
			})
		})
	}
}

// A user who has signed in, and was not stored, can be signed out.
func TestSignOutOfWhatIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(answerWith(200, deviceAnswer), rotate, answerWith(200, deviceAnswer), rotate)}
		config, cache := server.public(), newLockingCache()
		config.Cache = cache
		source := config.DeviceCode(new(shown).show)
		cache.put = func(context.Context, string) error { return errors.New("disk full") }
		if _, err := source.Token(); err == nil {
			t.Fatal("no error")
		}
		cache.put = nil
		signOut(t, source)
		want(t, source, 4) // the person was asked again
	})
}

// Room that a refused refresh token did not need is given back.
func TestRoomIsGivenBack(t *testing.T) {
	server := &fakeEntra{answer: badRequest(`{"error":"invalid_client"}`)}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	config := server.public()
	config.Cache = tokencache.Dir(dir)
	if _, err := config.RefreshToken(testRefresh).Token(); err == nil {
		t.Error("no error")
	}
	wantRequests(t, server, 1)
	files, err := os.ReadDir(dir)
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".lock") {
			t.Errorf("%s is left", f.Name())
		}
	}
}

// A watchedBody notes that it was closed.
type watchedBody struct {
	io.Reader
	closed *int
}

func (b watchedBody) Close() error { *b.closed++; return nil }

// Each body is closed, or the connection would be of no use any more.
func TestBodiesAreClosed(t *testing.T) {
	for name, answer := range map[string]func(*http.Response){
		"a token":   func(r *http.Response) { *r = *ok(1, 3600) },
		"refused":   func(r *http.Response) { *r = *must(refuse(1, nil)) },
		"busy":      func(r *http.Response) { *r = *must(unavailable(1, nil)) },
		"redirect":  func(r *http.Response) { *r = *response(302, "", "Location", "https://example.com/") },
		"endless":   func(r *http.Response) { *r = http.Response{StatusCode: 200, Body: new(endless)} },
		"cut short": func(r *http.Response) { *r = http.Response{StatusCode: 200, Body: cutShort{}} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				closed := 0
				server := &fakeEntra{answer: func(int, *http.Request) (*http.Response, error) {
					r := new(http.Response)
					answer(r)
					r.Body = watchedBody{r.Body, &closed}
					return r, nil
				}}
				server.source().Token()
				if n := server.requests(); closed != n {
					t.Errorf("%d of %d bodies are closed", closed, n)
				}
			})
		})
	}
}

type cutShort struct{}

func (cutShort) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
func (cutShort) Close() error             { return nil }

// The caller leaves while the body comes: that says nothing of the server, and
// nothing is asked again.
func TestContextEndsInTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: func(_ int, r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: stall{r.Context()}}, nil
		}}
		c, bad := server.config().appClient()
		if bad != nil {
			t.Fatal(bad)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.request(ctx, make(url.Values))
		e, ok := errors.AsType[*Error](err)
		if !ok || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errCutShort) || e.StatusCode != 0 {
			t.Errorf("error %v", err)
		}
	})
}
