package tokensource

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
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
			r, _ := http.NewRequest(http.MethodPost, to, strings.NewReader("state="+state+"&code="+strings.Repeat("x", maxAnswer)))
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
	at, _ := loopbackURL("")
	l, err := listenLoopback(at)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithDeadlineCause(t.Context(), time.Now(), errNobodySignedIn)
	defer cancel()
	o := AuthCodeOptions{RedirectURL: l.redirect, Open: func(context.Context, string) error { return nil }}
	_, err = cl.signInHere(ctx, o, l)
	if e, ok := errors.AsType[*Error](err); !ok || e.Temporary() || !strings.Contains(err.Error(), "nobody signed in within 15 minutes") {
		t.Errorf("error %v", err)
	}
}

func TestPage(t *testing.T) {
	for _, err := range []error{nil, &Error{Code: "access_denied", Description: `"><img src=x onerror=alert(1)>`}, errors.New("PLANTED")} {
		w := httptest.NewRecorder()
		showOutcome(w, err)
		text := w.Body.String()
		if w.Header().Get("Content-Length") != strconv.Itoa(len(text)) || w.Header().Get("Cache-Control") != "no-store" ||
			!strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none';") {
			t.Errorf("headers %v", w.Header())
		}
		if strings.Contains(text, "<img") || strings.Contains(text, "<script") || strings.Contains(text, "http://") || strings.Contains(text, "https://") {
			t.Errorf("page %s", text)
		}
		checkNoSecret(t, "page", text)
		if good := strings.Contains(text, "You are signed in"); good != (err == nil) {
			t.Errorf("%v: %s", err, text)
		}
	}
}

// Port 80 is left out of what a browser names.
func TestHostWithoutItsPort(t *testing.T) {
	for redirect, want := range map[string]string{"http://localhost:80/": "localhost", "http://127.0.0.1:8080/": "127.0.0.1:8080"} {
		u, _ := loopbackURL(redirect)
		if got := browserHost(u); got != want {
			t.Errorf("%s: %s", redirect, got)
		}
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
		if !ok || code != "" || e.Temporary() {
			t.Fatalf("code %q, error %v", code, err)
		}
		checkText(t, e)
	})
}

// Whichever address a browser takes for localhost, the sign-in is there.
func TestLoopbackListensOnBothAddresses(t *testing.T) {
	if !hasIPv6(net.Listen) {
		t.Skip("no IPv6 here")
	}
	for redirect, want := range map[string][]string{
		"":                 {"127.0.0.1", "::1"},
		"http://localhost": {"127.0.0.1", "::1"},
		"http://127.0.0.1": {"127.0.0.1"},
	} {
		at, _ := loopbackURL(redirect)
		l, err := listenLoopback(at)
		if err != nil {
			t.Fatal(err)
		}
		l.serve("state")
		_, port, _ := net.SplitHostPort(l.host)
		for _, address := range want {
			r, _ := http.NewRequest(http.MethodGet, "http://"+net.JoinHostPort(address, port)+"/?state=another", nil)
			r.Host = l.host
			resp, err := direct.Do(r)
			if err != nil {
				t.Errorf("%s: %v", address, err)
				continue
			}
			if page := body(t, resp); resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: status %d, %s", address, resp.StatusCode, page)
			}
		}
		l.finish(nil)
		if len(l.at) != len(want) {
			t.Errorf("%s: %d listeners", redirect, len(l.at))
		}
		for _, address := range want { // all are free again
			again, err := net.Listen("tcp", net.JoinHostPort(address, port))
			if err != nil {
				t.Error(err)
				continue
			}
			again.Close()
		}
	}
}

// Where somebody else listens on [::1], the sign-in does not.
func TestLoopbackPortThatIsTaken(t *testing.T) {
	taken := errors.New("address in use")
	rows := map[string]struct {
		port  string
		fails func(n int, address string) bool // the nth call for an address of IPv6
		n     int                              // of listeners
		err   error
	}{
		"free one, first taken":  {"0", func(n int, address string) bool { return n == 2 }, 2, nil},
		"free one, all taken":    {"0", func(_ int, address string) bool { return address != "[::1]:0" }, 0, taken},
		"given, taken":           {"given", func(_ int, address string) bool { return address != "[::1]:0" }, 0, taken},
		"free one, without IPv6": {"0", func(int, string) bool { return true }, 1, nil},
		"given, without IPv6":    {"given", func(int, string) bool { return true }, 1, nil},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			if row.port == "given" {
				l, err := net.Listen("tcp4", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				_, row.port, _ = net.SplitHostPort(l.Addr().String())
				l.Close()
			}
			var open []net.Listener
			n := 0
			listen := func(network, address string) (net.Listener, error) {
				if network == "tcp6" {
					n++
					if row.fails(n, address) {
						return nil, taken
					}
					network, address = "tcp4", "127.0.0.1:0" // for this machine may have no IPv6
				}
				l, err := net.Listen(network, address)
				if err == nil {
					open = append(open, l)
				}
				return l, err
			}
			listeners, err := listenHere(listen, "localhost", row.port)
			if len(listeners) != row.n || !errors.Is(err, row.err) {
				t.Errorf("%d listeners, %v", len(listeners), err)
			}
			for _, l := range listeners {
				l.Close()
			}
			for _, l := range open {
				if err := l.Close(); !errors.Is(err, net.ErrClosed) {
					t.Error("one was left open")
				}
			}
		})
	}
}
