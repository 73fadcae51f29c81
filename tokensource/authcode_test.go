package tokensource

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

const testCode = "PLANTED.code/of+odd=chars&\"<8Q>"

// browser stands in for a person with one. It keeps what it was sent to.
type browser struct {
	t       *testing.T
	post    bool              // send the answer as a form
	answer  map[string]string // nil: the code
	before  func(redirect, state string)
	request url.Values // of the authorize request
	address string
	page    string
	status  int
	opened  atomic.Int32
	closed  chan struct{} // when the context of Open has ended
	done    chan struct{} // when page and status are there
}

func newBrowser(t *testing.T) *browser {
	return &browser{t: t, closed: make(chan struct{}), done: make(chan struct{})}
}

func (b *browser) options() AuthCodeOptions { return AuthCodeOptions{Open: b.open} }

func (b *browser) open(ctx context.Context, address string) error {
	b.opened.Add(1)
	context.AfterFunc(ctx, func() { close(b.closed) })
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	b.address, b.request = address, u.Query()
	redirect, state := b.request.Get("redirect_uri"), b.request.Get("state")
	if b.before != nil {
		b.before(redirect, state)
	}
	values := url.Values{"state": {state}, "session_state": {"x"}}
	for name, value := range b.answer {
		values.Set(name, value)
	}
	if b.answer == nil {
		values.Set("code", testCode)
	}
	b.status, b.page = send(b.t, b.post, redirect, values)
	close(b.done)
	return nil
}

// direct has no proxy, and no connections that outlive a request.
var direct = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}

// send returns the status and the page. It may be called by any goroutine.
func send(t *testing.T, post bool, address string, values url.Values) (int, string) {
	t.Helper()
	var resp *http.Response
	var err error
	if post {
		resp, err = direct.PostForm(address, values)
	} else {
		resp, err = direct.Get(address + "?" + values.Encode())
	}
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	return resp.StatusCode, body(t, resp)
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// checkClosed checks that nobody listens at the redirect address any more.
func (b *browser) checkClosed() {
	b.t.Helper()
	<-b.closed
	u, _ := url.Parse(b.request.Get("redirect_uri"))
	if conn, err := net.Dial("tcp4", net.JoinHostPort("127.0.0.1", u.Port())); err == nil {
		conn.Close()
		b.t.Error("the port is still open")
	}
}

// Open may return long before the person has signed in.
func TestOpenThatReturnsAtOnce(t *testing.T) {
	server := &fakeEntra{answer: rotate}
	want(t, server.public().AuthCode(AuthCodeOptions{Open: func(_ context.Context, address string) error {
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		go func() {
			redirect := u.Query().Get("redirect_uri")
			for range 3 { // a browser asks for an icon
				send(t, false, redirect+"/favicon.ico", nil)
			}
			send(t, false, redirect, url.Values{"state": {u.Query().Get("state")}, "code": {testCode}})
		}()
		return nil
	}}), 1)
}

// Without Open it is this machine's browser that opens.
func TestAuthCodeOpensTheBrowser(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("opens browsers in another way")
	}
	dir := t.TempDir()
	script := []byte("#!/bin/sh\n" + `printf %s "$1" >"$OPENED" && mv "$OPENED" "$OPENED.whole"`)
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), script, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"PATH": dir + ":/bin:/usr/bin", "DISPLAY": ":0", "WSL_DISTRO_NAME": "", "OPENED": filepath.Join(dir, "opened")} {
		t.Setenv(name, value)
	}
	caller := ask(t.Context(), (&fakeEntra{answer: rotate}).public().AuthCode(AuthCodeOptions{}))
	var address []byte
	for len(address) == 0 && t.Context().Err() == nil {
		runtime.Gosched()
		address, _ = os.ReadFile(os.Getenv("OPENED") + ".whole")
	}
	u, err := url.Parse(string(address))
	if err != nil {
		t.Fatal(err)
	}
	send(t, false, u.Query().Get("redirect_uri"), url.Values{"state": {u.Query().Get("state")}, "code": {testCode}})
	if r := <-caller; r.err != nil {
		t.Error(r.err)
	}
}

func TestAuthCode(t *testing.T) {
	for name, post := range map[string]bool{"query": false, "form_post": true} {
		t.Run(name, func(t *testing.T) {
			server := &fakeEntra{answer: rotate}
			b := newBrowser(t)
			b.post = post
			source := server.public().AuthCode(b.options())
			want(t, source, 1)
			b.checkClosed()

			redirect, challenge := b.request.Get("redirect_uri"), b.request.Get("code_challenge")
			if !strings.HasPrefix(b.address, "https://login.microsoftonline.com/"+testTenant+"/oauth2/v2.0/authorize?") {
				t.Errorf("the browser was sent to %s", b.address)
			}
			for name, value := range map[string]string{
				"client_id": testClientID, "response_type": "code", "response_mode": "form_post",
				"scope": userScope, "code_challenge_method": "S256",
			} {
				if got := b.request.Get(name); got != value {
					t.Errorf("%s is %q; want %q", name, got, value)
				}
			}
			verifier := server.forms[0].Get("code_verifier")
			if len(verifier) < 43 || oauth2.S256ChallengeFromVerifier(verifier) != challenge {
				t.Errorf("the verifier %q does not match the challenge %q", verifier, challenge)
			}
			server.wantForm(t, 1, map[string]string{
				"client_id": testClientID, "grant_type": "authorization_code", "code": testCode,
				"redirect_uri": redirect, "code_verifier": verifier, "scope": userScope,
			})
			<-b.done
			if b.status != http.StatusOK || !strings.Contains(b.page, "You are signed in") {
				t.Errorf("status %d, page %s", b.status, b.page)
			}
			checkNoSecret(t, "page", b.page)
		})
	}
}

func TestStateAndVerifierAreNew(t *testing.T) {
	cl, _ := new(fakeEntra).public().userClient()
	seen := make(map[string]bool)
	for range 100 {
		_, s := cl.beginSignIn(AuthCodeOptions{}, "query")
		if len(s.State) < 22 || seen[s.State] || seen[s.Verifier] {
			t.Fatalf("state %q, verifier %q", s.State, s.Verifier)
		}
		seen[s.State], seen[s.Verifier] = true, true
	}
}

func TestAuthCodeHintsAreSent(t *testing.T) {
	cl, _ := new(fakeEntra).public().userClient()
	address, _ := cl.beginSignIn(AuthCodeOptions{LoginHint: "jane@contoso.com", Prompt: "login", Claims: `{"a":1}`}, "query")
	u, _ := url.Parse(address)
	for name, value := range map[string]string{"login_hint": "jane@contoso.com", "prompt": "login", "claims": `{"a":1}`} {
		if got := u.Query().Get(name); got != value {
			t.Errorf("%s is %q", name, got)
		}
	}
	address, _ = cl.beginSignIn(AuthCodeOptions{}, "query")
	if u, _ = url.Parse(address); u.Query().Has("prompt") || u.Query().Has("login_hint") || u.Query().Has("claims") {
		t.Errorf("empty hints in %s", address)
	}
}

func TestDeclinedSignIn(t *testing.T) {
	b := newBrowser(t)
	b.answer = map[string]string{
		"error": "access_denied", "error_subcode": "cancel",
		"error_description": "AADSTS65004: <script>alert(1)</script> User declined.\r\nTrace ID: 7d5fa1cd-0000-4000-8000-000000000001\r\nCorrelation ID: 7d5fa1cd-0000-4000-8000-000000000002\r\nTimestamp: 2026-11-24 10:00:00Z",
	}
	server := new(fakeEntra)
	_, err := server.public().AuthCode(b.options()).Token()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != "access_denied" || e.Suberror != "cancel" || len(e.AADSTS) != 1 || e.AADSTS[0] != 65004 ||
		e.CorrelationID != "7d5fa1cd-0000-4000-8000-000000000002" || e.TraceID == "" || e.Timestamp.IsZero() || e.Retryable() {
		t.Errorf("error %#v", err)
	}
	checkText(t, e)
	<-b.done
	if strings.Contains(b.page, "<script>") || !strings.Contains(b.page, "&lt;script&gt;") || !strings.Contains(b.page, "did not succeed") {
		t.Errorf("page %s", b.page)
	}
	wantRequests(t, server, 0)
}

// A try that failed may have used up the code.
func TestCodeIsRedeemedOnce(t *testing.T) {
	for name, answer := range map[string]func(int, *http.Request) (*http.Response, error){
		"busy":    unavailable,
		"refused": badRequest(`{"error":"invalid_grant","error_codes":[54005],"error_description":"AADSTS54005: <b>redeemed already"}`),
		"cut":     func(int, *http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
	} {
		t.Run(name, func(t *testing.T) {
			server := &fakeEntra{answer: answer}
			b := newBrowser(t)
			_, err := server.public().AuthCode(b.options()).Token()
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("error %v", err)
			}
			wantRequests(t, server, 1)
			<-b.done
			if strings.Contains(b.page, "<b>") || !strings.Contains(b.page, "did not succeed") {
				t.Errorf("page %s", b.page)
			}
			checkNoSecret(t, "page", b.page)
		})
	}
}

func TestAuthCodeHerdOpensOneBrowser(t *testing.T) {
	server := &fakeEntra{answer: rotate}
	b := newBrowser(t)
	begin := make(chan struct{})
	b.before = func(string, string) { <-begin }
	source := server.public().AuthCode(b.options())
	var callers []<-chan result
	for range 64 {
		callers = append(callers, ask(t.Context(), source))
	}
	for waiters := 0; waiters < 64; runtime.Gosched() {
		source.mu.Lock()
		if source.call != nil {
			waiters = source.call.waiters
		}
		source.mu.Unlock()
	}
	close(begin)
	for _, c := range callers {
		if r := <-c; r.err != nil {
			t.Error(r.err)
		}
	}
	if n := b.opened.Load(); n != 1 {
		t.Errorf("%d browsers", n)
	}
	wantRequests(t, server, 1)
}

func TestOpenFails(t *testing.T) {
	none := errors.New("no browser")
	var redirect string
	options := AuthCodeOptions{Open: func(_ context.Context, address string) error {
		u, _ := url.Parse(address)
		redirect = u.Query().Get("redirect_uri")
		return none
	}}
	_, err := new(fakeEntra).public().AuthCode(options).Token()
	if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, none) || e.Retryable() {
		t.Errorf("error %v", err)
	}
	if _, err := direct.Get(redirect); err == nil {
		t.Error("the port is still open")
	}
}

// While the old token is good, nobody is asked to sign in.
func TestNoBrowserInRenewal(t *testing.T) {
	server := &fakeEntra{answer: script(rotate, badRequest(revoked))}
	b := newBrowser(t)
	source := server.public().AuthCode(b.options())
	want(t, source, 1)
	t1 := source.cached.Load()
	aged := newToken(t1.AccessToken, time.Now().Add(-56*time.Minute), t1.Lifetime)
	source.cached.Store(aged)
	want(t, source, 1)
	wantRequests(t, server, 2)
	if n := b.opened.Load(); n != 1 {
		t.Errorf("%d browsers", n)
	}
}

func TestSignInLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	var log logBuffer
	for range 5 {
		server := &fakeEntra{answer: rotate}
		config := server.public()
		config.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		b := newBrowser(t)
		source := config.AuthCode(b.options())
		want(t, source, 1)
		checkAllVerbs(t, "source", source, config)
		checkNoSecret(t, "log", log.String())
		for _, secret := range []string{b.request.Get("state"), server.forms[0].Get("code_verifier")} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("%s is in the log", secret)
			}
		}
	}
	for deadline := time.Now().Add(7 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines; %d before", runtime.NumGoroutine(), before)
		}
	}
}
