package tokensource

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

var errNoRoute = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}

// noRoute is a network in trouble.
func noRoute(int, *http.Request) (*http.Response, error) { return nil, errNoRoute }

// The error tells why each credential was no good, and its fields are about the
// one that Entra ID has refused.
func TestErrorOfAllCredentials(t *testing.T) {
	missing := AssertionFile(filepath.Join(t.TempDir(), "missing"))
	offline := Assertion(func(context.Context) (string, error) { return "", errNoRoute })
	wrong := answering(401, `{"error":"invalid_client","error_codes":[7000215]}`)
	unknown := answering(400, `{"error":"unauthorized_client","error_codes":[700016]}`)
	rows := []struct {
		name        string
		credentials []Credential
		answer      func(int, *http.Request) (*http.Response, error)
		texts       []string
		is          error // nil for none
		aadsts      int
		status      int
		temporary   bool
	}{
		{"expired, file missing", []Credential{Secret("PLANTED~1"), missing}, refuse, []string{"AADSTS7000222", "credential 1 of 2", "missing", "credential 2 of 2"}, fs.ErrNotExist, 7000222, 401, false},
		{"file missing, expired", []Credential{missing, Secret("PLANTED~1")}, refuse, []string{"AADSTS7000222", "credential 2 of 2", "missing", "credential 1 of 2"}, fs.ErrNotExist, 7000222, 401, false},
		{"expired, wrong", []Credential{Secret("PLANTED~1"), Secret("PLANTED~2")}, sequence(refuse, wrong), []string{"AADSTS7000222", "AADSTS7000215", "use the secret's Value"}, nil, 7000215, 401, false},
		{"both missing", []Credential{missing, missing}, refuse, []string{"credential 1 of 2", "credential 2 of 2"}, fs.ErrNotExist, 0, 0, false},
		{"expired, then busy", []Credential{Secret("PLANTED~1"), Secret("PLANTED~2")}, script(refuse, unavailable), []string{"AADSTS7000222", "HTTP status 503"}, nil, 0, 503, true},
		{"expired, then the application is unknown", []Credential{Secret("PLANTED~1"), Secret("PLANTED~2")}, script(refuse, unknown), []string{"AADSTS7000222", "AADSTS700016"}, nil, 700016, 400, false},
		{"identity provider away, expired", []Credential{offline, Secret("PLANTED~1")}, refuse, []string{"AADSTS7000222", "no route"}, syscall.EHOSTUNREACH, 7000222, 401, true},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: row.answer}
				if row.temporary && row.status == 503 { // it stays busy, with the credential that is left
					server.answer = func(n int, r *http.Request) (*http.Response, error) {
						if strings.HasSuffix(server.secrets()[n-1], "1") {
							return refuse(n, r)
						}
						return unavailable(n, r)
					}
				}
				config := server.config()
				config.Credential = InOrder(row.credentials...)
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond) // no second try
				defer cancel()
				_, err := config.ClientCredentials().TokenContext(ctx)
				e, ok := errors.AsType[*Error](err)
				if !ok {
					t.Fatalf("error %v", err)
				}
				for _, text := range row.texts {
					wantError(t, err, text)
				}
				if row.is != nil && !errors.Is(err, row.is) {
					t.Errorf("%v is not %v", err, row.is)
				}
				if row.aadsts != 0 && (len(e.AADSTS) != 1 || e.AADSTS[0] != row.aadsts) || e.StatusCode != row.status {
					t.Errorf("AADSTS %v, status %d", e.AADSTS, e.StatusCode)
				}
				if e.Retryable() != row.temporary {
					t.Errorf("temporary %t", e.Retryable())
				}
				checkAllVerbs(t, "error", err)
			})
		})
	}
}

// Nobody finds the id of a request that was not made.
func TestNoCorrelationIDWithoutARequest(t *testing.T) {
	past := newCert(testKey(), time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour))
	for name, c := range map[string]Credential{
		"certificate that has expired": Certificate([]*x509.Certificate{past}, testKey(), nil),
		"file that is missing":         AssertionFile(filepath.Join(t.TempDir(), "missing")),
	} {
		for flow, open := range map[string]func(*Config) *Source{
			"client credentials": (*Config).ClientCredentials,
			"device code":        func(c *Config) *Source { return c.DeviceCode(nil) },
		} {
			t.Run(name+", "+flow, func(t *testing.T) {
				server := new(fakeEntra)
				config := server.config()
				config.Credential = c
				_, err := open(config).TokenContext(t.Context())
				e, ok := errors.AsType[*Error](err)
				if !ok || e.CorrelationID != "" || strings.Contains(err.Error(), "correlation id") {
					t.Errorf("error %v", err)
				}
				wantRequests(t, server, 0)
			})
		}
	}
}

// A time limit says nothing of what is wrong; the tries before it do.
func TestReasonBeforeTheTimeLimit(t *testing.T) {
	rows := map[string]struct {
		open  func(*Config) *Source
		after time.Duration // of a first token; zero for none
		limit time.Duration
	}{
		"in the second try":               {(*Config).ClientCredentials, 0, 5 * time.Second},
		"in the second try of a renewal":  {(*Config).ClientCredentials, 51 * time.Minute, time.Hour},
		"in the second try of a device's": {func(c *Config) *Source { return c.DeviceCode(nil) }, 0, 5 * time.Second},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: script(noRoute, hang)}
				if row.after > 0 {
					server.answer = script(succeed, noRoute, hang)
				}
				source := row.open(server.config())
				if row.after > 0 {
					want(t, source, 1)
					pass(row.after)
				}
				ctx, cancel := context.WithTimeout(t.Context(), row.limit)
				defer cancel()
				_, err := source.TokenValidFor(ctx, 10*time.Minute)
				if !errors.Is(err, syscall.EHOSTUNREACH) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
				wantError(t, err, "no route to host")
				pass(renewalLimit)
			})
		})
	}
}

// The person may well have signed in, but nobody was there to ask.
func TestReasonWhyACodeExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(answerWith(200, deviceAnswer), noRoute)}
		_, err := server.public().DeviceCode(new(shown).show).TokenContext(t.Context())
		wantError(t, err, "before the code expired")
		wantError(t, err, "no route to host")
	})
}
