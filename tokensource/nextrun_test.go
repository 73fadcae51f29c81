package tokensource

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// logged is a Config whose log is kept.
func logged(config *Config) *logBuffer {
	log := new(logBuffer)
	config.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return log
}

// warnings are the records of the log at level Warn.
func warnings(log *logBuffer) string {
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

// What the server gives is what it gets back, whatever is in it. A space may be.
// (RFC 6749 appendix A.17)
func TestNextRunSendsWhatWasIssued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const issued = `PLANTED "<refresh>" \ token`
		server := &fakeEntra{answer: func(n int, _ *http.Request) (*http.Response, error) {
			return response(200, fmt.Sprintf(`{"expires_in":3600,"access_token":"%s","refresh_token":%q}`, tokenNumber(n), issued)), nil
		}}
		config := server.public()
		config.Cache = new(memCache)
		want(t, config.RefreshToken(testRefresh), 1)
		pass(hour)
		want(t, config.RefreshToken(testRefresh), 2)
		server.wantForm(t, 2, refreshForm(issued))
	})
}

// A cache that is emptied ends nothing: what a Source knows is stored again.
func TestEmptiedCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: rotate}
		config := server.public()
		cache := new(memCache)
		config.Cache = cache
		source := config.RefreshToken(testRefresh)
		want(t, source, 1)
		for key := range cache.keys() {
			cache.Delete(t.Context(), key)
		}
		pass(hour)
		want(t, source, 2)
		server.wantForm(t, 2, refreshForm(refreshNumber(1)))
		if cache.only(t).RefreshToken != refreshNumber(2) {
			t.Error("not stored")
		}
	})
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
		{"within the tolerance", futureTolerance, 1},
		{"beyond", futureTolerance + time.Second, 2},
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
		"for ever": func(v []byte) []byte {
			return bytes.Replace(v, []byte(`"lifetime":3600000000000`), []byte(`"lifetime":9000000000000000000`), 1)
		},
		"oversized": func(v []byte) []byte { return append(v, bytes.Repeat([]byte(" "), maxRecord)...) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: rotate}
				config := server.public()
				cache := newLockingCache() // so that it is read twice
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
