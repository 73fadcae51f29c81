package tokensource

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/internal/plain"
)

// accepting answers as a server that knows one secret.
func (s *fakeEntra) accepting(secret string) {
	s.answer = func(n int, r *http.Request) (*http.Response, error) {
		s.mu.Lock()
		sent := s.forms[n-1].Get("client_secret")
		s.mu.Unlock()
		if sent != secret {
			return refuse(n, r)
		}
		return ok(n, 3600), nil
	}
}

func (s *fakeEntra) secrets() (sent []string) {
	for _, form := range s.forms {
		sent = append(sent, strings.TrimPrefix(form.Get("client_secret"), "PLANTED~"))
	}
	return sent
}

func inOrderSource(server *fakeEntra, log *logBuffer, credentials ...Credential) *Source {
	config := server.config()
	config.Credential = InOrder(credentials...)
	config.Logger = slog.New(slog.NewTextHandler(log, nil))
	return config.ClientCredentials()
}

func wantSecrets(t *testing.T, server *fakeEntra, want ...string) {
	t.Helper()
	if got := server.secrets(); !slices.Equal(got, want) {
		t.Errorf("secrets sent %q; want %q", got, want)
	}
}

// A secret is rotated in the life of a source: old and new are known, then the
// old one is gone, and later the new one is replaced in its turn.
func TestRotationOfASecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		server := new(fakeEntra)
		source := inOrderSource(server, &log, Secret("PLANTED~old"), Secret("PLANTED~new"))
		server.accepting("PLANTED~old")
		want(t, source, 1)
		pass(time.Hour)
		server.accepting("PLANTED~new")
		want(t, source, 3)
		pass(time.Hour)
		want(t, source, 4)
		pass(time.Hour)
		server.accepting("PLANTED~old")
		want(t, source, 6)
		wantSecrets(t, server, "old", "old", "new", "new", "new", "old")
		checkNoSecret(t, "log", log.String())
		if n := strings.Count(log.String(), "trying the next"); n != 2 {
			t.Errorf("%d records of a credential refused:\n%s", n, &log)
		}
	})
}

func TestNextCredentialOnlyWhereThisOneIsBad(t *testing.T) {
	tests := []struct {
		name string
		body string
		next bool
	}{
		{"expired", expiredSecret, true},
		{"wrong", `{"error":"invalid_client","error_codes":[7000215]}`, true},
		{"certificate not registered", `{"error":"invalid_client","error_codes":[700027]}`, true},
		{"assertion out of time", `{"error":"invalid_client","error_codes":[700024]}`, true},
		{"no federated credential", `{"error":"invalid_client","error_codes":[700213]}`, true},
		{"another server's invalid_client", `{"error":"invalid_client"}`, true},
		{"application unknown", `{"error":"unauthorized_client","error_codes":[700016]}`, false},
		{"public client", `{"error":"invalid_client","error_codes":[700025]}`, false},
		{"tenant unknown", `{"error":"invalid_request","error_codes":[90002]}`, false},
		{"scope", `{"error":"invalid_scope","error_codes":[1002012]}`, false},
		{"Conditional Access", `{"error":"access_denied","error_codes":[53003]}`, false},
		{"loop", `{"error":"invalid_request","error_codes":[50196]}`, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log logBuffer
			server := &fakeEntra{answer: sequence(answering(400, test.body))}
			source := inOrderSource(server, &log, Secret("PLANTED~1"), Secret("PLANTED~2"))
			_, err := source.TokenContext(t.Context())
			if test.next {
				wantError(t, err, "")
				wantSecrets(t, server, "1", "2")
				return
			}
			wantError(t, err, "credential 1 of 2")
			wantSecrets(t, server, "1")
		})
	}
}

func TestBusyServerDoesNotCostTheCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		server := &fakeEntra{answer: sequence(refuse, unavailable)}
		want(t, inOrderSource(server, &log, Secret("PLANTED~1"), Secret("PLANTED~2"), Secret("PLANTED~3")), 3)
		wantSecrets(t, server, "1", "2", "2")
	})
}

func TestAllCredentialsBad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		server := &fakeEntra{answer: slowly(time.Second, refuse)}
		source := inOrderSource(server, &log, Secret("PLANTED~1"), InOrder(Secret("PLANTED~2"), Secret("PLANTED~3")))
		for _, r := range herd(t.Context(), source, 64) {
			wantError(t, r.err, "7000222")
			wantError(t, r.err, "credential 3 of 3")
			checkAllVerbs(t, "error", r.err)
		}
		wantSecrets(t, server, "1", "2", "3")
	})
}

// broken is a credential without a proof.
type broken struct {
	plain.Kind
	err error
}

func (broken) check() *ConfigError { return nil }

func (b broken) authenticator(*client) authenticator {
	return func(_ context.Context, send func(proof) *Error) *Error {
		return send(func(context.Context) (url.Values, error) { return nil, b.err })
	}
}

type passingError struct{ error }

func (passingError) Retryable() bool { return true }

func TestCredentialThatCannotBeUsed(t *testing.T) {
	sealed := errors.New("the vault is sealed")
	synctest.Test(t, func(t *testing.T) {
		var log logBuffer
		server := new(fakeEntra)
		want(t, inOrderSource(server, &log, broken{err: sealed}, Secret("PLANTED~2")), 1)

		config := server.config()
		config.Credential = broken{err: sealed}
		_, err := config.ClientCredentials().Token()
		e, _ := errors.AsType[*Error](err)
		if e == nil || e.Retryable() || !errors.Is(err, sealed) {
			t.Errorf("error %v", err)
		}
		config.Credential = broken{err: passingError{sealed}}
		_, err = config.ClientCredentials().Token()
		if e, _ := errors.AsType[*Error](err); e == nil || !e.Retryable() {
			t.Errorf("error %v is not temporary", err)
		}
		wantRequests(t, server, 1)
	})
}

func TestInOrderIsChecked(t *testing.T) {
	tests := []struct {
		name       string
		credential Credential
		text       string
	}{
		{"none", InOrder(), "no credentials"},
		{"zero", inOrder{}, "no credentials"},
		{"one with none among them", InOrder(Secret("s"), InOrder()), "number 2 of 2: InOrder of no credentials"},
		{"nil among them", InOrder(Secret("s"), nil), "number 2 of 2: nil"},
		{"empty secret among them", InOrder(Secret("s"), Secret("")), "number 2 of 2: an empty secret"},
	}
	for _, test := range tests {
		config := new(fakeEntra).config()
		config.Credential = test.credential
		_, err := config.ClientCredentials().Token()
		wantError(t, err, test.text)
	}
}

// The error and the log of one credential say nothing of others.
func TestInOrderOfOne(t *testing.T) {
	server, log := &fakeEntra{answer: refuse}, new(logBuffer)
	_, err := inOrderSource(server, log, Secret("PLANTED~1")).TokenContext(t.Context())
	if text := err.Error() + log.String(); strings.Contains(text, "credential 1 of") || strings.Contains(text, "trying the next") {
		t.Error(text)
	}
}

// The log has each step from one credential to the next.
func TestStepsInTheLog(t *testing.T) {
	server, log := &fakeEntra{answer: refuse}, new(logBuffer)
	_, err := inOrderSource(server, log, Secret("PLANTED~1"), Secret("PLANTED~2"), Secret("PLANTED~3")).TokenContext(t.Context())
	wantError(t, err, "credential 3 of 3")
	if n := strings.Count(log.String(), "trying the next"); n != 2 {
		t.Errorf("%d steps: %s", n, log)
	}
}

// If no credential can be used, the error is the last one's, and has the others.
func TestNoCredentialCanBeUsed(t *testing.T) {
	first, second := errors.New("the vault is sealed"), errors.New("the key is gone")
	server := new(fakeEntra)
	_, err := inOrderSource(server, new(logBuffer), broken{err: first}, broken{err: second}).TokenContext(t.Context())
	e, ok := errors.AsType[*Error](err)
	if !ok || !errors.Is(e.Err, second) || !errors.Is(err, first) || e.credential != "credential 2 of 2" {
		t.Errorf("error %v", err)
	}
	wantRequests(t, server, 0)
}

// What one credential has put into the form is not sent with the next.
func TestCredentialsOfTwoKinds(t *testing.T) {
	credentials := []Credential{Secret("PLANTED~1"), Assertion(func(context.Context) (string, error) { return "PLANTED.2.3", nil })}
	server := &fakeEntra{answer: sequence(refuse)}
	config := server.config()
	config.Credential = InOrder(credentials...)
	credentials[0], credentials[1] = nil, nil // the caller's, to do with as he likes
	want(t, config.ClientCredentials(), 2)
	if form := server.forms[1]; form.Has("client_secret") || form.Get("client_assertion") != "PLANTED.2.3" {
		t.Errorf("form %v", form)
	}
}

// Who has left is not told by a credential that is tried after that.
func TestNextCredentialIsNotTriedForNobody(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server := &fakeEntra{answer: func(n int, r *http.Request) (*http.Response, error) {
		cancel()
		return refuse(n, r)
	}}
	config := server.config()
	config.Credential = InOrder(Secret("PLANTED~old"), Secret("PLANTED~new"))
	c, bad := config.appClient()
	if bad != nil {
		t.Fatal(bad)
	}
	if _, err := c.request(ctx, make(url.Values)); err == nil {
		t.Error("no error")
	}
	wantSecrets(t, server, "old")
	if _, err := c.request(t.Context(), make(url.Values)); err == nil {
		t.Error("no error")
	}
	wantSecrets(t, server, "old", "old", "new")
}
