package tokensource

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/internal/verdict"
	"github.com/exoauth/exoauth/tokencache"
)

// storeOf returns a store in a Cache, and counts how often its key is made.
func storeOf(t *testing.T, cache tokencache.Cache) (s *store, made *int) {
	config := new(fakeEntra).config()
	config.Cache = cache
	cl, bad := config.appClient()
	if bad != nil {
		t.Fatal(bad)
	}
	made = new(int)
	return newStore(cl, func() (string, error) { *made++; return "key", nil }), made
}

// A key may take long to make, as that of a password does.
func TestKeyIsMadeOnce(t *testing.T) {
	s, made := storeOf(t, new(memCache))
	for range 3 {
		if key, err := s.key(); key != "key" || err != nil {
			t.Errorf("%q, %v", key, err)
		}
	}
	if *made != 1 {
		t.Errorf("made %d times", *made)
	}
}

// The keys of a version are those of the next, which finds its entries.
func TestKeysStay(t *testing.T) {
	public, confidential := new(fakeEntra).public(), new(fakeEntra).config()
	user, _ := public.userClient()
	application, _ := confidential.appClient()
	proof, err := stretched("jane@contoso.com", "password")
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct{ got, want string }{
		"person":      {user.key(keyPerson), "90b6e748f462514092c09a24c9d7d008b2299eeeb0e3a758ebf3179403eae1ab"},
		"application": {application.key(keyApplication), "c44b529b32a22289583fd221cec74b1a580a763a22d41cc6594854ea268f4ad7"},
		"password":    {hex.EncodeToString([]byte(proof)), "28a0811e6af2f240a9d2e7169c0188da33179eb8d1e7752cac34c1eaa3900057"},
	} {
		if row.got != row.want {
			t.Errorf("%s: %s; want %s", name, row.got, row.want)
		}
	}
}

// Each call of a Cache that hangs ends in time.
func TestCallsOfACacheEnd(t *testing.T) {
	hang := func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }
	r := newRecord(nil, testRefresh)
	for name, call := range map[string]func(*store, context.Context) error{
		"load":     func(s *store, ctx context.Context) error { _, err := s.load(ctx); return err },
		"save":     func(s *store, ctx context.Context) error { return s.save(ctx, r) },
		"makeRoom": func(s *store, ctx context.Context) error { _, err := s.makeRoom(ctx, nil, testRefresh); return err },
		"delete":   (*store).delete,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _ := storeOf(t, &memCache{get: hang, put: hang, delete: hang})
				began := time.Now()
				if err := call(s, t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 10*time.Second {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			})
		})
	}
}

// A lockFunc is a Cache with locks of whatever kind.
type lockFunc struct {
	memCache
	f func(ctx context.Context) (unlock func(), err error)
}

func (c *lockFunc) Lock(ctx context.Context, _ string) (context.Context, func(), error) {
	unlock, err := c.f(ctx)
	return ctx, unlock, err
}

// How the waiting for a lock ends.
func TestLockOfAnEntry(t *testing.T) {
	patient := func(ctx context.Context) (func(), error) { <-ctx.Done(); return nil, ctx.Err() }
	for _, row := range []struct {
		name      string
		lock      func(freed *int) func(context.Context) (func(), error)
		limit     time.Duration // of the caller; zero for none
		err       string
		took      time.Duration
		temporary bool
		freed     int
	}{
		{"given", func(freed *int) func(context.Context) (func(), error) {
			return func(context.Context) (func(), error) { return func() { *freed++ }, nil }
		}, 0, "", 0, false, 1},
		{"given after 30 s", func(freed *int) func(context.Context) (func(), error) {
			return func(context.Context) (func(), error) {
				pass(31 * time.Second)
				return func() { *freed++ }, nil
			}
		}, 0, "another process has held the lock for 30s", 31 * time.Second, true, 1},
		{"not given", func(*int) func(context.Context) (func(), error) { return patient }, 0, "another process has held the lock for 30s", 30 * time.Second, true, 0},
		{"the caller leaves", func(*int) func(context.Context) (func(), error) { return patient }, time.Second, "waiting for the lock", time.Second, true, 0},
		{"fails", func(*int) func(context.Context) (func(), error) {
			return func(context.Context) (func(), error) {
				return nil, errors.New(`no table for {"refresh_token":"PLANTED"}`)
			}
		}, 0, "no table for {\"refresh_token [redacted]", 0, false, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				freed := 0
				s, _ := storeOf(t, &lockFunc{f: row.lock(&freed)})
				ctx := t.Context()
				if row.limit > 0 {
					limited, cancel := context.WithTimeout(ctx, row.limit)
					defer cancel()
					ctx = limited
				}
				began := time.Now()
				held, unlock, err := s.lock(ctx)
				wantError(t, err, row.err)
				if took := time.Since(began); took != row.took {
					t.Errorf("after %v", took)
				}
				if err != nil && verdict.Retryable(err) != row.temporary {
					t.Errorf("Retryable is %t", !row.temporary)
				}
				if row.err == "" && held.Err() != nil {
					t.Error("the context of the holder has ended")
				}
				unlock()
				if freed != row.freed {
					t.Errorf("freed %d times", freed)
				}
			})
		})
	}
}

// An entry that is empty is none: some databases return that.
func TestEmptyEntry(t *testing.T) {
	cache := &memCache{values: map[string][]byte{"key": {}}}
	s, _ := storeOf(t, cache)
	log := new(logBuffer)
	s.log = logTo(log)
	if r, err := s.load(t.Context()); r != nil || err != nil || log.String() != "" {
		t.Errorf("%+v, %v, log: %s", r, err, log)
	}
	cache.values["key"] = []byte("x")
	if r, err := s.load(t.Context()); r != nil || err != nil || !strings.Contains(log.String(), "is cut short") {
		t.Errorf("%+v, %v, log: %s", r, err, log)
	}
}

// What a Cache may quote of a value, and what it says itself.
func TestQuotedTokens(t *testing.T) {
	for text, want := range map[string]string{
		`bad {"access_token":"PLANTED","x":1}`: `bad {"access_token [redacted]`,
		`bad {"refresh_token": "PLANTED"}`:     `bad {"refresh_token [redacted]`,
		`bad {\"id_token\" : \"PLANTED\"}`:     `bad {\"id_token [redacted]`,
		`bad {'access_token':'PLANTED'}`:       `bad {'access_token [redacted]`,
		`no column access_token`:               `no column access_token`,
		`no column "access_token"`:             `no column "access_token"`,
		`no column access_token: full`:         `no column access_token: full`,
		``:                                     ``,
	} {
		if got := unquoted(errors.New(text)).Error(); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
	if unquoted(nil) != nil {
		t.Error("an error out of nothing")
	}
}

// The tokens of a record are not shown, in whatever form a Cache has them.
func TestRecordIsRedacted(t *testing.T) {
	const text = "IMAP.AccessAsUser.All SMTP.Send" // 31 bytes
	r := newRecord(&token{AccessToken: "PLANTED.access", Extra: map[string]any{"id_token": "PLANTED-id-token-with-32-bytes-x", "scope": text}}, "PLANTED.refresh")
	got := r.redacted(errors.New("row (PLANTED.access, PLANTED.refresh, PLANTED-id-token-with-32-bytes-x)")).Error()
	if want := "row ([redacted], [redacted], [redacted])"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	if got := r.redacted(errors.New("scope " + text)).Error(); got != "scope "+text {
		t.Errorf("%s; want the scope in it", got)
	}
}
