package tokensource

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// assertionOf returns what a user's program calls a web API with.
func assertionOf(user string, expires time.Time) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode(fmt.Appendf(nil, `{"sub":%q,"exp":%d}`, user, expires.Unix())) + ".PLANTED-signature"
}

// A source on behalf of a user ends with the assertion: it has no token and
// makes no request after that, whatever it has, and whatever is stored.
func TestOnBehalfOfEndsWithTheAssertion(t *testing.T) {
	rows := []struct {
		name     string
		lifetime time.Duration // of the assertion
		asked    []time.Duration
		requests int
	}{
		{"assertion for less than the token", 20 * time.Minute, []time.Duration{0, 20*time.Minute - 1}, 1},
		{"assertion for more than the token", 90 * time.Minute, []time.Duration{0, hour, 90*time.Minute - 1}, 2},
		{"assertion for a second", time.Second, []time.Duration{0, time.Second - 1}, 1},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: rotate}
				config := server.config()
				config.Cache = newLockingCache()
				began := time.Now()
				assertion := assertionOf("jane@contoso.com", began.Add(row.lifetime))
				source := config.OnBehalfOf(assertion)
				for _, at := range row.asked {
					pass(time.Until(began.Add(at)))
					for _, d := range []time.Duration{0, 10 * time.Minute, hour} {
						token, err := source.TokenValidFor(t.Context(), d)
						if err != nil {
							t.Fatalf("after %v: %v", at, err)
						}
						if token.Expiry.After(began.Add(row.lifetime)) {
							t.Errorf("after %v a token that expires %v after the assertion", at, token.Expiry.Sub(began.Add(row.lifetime)))
						}
					}
				}
				pass(time.Until(began.Add(row.lifetime)))
				for who, s := range map[string]*Source{"the same": source, "a new one": config.OnBehalfOf(assertion)} {
					_, err := s.Token()
					if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, ErrInteractionRequired) || e.Retryable() {
						t.Errorf("%s: error %v", who, err)
					}
					wantError(t, err, "the assertion expired")
				}
				wantRequests(t, server, row.requests)
			})
		})
	}
}

// The assertion expires while Entra ID thinks.
func TestAssertionThatExpiresInTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: slowly(2*time.Second, rotate)}
		_, err := server.config().OnBehalfOf(assertionOf("jane@contoso.com", time.Now().Add(time.Second))).TokenContext(t.Context())
		wantError(t, err, "the assertion expired")
	})
}

// The caller of a web API chooses what it is called with, and must not choose
// what that costs.
func TestCostOfAnAssertion(t *testing.T) {
	const size = 4 << 10
	flows := map[string]func(c *Config, text string) *Source{
		"OnBehalfOf":   func(c *Config, text string) *Source { return c.OnBehalfOf(text) },
		"RefreshToken": func(c *Config, text string) *Source { return c.RefreshToken(text) },
		"Password":     func(c *Config, text string) *Source { return c.Password("jane@contoso.com", text) },
		"Secret":       func(c *Config, text string) *Source { c.Credential = Secret(text); return c.ClientCredentials() },
	}
	for name, flow := range flows {
		t.Run(name, func(t *testing.T) {
			cost := func(text string) (allocated uint64, took time.Duration) {
				server := new(fakeEntra)
				server.answer = func(n int, _ *http.Request) (*http.Response, error) {
					return response(400, `{"error":"invalid_request","error_description":"you sent `+server.forms[n-1].Encode()+`"}`), nil
				}
				config := server.config()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				began := time.Now()
				if _, err := flow(config, text).Token(); err == nil {
					t.Fatal("no error")
				}
				took = time.Since(began)
				runtime.ReadMemStats(&after)
				return after.TotalAlloc - before.TotalAlloc, took
			}
			letters := testAssertion + strings.Repeat("a", size-len(testAssertion))
			tildes := strings.Repeat("~", size)
			lettersBytes, lettersTime := cost(letters)
			tildesBytes, tildesTime := cost(tildes)
			// The least of many runs is the cost. A busy machine takes more of them.
			for n := 0; n < 20 || n < 400 && tildesTime > 2*lettersTime; n++ {
				allocated, took := cost(letters)
				lettersBytes, lettersTime = min(lettersBytes, allocated), min(lettersTime, took)
				allocated, took = cost(tildes)
				tildesBytes, tildesTime = min(tildesBytes, allocated), min(tildesTime, took)
			}
			t.Logf("letters: %d bytes in %v; tildes: %d bytes in %v", lettersBytes, lettersTime, tildesBytes, tildesTime)
			if tildesBytes > 2*lettersBytes {
				t.Errorf("tildes take %d bytes, letters %d", tildesBytes, lettersBytes)
			}
			if tildesTime > 2*lettersTime {
				t.Errorf("tildes take %v, letters %v", tildesTime, lettersTime)
			}
		})
	}
}
