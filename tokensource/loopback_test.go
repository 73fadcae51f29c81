package tokensource

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/internal/loopback"
)

// What is not the answer is refused, and the sign-in goes on.
func TestLoopbackRefuses(t *testing.T) {
	get := func(address string) *http.Request {
		r, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	rows := []struct {
		name    string
		status  int
		request func(redirect, state string) *http.Request
	}{
		{"another path", http.StatusNotFound, func(to, state string) *http.Request { return get(to + "/favicon.ico?code=x&state=" + state) }},
		{"PUT", http.StatusMethodNotAllowed, func(to, state string) *http.Request {
			r := get(to + "?code=x&state=" + state)
			r.Method = http.MethodPut
			return r
		}},
		{"HEAD", http.StatusMethodNotAllowed, func(to, state string) *http.Request {
			r := get(to + "?code=x&state=" + state)
			r.Method = http.MethodHead
			return r
		}},
		{"no state", http.StatusBadRequest, func(to, state string) *http.Request { return get(to + "?code=x") }},
		{"empty state", http.StatusBadRequest, func(to, state string) *http.Request { return get(to + "?code=x&state=") }},
		{"another state", http.StatusBadRequest, func(to, state string) *http.Request { return get(to + "?code=x&state=a" + state[1:]) }},
		{"the beginning of the state", http.StatusBadRequest, func(to, state string) *http.Request { return get(to + "?code=x&state=" + state[:8]) }},
		{"an error without the state", http.StatusBadRequest, func(to, state string) *http.Request { return get(to + "?error=access_denied") }},
		{"another host", http.StatusMisdirectedRequest, func(to, state string) *http.Request {
			r := get(to + "?code=x&state=" + state)
			r.Host = "rebound.example.com"
			return r
		}},
		{"POST with the answer in the query", http.StatusBadRequest, func(to, state string) *http.Request {
			r := get(to + "?code=x&state=" + state)
			r.Method = http.MethodPost
			return r
		}},
		{"a long form", http.StatusBadRequest, func(to, state string) *http.Request {
			r, _ := http.NewRequest(http.MethodPost, to, strings.NewReader("state="+state+"&code="+strings.Repeat("x", loopback.MaxAnswer)))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r
		}},
		{"a form that is none", http.StatusBadRequest, func(to, state string) *http.Request {
			r, _ := http.NewRequest(http.MethodPost, to, strings.NewReader("%zz"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			server := &fakeEntra{answer: rotate}
			b := newBrowser(t)
			b.before = func(redirect, state string) {
				resp, err := direct.Do(row.request(redirect, state))
				if err != nil {
					t.Error(err)
					return
				}
				if page := body(t, resp); resp.StatusCode != row.status || strings.Contains(page, state) {
					t.Errorf("status %d; want %d; %s", resp.StatusCode, row.status, page)
				}
			}
			want(t, server.public().AuthCode(b.options()), 1)
			wantRequests(t, server, 1)
		})
	}
}

func TestLoopbackTakesOneAnswer(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	server := &fakeEntra{answer: func(n int, r *http.Request) (*http.Response, error) {
		close(entered)
		<-release
		return rotate(n, r)
	}}
	b := newBrowser(t)
	caller := ask(t.Context(), server.public().AuthCode(b.options()))
	<-entered
	status, page := send(t, false, b.request.Get("redirect_uri"), url.Values{"state": {b.request.Get("state")}, "code": {"another"}})
	if status != http.StatusConflict || !strings.Contains(page, "answered already") {
		t.Errorf("status %d, page %s", status, page)
	}
	close(release)
	if r := <-caller; r.err != nil {
		t.Error(r.err)
	}
	wantRequests(t, server, 1)
	if got := server.forms[0].Get("code"); got != testCode {
		t.Errorf("redeemed %q", got)
	}
}

func TestRedirectURL(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	taken := AuthCodeOptions{RedirectURL: "http://localhost:" + port}
	if _, err := new(fakeEntra).public().AuthCode(taken).Token(); err == nil || !strings.Contains(err.Error(), "cannot wait for the browser") {
		t.Errorf("a port that is in use: %v", err)
	}
	ln.Close()
	for _, row := range []struct{ set, prefix, suffix string }{
		{"", "http://localhost:", ""},
		{"http://localhost/", "http://localhost:", "/"},
		{"http://127.0.0.1", "http://127.0.0.1:", ""},
		{"http://localhost/signed/in", "http://localhost:", "/signed/in"},
		{"http://localhost:" + port + "/auth", "http://localhost:" + port, "/auth"},
	} {
		t.Run(row.set, func(t *testing.T) {
			server := &fakeEntra{answer: rotate}
			b := newBrowser(t)
			o := b.options()
			o.RedirectURL = row.set
			want(t, server.public().AuthCode(o), 1)
			if got := b.request.Get("redirect_uri"); !strings.HasPrefix(got, row.prefix) || !strings.HasSuffix(got, row.suffix) || strings.HasSuffix(got, ":0"+row.suffix) {
				t.Errorf("redirect address %s", got)
			}
			b.checkClosed()
		})
	}
	for _, bad := range []string{
		"https://localhost", "http://localhost.example.com", "http://[::1]", "http://0.0.0.0", "http://contoso.com/", "localhost",
		"http://localhost/?a=b", "http://localhost/#a", "http://u@localhost", "http://localhost:port", "://",
	} {
		_, err := new(fakeEntra).public().AuthCode(AuthCodeOptions{RedirectURL: bad}).Token()
		if e, ok := errors.AsType[*ConfigError](err); !ok || e.Field != "AuthCodeOptions.RedirectURL" {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}

func TestSignInEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	server := new(fakeEntra)
	ended, redirect := make(chan struct{}), ""
	options := AuthCodeOptions{Open: func(open context.Context, address string) error {
		u, _ := url.Parse(address)
		redirect = u.Query().Get("redirect_uri")
		cancel(errors.New("the user closed the program"))
		<-open.Done()
		close(ended)
		return open.Err()
	}}
	r := <-ask(ctx, server.public().AuthCode(options))
	if !errors.Is(r.err, context.Canceled) || !strings.Contains(r.err.Error(), "closed the program") {
		t.Errorf("error %v", r.err)
	}
	<-ended
	for { // the flow ends in its own goroutine
		resp, err := direct.Get(redirect)
		if err != nil {
			break
		}
		resp.Body.Close()
	}
	wantRequests(t, server, 0)
}

// A browser that has answered is told when nobody wants the answer any more.
func TestSignInEndsAfterTheAnswer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := &fakeEntra{answer: func(_ int, r *http.Request) (*http.Response, error) {
		cancel()
		<-r.Context().Done()
		return nil, r.Context().Err()
	}}
	b := newBrowser(t)
	if r := <-ask(ctx, server.public().AuthCode(b.options())); !errors.Is(r.err, context.Canceled) {
		t.Errorf("error %v", r.err)
	}
	<-b.done
	if !strings.Contains(b.page, "did not succeed") {
		t.Errorf("page %s", b.page)
	}
}

// The time to sign in is over.
func TestNobodySignsIn(t *testing.T) {
	cl, _ := new(fakeEntra).public().userClient()
	at, _ := loopback.ParseURL("")
	l, err := loopback.Listen(at)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithDeadlineCause(t.Context(), time.Now(), errNobodySignedIn)
	defer cancel()
	o := AuthCodeOptions{RedirectURL: l.Redirect, Open: func(context.Context, string) error { return nil }}
	_, err = cl.signInHere(ctx, o, l)
	if e, ok := errors.AsType[*Error](err); !ok || e.Retryable() || !strings.Contains(err.Error(), "nobody signed in within 15 minutes") {
		t.Errorf("error %v", err)
	}
}

func FuzzSignInAnswer(f *testing.F) {
	for _, seed := range []string{
		"code=x&state=STATE", "state=STATE", "error=access_denied&state=STATE", "code=x&state=other", "%zz", "error=&state=STATE",
		"error=a&error_description=AADSTS65004%3A+declined%0D%0ATrace+ID%3A+a+Correlation+ID%3A+b+Timestamp%3A+2026-11-24+10%3A00%3A00Z&state=STATE",
		"error=%1b%5b2J&error_description=%ff&claims=%7b&state=STATE",
	} {
		f.Add(seed)
	}
	cl, _ := new(fakeEntra).public().userClient()
	f.Fuzz(func(t *testing.T, query string) {
		answer, _ := url.ParseQuery(query)
		code, err := cl.code(SignIn{State: "STATE"}, answer)
		if err == nil {
			if code == "" || answer.Get("state") != "STATE" || answer.Has("error") {
				t.Errorf("took the code %q", code)
			}
			return
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || code != "" || e.Retryable() {
			t.Fatalf("code %q, error %v", code, err)
		}
		checkText(t, e)
	})
}
