package tokensource

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
)

const (
	testTenant   = "contoso.onmicrosoft.com"
	testClientID = "11111111-2222-3333-4444-555555555555"
	testSecret   = "PLANTED~secret/with+odd=chars&\"<8Q>"
	testToken    = "PLANTED.access.token"
)

// fakeEntra is a token endpoint without a network, so that time in a synctest
// bubble goes on while a request is under way.
type fakeEntra struct {
	// answer is called for each request, the first being number 1. Nil means
	// ok(3600) with the number in the token.
	answer func(n int, r *http.Request) (*http.Response, error)

	mu    sync.Mutex
	forms []url.Values
	times []time.Time
}

// readForm reads the form that a client has posted.
func readForm(r *http.Request) (url.Values, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	return url.ParseQuery(string(body))
}

func (s *fakeEntra) RoundTrip(r *http.Request) (*http.Response, error) {
	form, err := readForm(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.forms = append(s.forms, form)
	s.times = append(s.times, time.Now())
	n := len(s.forms)
	s.mu.Unlock()
	if s.answer == nil {
		return ok(n, 3600), nil
	}
	return s.answer(n, r)
}

func (s *fakeEntra) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.forms)
}

func (s *fakeEntra) config() *Config {
	return &Config{
		Tenant: testTenant, ClientID: testClientID, Credential: Secret(testSecret),
		HTTPClient: &http.Client{Transport: s},
	}
}

func (s *fakeEntra) source() *Source { return s.config().ClientCredentials() }

func response(status int, body string, header ...string) *http.Response {
	h := make(http.Header)
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func ok(n, lifetime int) *http.Response {
	return response(http.StatusOK, fmt.Sprintf(`{"token_type":"Bearer","expires_in":%d,"access_token":"%s"}`, lifetime, tokenNumber(n)))
}

func tokenNumber(n int) string { return fmt.Sprintf("%s%d", testToken, n) }

const expiredSecret = `{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys are expired.","error_codes":[7000222]}`

func refuse(int, *http.Request) (*http.Response, error) {
	return response(http.StatusUnauthorized, expiredSecret), nil
}

func unavailable(int, *http.Request) (*http.Response, error) {
	return response(http.StatusServiceUnavailable, "busy"), nil
}

// slowly answers with what answer returns, a time later.
func slowly(d time.Duration, answer func(int, *http.Request) (*http.Response, error)) func(int, *http.Request) (*http.Response, error) {
	return func(n int, r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(d):
			return answer(n, r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

func succeed(n int, _ *http.Request) (*http.Response, error) { return ok(n, 3600), nil }

// pass lets time pass in a bubble, and timers run that go off at its end.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// want asks for a token and wants it to be the one of request number n.
func want(t *testing.T, s *Source, n int) *oauth2.Token {
	t.Helper()
	token, err := s.TokenContext(t.Context())
	if err != nil {
		t.Fatalf("no token: %v", err)
	}
	if token.AccessToken != tokenNumber(n) {
		t.Fatalf("token %s; want that of request %d", token.AccessToken, n)
	}
	return token
}

func wantRequests(t *testing.T, server *fakeEntra, n int) {
	t.Helper()
	if got := server.requests(); got != n {
		t.Fatalf("%d requests; want %d", got, n)
	}
}

// result is what a call of TokenContext in the background returned.
type result struct {
	token *oauth2.Token
	err   error
	at    time.Time
}

func ask(ctx context.Context, s *Source) <-chan result {
	c := make(chan result, 1)
	go func() {
		token, err := s.TokenContext(ctx)
		c <- result{token, err, time.Now()}
	}()
	return c
}

// forGood returns a context that never ends.
func forGood(t *testing.T) context.Context { return context.WithoutCancel(t.Context()) }

func herd(ctx context.Context, s *Source, n int) []result {
	var callers []<-chan result
	for range n {
		callers = append(callers, ask(ctx, s))
	}
	var results []result
	for _, c := range callers {
		results = append(results, <-c)
	}
	return results
}
