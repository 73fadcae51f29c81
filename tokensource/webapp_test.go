package tokensource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const webRedirect = "https://app.example.com/signed-in"

// beginTest begins a sign-in and returns the query that comes back.
func beginTest(t *testing.T, c *Config) (SignIn, url.Values) {
	t.Helper()
	address, signIn, err := c.AuthCodeURL(AuthCodeOptions{RedirectURL: webRedirect})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if mode := u.Query().Get("response_mode"); mode != "query" {
		t.Errorf("response_mode %q", mode)
	}
	return signIn, url.Values{"code": {testCode}, "state": {u.Query().Get("state")}}
}

// A sign-in shows that it is one, and nothing of it.
func TestSignInShowsThatItIsOne(t *testing.T) {
	signIn := SignIn{State: "PLANTED", Verifier: "PLANTED", RedirectURL: webRedirect}
	for _, verb := range verbs {
		if got := fmt.Sprintf(verb, signIn); got != "tokensource.SignIn(…)" {
			t.Errorf("%s: %s", verb, got)
		}
	}
}

// The Source of an Exchange knows its first token, and asks for the next one in
// time. What was done is in the log.
func TestSourceOfAnExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: rotate}
		config := server.config()
		config.Cache, config.CacheKey = newLockingCache(), "account 1"
		log := logged(config)
		source := signedInTest(t, config)
		if !strings.Contains(log.String(), "got a token") {
			t.Errorf("log: %s", log)
		}
		want(t, source, 1)
		pass(55 * time.Minute)
		want(t, source, 2)
		wantRequests(t, server, 2)
	})
}

// What comes in an address has no end that anybody knows.
func TestLengthsOfWhatWasDeclined(t *testing.T) {
	cl, _ := new(fakeEntra).public().userClient()
	long := strings.Repeat("y ", 20_000)
	declined := func(answer url.Values) *Error { return cl.declined(SignIn{}, answer) }
	e := declined(url.Values{"error": {long}, "error_subcode": {long}, "error_description": {long}})
	for name, row := range map[string]struct {
		got  string
		want int
	}{"error": {e.Code, 128}, "error_subcode": {e.Suberror, 128}, "error_description": {e.Description, 4 << 10}} {
		if n := len(strings.TrimSuffix(row.got, "…")); n != row.want {
			t.Errorf("%s: %d bytes; want %d", name, n, row.want)
		}
	}
	for n, want := range map[int]int{1: 1, 16 << 10: 16 << 10, 16<<10 + 1: 0} {
		if e := declined(url.Values{"error": {"e"}, "claims": {long[:n]}}); len(e.Claims) != want {
			t.Errorf("claims of %d bytes: %d", n, len(e.Claims))
		}
	}
	e = declined(url.Values{"error_description": {"AADSTS65004: No. Trace ID: a Correlation ID: b Timestamp: 2026-11-24 10:00:00Z Good bye."}})
	if e.Code != "unknown" || e.TraceID != "a" || e.CorrelationID != "b" || e.Timestamp.IsZero() {
		t.Errorf("%+v", e)
	}
}

func TestExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: rotate}
		config := server.config()
		cache := new(memCache)
		config.Cache, config.CacheKey = cache, "account 1"
		signIn, answer := beginTest(t, config)

		stored, err := json.Marshal(signIn) // in a session, and out of it
		if err != nil {
			t.Fatal(err)
		}
		var restored SignIn
		if err := json.Unmarshal(stored, &restored); err != nil || restored != signIn {
			t.Fatalf("%v after %s", err, stored)
		}
		source, err := config.Exchange(t.Context(), restored, answer)
		if err != nil {
			t.Fatal(err)
		}
		want(t, source, 1) // without another request
		if stored := cache.only(t); stored.RefreshToken != refreshNumber(1) {
			t.Errorf("stored %+v", stored)
		}
		server.wantForm(t, 1, map[string]string{
			"client_id": testClientID, "client_secret": testSecret, "grant_type": "authorization_code", "code": testCode,
			"redirect_uri": webRedirect, "code_verifier": signIn.Verifier, "scope": userScope,
		})
		pass(hour)
		want(t, source, 2)
		want(t, config.Resume(), 2) // when the application was restarted
		if stored := cache.only(t); stored.RefreshToken != refreshNumber(2) {
			t.Errorf("stored %+v", stored)
		}
	})
}

func TestExchangeRefuses(t *testing.T) {
	rows := []struct {
		name   string
		change func(*SignIn, url.Values)
		text   string
	}{
		{"another browser", func(_ *SignIn, a url.Values) { a.Set("state", "another") }, "another sign-in"},
		{"no state", func(_ *SignIn, a url.Values) { a.Del("state") }, "another sign-in"},
		{"no session", func(s *SignIn, a url.Values) { *s = SignIn{}; a.Set("state", "") }, "another sign-in"},
		{"no code", func(_ *SignIn, a url.Values) { a.Del("code") }, "neither a code nor an error"},
		{"error of another browser", func(_ *SignIn, a url.Values) { a.Set("state", ""); a.Set("error", "access_denied") }, "another sign-in"},
		{"declined", func(_ *SignIn, a url.Values) { a.Set("error", "access_denied") }, "access_denied"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			server := new(fakeEntra)
			signIn, answer := beginTest(t, server.config())
			row.change(&signIn, answer)
			source, err := server.config().Exchange(t.Context(), signIn, answer)
			if e, ok := errors.AsType[*Error](err); !ok || source != nil || e.Retryable() {
				t.Fatalf("error %v", err)
			}
			wantError(t, err, row.text)
			checkAllVerbs(t, "error", err)
			wantRequests(t, server, 0)
		})
	}
}

// An address can quote what the browser sent, or was sent with.
func TestSecretsOfASignInInTheRedirect(t *testing.T) {
	config := new(fakeEntra).config()
	signIn, answer := beginTest(t, config)
	answer.Set("error", "access_denied")
	code := answer.Get("code")
	for _, name := range []string{"error", "error_subcode", "error_description", "claims"} {
		quoting := url.Values{"state": {signIn.State}, "error": {"access_denied"}, "code": {code}}
		quoting.Set(name, fmt.Sprintf("you sent %s, %s and %s\x1b[2J\n", url.QueryEscape(code), signIn.Verifier, signIn.State))
		_, err := config.Exchange(t.Context(), signIn, quoting)
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Fatalf("error %v", err)
		}
		for _, text := range []string{err.Error(), e.Code, e.Suberror, e.Description, e.Claims} {
			for _, secret := range []string{code, signIn.Verifier, signIn.State} {
				if strings.Contains(text, secret) {
					t.Errorf("%s: %s is in %q", name, secret, text)
				}
			}
		}
		checkText(t, e)
	}
}

func TestExchangeIsNotRepeated(t *testing.T) {
	server := &fakeEntra{answer: unavailable}
	signIn, answer := beginTest(t, server.config())
	_, err := server.config().Exchange(t.Context(), signIn, answer)
	if e, ok := errors.AsType[*Error](err); !ok || !e.Retryable() {
		t.Errorf("error %v", err)
	}
	wantRequests(t, server, 1)
}

// A server that says what it was sent.
func TestCodeAndVerifierAreRedacted(t *testing.T) {
	for name, echo := range map[string]func(url.Values) string{
		"text": func(form url.Values) string { return form.Get("code") + " and " + form.Encode() },
		"JSON": func(form url.Values) string {
			return `{"error":"e","error_description":"AADSTS1: ` + form.Get("code_verifier") + `"}`
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := &fakeEntra{}
			server.answer = func(n int, _ *http.Request) (*http.Response, error) {
				return response(400, echo(server.forms[n-1])), nil
			}
			signIn, answer := beginTest(t, server.config())
			_, err := server.config().Exchange(t.Context(), signIn, answer)
			if err == nil || strings.Contains(err.Error(), signIn.Verifier) {
				t.Errorf("error %v", err)
			}
			checkAllVerbs(t, "error", err)
		})
	}
}

func TestExchangeUnderCancelledContext(t *testing.T) {
	server := new(fakeEntra)
	server.answer = nil
	signIn, answer := beginTest(t, server.config())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	config := server.config()
	config.HTTPClient.Transport = nil
	if _, err := config.Exchange(ctx, signIn, answer); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestExchangeStoresFirst(t *testing.T) {
	server := &fakeEntra{answer: rotate}
	config := server.config()
	full := errors.New("disk full")
	config.Cache = &memCache{put: func(context.Context, string) error { return full }}
	config.CacheKey = "account 1"
	signIn, answer := beginTest(t, config)
	if source, err := config.Exchange(t.Context(), signIn, answer); source != nil || !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
}

// All users of a web application would be one without a key.
func TestUsersOfWebApplicationNeedAKey(t *testing.T) {
	server := new(fakeEntra)
	config := server.config()
	signIn, answer := beginTest(t, config)
	_, err := config.Resume().Token()
	wantConfigError(t, err, "Cache")
	config.Cache = new(memCache)
	_, err = config.Resume().Token()
	wantConfigError(t, err, "CacheKey")
	_, err = config.Exchange(t.Context(), signIn, answer)
	wantConfigError(t, err, "CacheKey")
	wantRequests(t, server, 0)
	config.Tenant = ""
	_, err = config.Resume().Token()
	wantConfigError(t, err, "Tenant")
}

func wantConfigError(t *testing.T, err error, field string) {
	t.Helper()
	if e, ok := errors.AsType[*ConfigError](err); !ok || e.Field != field || e.Remedy == "" {
		t.Errorf("error %v; want one about %s", err, field)
	}
}

func TestResumeNeedsASignIn(t *testing.T) {
	server := new(fakeEntra)
	config := server.config()
	config.Cache, config.CacheKey = new(memCache), "account 1"
	if _, err := config.Resume().Token(); !errors.Is(err, ErrInteractionRequired) {
		t.Errorf("error %v", err)
	}
	wantRequests(t, server, 0)
}

func TestWebRedirect(t *testing.T) {
	for address, good := range map[string]bool{
		webRedirect: true, "https://app.example.com/a?b=c": true, "http://localhost:8080/signed-in": true, "http://127.0.0.1/": true,
		"": false, "http://app.example.com/": false, "app.example.com": false, "https://app.example.com/#a": false, "https:///a": false, "https://u:p@app.example.com/": false,
	} {
		_, _, err := new(fakeEntra).config().AuthCodeURL(AuthCodeOptions{RedirectURL: address})
		if e, ok := errors.AsType[*ConfigError](err); good && err != nil || !good && (!ok || e.Field != "AuthCodeOptions.RedirectURL") {
			t.Errorf("%s: error %v", address, err)
		}
	}
	config := new(fakeEntra).config()
	config.Tenant = ""
	if _, _, err := config.AuthCodeURL(AuthCodeOptions{RedirectURL: webRedirect}); err == nil {
		t.Error("no tenant: no error")
	}
	if _, err := config.Exchange(t.Context(), SignIn{}, nil); err == nil {
		t.Error("no tenant: no error")
	}
}

func TestSignInIsNotFormatted(t *testing.T) {
	signIn := SignIn{State: "PLANTED state", Verifier: "PLANTED verifier"}
	checkAllVerbs(t, "SignIn", signIn, &signIn, []SignIn{signIn}, struct{ S SignIn }{signIn})
	checkNoSecret(t, "logged", signIn.LogValue().String())
}
