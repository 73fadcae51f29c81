package loopback

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPage(t *testing.T) {
	for _, o := range []Outcome{{SignedIn: true}, {Reason: `access_denied: "><img src=x onerror=alert(1)>` + "\nTITLE"}, {Reason: "</pre><script>"}, {}} {
		w := httptest.NewRecorder()
		showOutcome(w, o)
		text := w.Body.String()
		if w.Header().Get("Content-Length") != strconv.Itoa(len(text)) || w.Header().Get("Cache-Control") != "no-store" ||
			!strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none';") ||
			w.Header().Get("Content-Type") != "text/html; charset=utf-8" || w.Header().Get("X-Content-Type-Options") != "nosniff" ||
			w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("Connection") != "close" || w.Code != http.StatusOK {
			t.Errorf("headers %v", w.Header())
		}
		if strings.Contains(text, "<img") || strings.Contains(text, "<script") || strings.Contains(text, "http://") || strings.Contains(text, "https://") {
			t.Errorf("page %s", text)
		}
		if good := strings.Contains(text, "You are signed in"); good != o.SignedIn || strings.Contains(text, "<pre>") != (o.Reason != "") {
			t.Errorf("%v: %s", o, text)
		}
		if good := strings.Contains(text, `<svg class="good"`); good != o.SignedIn || strings.Count(text, "<svg") != 1 {
			t.Errorf("another picture: %s", text)
		}
		p := pageFailed
		if o.SignedIn {
			p = pageDone
		}
		if !strings.Contains(text, "<title>"+p.Title+"</title>") || !strings.Contains(text, "<h1>"+p.Title+"</h1>") || !strings.Contains(text, "<p>"+p.Next+"</p>") {
			t.Errorf("not all of it: %s", text)
		}
		if strings.Count(text, "TITLE") != strings.Count(o.Reason, "TITLE") || strings.Contains(text, "BODY") {
			t.Errorf("not filled in: %s", text)
		}
	}
}

func TestParseURL(t *testing.T) {
	for address, want := range map[string]bool{
		"":                        true,
		"http://localhost":        true,
		"http://localhost:1/a":    true,
		"http://127.0.0.1:1":      true,
		"https://localhost":       false,
		"http://[::1]":            false,
		"http://example.com":      false,
		"http://me@localhost":     false,
		"http://localhost?a=b":    false,
		"http://localhost?":       false,
		"http://localhost#a":      false,
		"http://localhost:a":      false,
		"localhost":               false,
		"http://localhost.a:1":    false,
		"http://127.0.0.1.a.b:80": false,
	} {
		if u, ok := ParseURL(address); ok != want || (u != nil) != want {
			t.Errorf("%q: %v, %t, want %t", address, u, ok, want)
		}
	}
}

// Port 80 is left out of what a browser names.
func TestHostWithoutItsPort(t *testing.T) {
	for redirect, want := range map[string]string{"http://localhost:80/": "localhost", "http://127.0.0.1:8080/": "127.0.0.1:8080"} {
		u, _ := ParseURL(redirect)
		if got := browserHost(u); got != want {
			t.Errorf("%s: %s", redirect, got)
		}
	}
}

// The answer is taken, and its page shows the outcome.
func TestSignIn(t *testing.T) {
	at, _ := ParseURL("http://127.0.0.1")
	l, err := Listen(at)
	if err != nil {
		t.Fatal(err)
	}
	answered := l.Serve("state")
	page := make(chan string, 1)
	go func() {
		resp, err := http.Get(l.Redirect + "?state=state&code=planted")
		if err != nil {
			page <- err.Error()
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		page <- string(text)
	}()
	select {
	case answer := <-answered:
		if code := answer.Get("code"); code != "planted" {
			t.Errorf("the code %q", code)
		}
	case text := <-page:
		t.Errorf("no answer, but %s", text)
	}
	l.Finish(Outcome{SignedIn: true})
	if text := <-page; !strings.Contains(text, pageDone.Title) {
		t.Errorf("page %s", text)
	}
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
		at, _ := ParseURL(redirect)
		l, err := Listen(at)
		if err != nil {
			t.Fatal(err)
		}
		l.Serve("state")
		_, port, _ := net.SplitHostPort(l.host)
		for _, address := range want {
			r, _ := http.NewRequest(http.MethodGet, "http://"+net.JoinHostPort(address, port)+"/?state=another", nil)
			r.Host = l.host
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Errorf("%s: %v", address, err)
				continue
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s: status %d", address, resp.StatusCode)
			}
		}
		l.Finish(Outcome{SignedIn: true})
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

// If somebody else listens on [::1], the sign-in does not.
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
			if name == "free one, all taken" && n != 2*10 { // the first of two finds out whether there is IPv6
				t.Errorf("%d calls for 10 tries", n)
			}
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

// A browser that keeps its connection does not keep the server.
func TestFinishClosesConnections(t *testing.T) {
	at, _ := ParseURL("http://127.0.0.1")
	l, err := Listen(at)
	if err != nil {
		t.Fatal(err)
	}
	l.Serve("state")
	conn, err := net.Dial("tcp", l.host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /favicon.ico HTTP/1.1\r\nHost: %s\r\n\r\n", l.host)
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil || resp.StatusCode != http.StatusNotFound || resp.Close {
		t.Fatalf("%+v, %v", resp, err)
	}
	io.Copy(io.Discard, resp.Body)
	l.Finish(Outcome{})
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("the connection is open: %v", err)
	}
}

// The last page is waited for, but not for ever.
func TestPageThatNobodyTakes(t *testing.T) {
	for name, row := range map[string]struct {
		taken, shown bool
		want         time.Duration
	}{
		"no answer": {false, false, 0},
		"shown":     {true, true, 0},
		"not taken": {true, false, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				port := &portOf{}
				l := &Server{server: new(http.Server), at: []net.Listener{port}, outcome: make(chan Outcome, 1), shown: make(chan struct{})}
				l.taken.Store(row.taken)
				if row.shown {
					close(l.shown)
				}
				l.Finish(Outcome{})
				if !port.freed.Equal(began) {
					t.Errorf("the port was free at %v", port.freed)
				}
				if took := time.Since(began); took != row.want {
					t.Errorf("after %v; want %v", took, row.want)
				}
			})
		})
	}
}

// portOf notes when it became free.
type portOf struct {
	net.Listener
	freed time.Time
}

func (p *portOf) Close() error { p.freed = time.Now(); return nil }

func TestLimits(t *testing.T) {
	if launchTime != 3*time.Second || pageTime != 2*time.Second {
		t.Errorf("a browser has %v to open, and %v to take the page", launchTime, pageTime)
	}
	l := new(Server)
	l.Serve("state")
	if l.server.ReadTimeout != 10*time.Second || l.server.MaxHeaderBytes != 64<<10 {
		t.Errorf("a request may take %v, and %d octets of headers", l.server.ReadTimeout, l.server.MaxHeaderBytes)
	}
}

// serving returns a Server without a network, and what it answers a request with.
func serving(t *testing.T, state string) (l *Server, answer func(method, query, form string) *httptest.ResponseRecorder) {
	t.Helper()
	l = &Server{host: "localhost", path: "/", state: state, answer: make(chan url.Values, 1), outcome: make(chan Outcome, 1), shown: make(chan struct{})}
	return l, func(method, query, form string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://localhost/?"+query, strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		l.ServeHTTP(w, r)
		return w
	}
}

// Another site may have pointed its name here.
func TestAnotherHost(t *testing.T) {
	l, _ := serving(t, "state")
	for host, want := range map[string]int{"localhost": http.StatusNotFound, "localhost:80": http.StatusMisdirectedRequest, "example.com": http.StatusMisdirectedRequest} {
		r := httptest.NewRequest(http.MethodGet, "http://"+host+"/another", nil)
		w := httptest.NewRecorder()
		if l.ServeHTTP(w, r); w.Code != want {
			t.Errorf("%s: status %d, want %d", host, w.Code, want)
		}
	}
}

func TestLongestForm(t *testing.T) {
	_, answer := serving(t, "state")
	for n, page := range map[int]string{64 << 10: pageStranger.Title, 64<<10 + 1: pageUnreadable.Title} {
		form := "code=" + strings.Repeat("x", n-len("code="))
		if w := answer(http.MethodPost, "", form); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), page) {
			t.Errorf("%d bytes: status %d, %s", n, w.Code, w.Body)
		}
	}
	if w := answer(http.MethodPut, "", ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, POST" {
		t.Errorf("status %d, %v", w.Code, w.Header())
	}
}

// The page is with the browser before the program may end.
func TestPageIsFlushed(t *testing.T) {
	l, answer := serving(t, "state")
	l.outcome <- Outcome{SignedIn: true}
	if w := answer(http.MethodGet, "state=state", ""); !w.Flushed || !strings.Contains(w.Body.String(), pageDone.Title) {
		t.Errorf("flushed: %t, %s", w.Flushed, w.Body)
	}
	select {
	case <-l.shown:
	default:
		t.Error("Finish would wait")
	}
	if w := answer(http.MethodGet, "state=state", ""); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), pageTaken.Title) {
		t.Errorf("a second answer: status %d, %s", w.Code, w.Body)
	}
}
