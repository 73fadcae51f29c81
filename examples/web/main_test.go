package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
)

// Each user signs in once, and sees no mailbox but their own.
func TestDemo(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	const want = `No settings: this runs against an Exchange Online in this process.
For a real mailbox set EXO_TENANT, EXO_CLIENT_ID and EXO_CLIENT_SECRET.
adele@contoso.com signs in
adele@contoso.com: messages in INBOX: 1
adele@contoso.com: messages in INBOX: 1
adele@contoso.com: signed out
megan@contoso.com signs in
megan@contoso.com: messages in INBOX: 2
megan@contoso.com: messages in INBOX: 2
megan@contoso.com: signed out
`
	if out.String() != want {
		t.Errorf("output:\n%s", &out)
	}
}

// A world is the application, with the servers behind it, and two users.
type world struct {
	*exchangetest.Server
	*app
	t            *testing.T
	ceo, mallory *exchangetest.User
	log          bytes.Buffer
	web          *httptest.Server
}

func newWorld(t *testing.T) *world {
	w := &world{Server: exchangetest.NewServer(), t: t}
	t.Cleanup(w.Close)
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&w.log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	w.app, w.web = demoApp(w.Server)
	t.Cleanup(w.web.Close)
	w.ceo, w.mallory = w.Tenant().AddUser("ceo@contoso.com"), w.Tenant().AddUser("mallory@contoso.com")
	w.ceo.Mailbox.Append("INBOX", []byte("Subject: Secret\r\n\r\nHello!\r\n"))
	return w
}

// A visitor is somebody at a browser.
type visitor struct {
	*world
	*http.Client
}

func (w *world) visitor() *visitor {
	w.t.Helper()
	client, err := newClient(w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	return &visitor{w, client}
}

func (v *visitor) signsInAs(user *exchangetest.User) string {
	v.t.Helper()
	answer, err := signIn(v.t.Context(), v.Client, v.address, v.Server.Browser(user))
	if err != nil {
		v.t.Fatal(err)
	}
	return sentence(answer)
}

func (v *visitor) sees(path string) string {
	v.t.Helper()
	answer, err := v.Get(v.address + path)
	if err != nil {
		v.t.Fatal(err)
	}
	return sentence(answer)
}

func (v *visitor) signsOut() string {
	v.t.Helper()
	answer, err := v.PostForm(v.address+"/sign-out", nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return sentence(answer)
}

func (v *visitor) want(what, got, want string) {
	v.t.Helper()
	if got != want {
		v.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

const (
	nobody    = "Nobody has signed in."
	ceos      = "ceo@contoso.com: messages in INBOX: 1"
	mallorys  = "mallory@contoso.com: messages in INBOX: 0"
	otherUser = "That was another user. Sign out first."
)

// Whatever a browser asks for, its user sees what is theirs.
func TestUsersAreKeptApart(t *testing.T) {
	w := newWorld(t)
	ceo, mallory := w.visitor(), w.visitor()
	mallory.want("a stranger", mallory.sees("/?user=ceo@contoso.com"), nobody)
	mallory.want("signed in", mallory.signsInAs(w.mallory), mallorys)
	mallory.want("a user who asks for another", mallory.sees("/?user=ceo@contoso.com"), mallorys)
	ceo.want("signed in later", ceo.signsInAs(w.ceo), ceos)
	mallory.want("asks again", mallory.sees("/?user=ceo@contoso.com"), mallorys)
	ceo.want("the other", ceo.sees("/?user=mallory@contoso.com"), ceos)
	mallory.want("signs out", mallory.signsOut(), "mallory@contoso.com: signed out")
	ceo.want("who has not", ceo.sees("/"), ceos)
	mallory.want("who has", mallory.sees("/"), nobody)
}

// Somebody else who signs in in a browser that knows its user changes nothing:
// their tokens are forgotten, and nothing of the user's is replaced.
func TestSomebodyElseSignsIn(t *testing.T) {
	w := newWorld(t)
	ceo := w.visitor()
	ceo.want("signed in", ceo.signsInAs(w.ceo), ceos)
	ceo.want("somebody else", ceo.signsInAs(w.mallory), otherUser)
	ceo.want("afterwards", ceo.sees("/"), ceos)
	if !strings.Contains(w.log.String(), "mallory@contoso.com has signed in instead of ceo@contoso.com") {
		t.Errorf("log: %s", &w.log)
	}
	ceo.want("the right user", ceo.signsInAs(w.ceo), ceos)
	ceo.want("signs out", ceo.signsOut(), "ceo@contoso.com: signed out")
	ceo.want("another user", ceo.signsInAs(w.mallory), mallorys)
	if n := w.stored(); n != 1 {
		t.Errorf("the table has the tokens of %d sign-ins", n)
	}
}

// stored counts the rows of the table that open a mailbox.
func (w *world) stored() int {
	n := 0
	for _, row := range w.config.Cache.(*table).rows {
		if bytes.Contains(row.thing, []byte(`"refresh_token"`)) {
			n++
		}
	}
	return n
}

// One user has one set of tokens, whichever browser they come with.
func TestTwoBrowsers(t *testing.T) {
	w := newWorld(t)
	first, second := w.visitor(), w.visitor()
	first.want("first", first.signsInAs(w.ceo), ceos)
	second.want("second", second.signsInAs(w.ceo), ceos)
	first.want("first again", first.sees("/"), ceos)
	if n := w.stored(); n != 1 {
		t.Errorf("the table has the tokens of %d sign-ins", n)
	}
	second.want("signs out", second.signsOut(), "ceo@contoso.com: signed out")
	first.want("is signed out too", first.sees("/"), nobody)
}

func TestSignInAgain(t *testing.T) {
	w := newWorld(t)
	ceo := w.visitor()
	ceo.want("signed in", ceo.signsInAs(w.ceo), ceos)
	w.users.Range(func(_, cacheKey any) bool {
		if err := w.forget(t.Context(), cacheKey.(string)); err != nil {
			t.Error(err)
		}
		return true
	})
	ceo.want("the tokens are gone", ceo.sees("/"), "ceo@contoso.com has to sign in again.")
	ceo.want("somebody else", ceo.signsInAs(w.mallory), otherUser)
	ceo.want("signed in again", ceo.signsInAs(w.ceo), ceos)
}

// An answer counts once, in the browser that has begun the sign-in.
func TestAnswerToAnotherBrowser(t *testing.T) {
	w := newWorld(t)
	ceo, mallory := w.visitor(), w.visitor()
	pressed, err := mallory.PostForm(w.address+"/sign-in", nil)
	if err != nil {
		t.Fatal(err)
	}
	entra, err := pressed.Location()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := w.Server.Browser(w.mallory).Authorize(t.Context(), entra.String())
	if err != nil {
		t.Fatal(err)
	}
	link := "/signed-in?" + answer.Encode()
	ceo.want("led to mallory's answer", ceo.sees(link), "This browser has begun no sign-in.")
	ceo.want("afterwards", ceo.sees("/"), nobody)
	mallory.want("the right browser", mallory.sees(link), mallorys)
	mallory.want("twice", mallory.sees(link), "This browser has begun no sign-in.")
}

// Only the application's own name and its own pages count.
func TestOtherSites(t *testing.T) {
	w := newWorld(t)
	own, err := url.Parse(w.address)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, method, path, host string
		header                   [2]string
		status                   int
	}{
		{"its own name", "GET", "/", own.Host, [2]string{}, 200},
		{"a name that leads here", "GET", "/", "evil.example.com:" + own.Port(), [2]string{}, 421},
		{"a name with the own one in it", "GET", "/", "evil.example.com/" + own.Host, [2]string{}, 421},
		{"another port", "GET", "/", "127.0.0.1", [2]string{}, 421},
		{"no name", "GET", "/", "", [2]string{}, 421},
		{"sign-in by a name that leads here", "POST", "/sign-in", "evil.example.com", [2]string{}, 421},
		{"sign-in from its own page", "POST", "/sign-in", own.Host, [2]string{"Origin", w.address}, 303},
		{"sign-in from another site", "POST", "/sign-in", own.Host, [2]string{"Origin", "http://evil.example.com"}, 403},
		{"sign-in from nowhere", "POST", "/sign-in", own.Host, [2]string{"Origin", "null"}, 403},
		{"sign-in from another port", "POST", "/sign-in", own.Host, [2]string{"Origin", "http://127.0.0.1:1"}, 403},
		{"sign-out from another site", "POST", "/sign-out", own.Host, [2]string{"Origin", "http://evil.example.com"}, 403},
		{"sign-out from another site, without Origin", "POST", "/sign-out", own.Host, [2]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"read by another site", "GET", "/", own.Host, [2]string{"Origin", "http://evil.example.com"}, 403},
		{"sign-out by a link", "GET", "/sign-out", own.Host, [2]string{}, 405},
		{"sign-in by a link", "GET", "/sign-in", own.Host, [2]string{}, 405},
	} {
		r := httptest.NewRequest(row.method, row.path, nil)
		r.Host = row.host
		if row.header[0] != "" {
			r.Header.Set(row.header[0], row.header[1])
		}
		answer := httptest.NewRecorder()
		if w.handler().ServeHTTP(answer, r); answer.Code != row.status {
			t.Errorf("%s: %d, want %d", row.name, answer.Code, row.status)
		}
	}
}

// A page that is looked at leaves nothing, and a browser that begins again has
// one visit.
func TestVisits(t *testing.T) {
	w := newWorld(t)
	v := w.visitor()
	for range 20 {
		v.sees("/?user=ceo@contoso.com")
	}
	if n := len(w.visits.kept) + len(w.sessions.kept); n != 0 {
		t.Errorf("%d visits for looking", n)
	}
	for range 20 {
		answer, err := v.PostForm(w.address+"/sign-in", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		cookie := answer.Header.Get("Set-Cookie")
		if !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") {
			t.Fatal(cookie)
		}
	}
	if n := len(w.visits.kept); n != 1 {
		t.Errorf("%d visits of one browser", n)
	}
}

// However many begin, so many are kept, for so long.
func TestShelf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf[int]("visit", time.Hour)
		put := func(n int) *http.Request {
			answer := httptest.NewRecorder()
			s.put(answer, httptest.NewRequest("POST", "/", nil), n)
			next := httptest.NewRequest("GET", "/", nil)
			next.AddCookie(answer.Result().Cookies()[0])
			return next
		}
		first := put(1)
		time.Sleep(time.Hour - 1)
		if n, ok := s.get(first); !ok || n != 1 {
			t.Error("gone too early")
		}
		time.Sleep(time.Nanosecond)
		if _, ok := s.get(first); ok {
			t.Error("kept for too long")
		}
		put(2)
		if len(s.kept) != 1 {
			t.Errorf("%d are kept", len(s.kept))
		}
		var last *http.Request
		for n := range 3 * maxKept {
			time.Sleep(time.Millisecond)
			last = put(n)
		}
		if n, ok := s.get(last); !ok || n != 3*maxKept-1 || len(s.kept) != maxKept {
			t.Errorf("the last is %d, %d are kept", n, len(s.kept))
		}
		if _, ok := s.take(httptest.NewRecorder(), last); !ok {
			t.Error("not taken")
		}
		if _, ok := s.take(httptest.NewRecorder(), last); ok {
			t.Error("taken twice")
		}
	})
}

// A row that nobody has written for so long is dropped.
func TestTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := newTable()
		rows.Put(t.Context(), "a", nil)
		time.Sleep(outlived - 1)
		rows.Put(t.Context(), "b", nil)
		if _, err := rows.Get(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Nanosecond)
		rows.Put(t.Context(), "b", nil)
		if _, err := rows.Get(t.Context(), "a"); err != tokencache.ErrMiss {
			t.Error(err)
		}
	})
}

// never connects, so that it is the token that fails.
func never(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// What fails inside is in the log, and not on the page.
func TestSettingThatIsMissing(t *testing.T) {
	w := newWorld(t)
	a := newApp(tokensource.Config{ClientID: "11111111-2222-3333-4444-555555555555", Cache: newTable()}, func(source *tokensource.Source) *imapdial.Dialer {
		return &imapdial.Dialer{TokenSource: source, DialContext: never}
	})
	a.address = "http://localhost:8080"
	answer := httptest.NewRecorder()
	a.handler().ServeHTTP(answer, httptest.NewRequest("POST", "http://localhost:8080/sign-in", nil))
	if answer.Code != http.StatusInternalServerError || strings.Contains(answer.Body.String(), "Tenant") || !strings.Contains(w.log.String(), "Tenant") {
		t.Errorf("status %d: %s\n%s", answer.Code, answer.Body, &w.log)
	}
}

func TestMailboxDoesNotOpen(t *testing.T) {
	w := newWorld(t)
	ceo := w.visitor()
	ceo.want("signed in", ceo.signsInAs(w.ceo), ceos)
	if _, err := w.Tenant().Admin("Set-CASMailbox ceo@contoso.com -ImapEnabled $false"); err != nil {
		t.Fatal(err)
	}
	ceo.want("switched off", ceo.sees("/"), "The mailbox does not open.")
	if !strings.Contains(w.log.String(), "imapdial") {
		t.Errorf("log: %s", &w.log)
	}
}

// A declined sign-in says nothing of how.
func TestDeclined(t *testing.T) {
	w := newWorld(t)
	v := w.visitor()
	browser := w.Server.Browser(w.ceo)
	browser.Cancel = true
	answer, err := signIn(t.Context(), v.Client, w.address, browser)
	if err != nil {
		t.Fatal(err)
	}
	v.want("cancelled", sentence(answer), nobody)
}

// tokenOf is a source of a token with that id_token, as Exchange returns one.
func tokenOf(t *testing.T, claims jwt.MapClaims) (*app, *tokensource.Source) {
	t.Helper()
	idToken, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: answering(fmt.Sprintf(`{"token_type":"Bearer","access_token":"a","refresh_token":"r","expires_in":3600,"id_token":%q}`, idToken))}
	a := newApp(tokensource.Config{Tenant: "contoso.com", ClientID: "11111111-2222-3333-4444-555555555555", Credential: tokensource.Secret("s"), HTTPClient: client}, nil)
	return a, a.config.RefreshToken("r")
}

type answering string

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	answer.Header().Set("Content-Type", "application/json")
	answer.WriteString(string(a))
	return answer.Result(), nil
}

// An id_token for another application, or that is over, names nobody.
func TestWhoSignedIn(t *testing.T) {
	for _, row := range []struct {
		name string
		add  jwt.MapClaims // to a good one
		good bool
	}{
		{"good", nil, true},
		{"for another application", jwt.MapClaims{"aud": "22222222-2222-3333-4444-555555555555"}, false},
		{"expired", jwt.MapClaims{"exp": time.Now().Add(-time.Hour).Unix()}, false},
		{"without an end", jwt.MapClaims{"exp": nil}, false},
		{"no tenant", jwt.MapClaims{"tid": ""}, false},
		{"no user", jwt.MapClaims{"oid": nil}, false},
		{"no name", jwt.MapClaims{"preferred_username": ""}, false},
	} {
		claims := jwt.MapClaims{
			"aud": "11111111-2222-3333-4444-555555555555", "exp": time.Now().Add(time.Hour).Unix(),
			"tid": "t", "oid": "o", "preferred_username": "adele@contoso.com",
		}
		for name, value := range row.add {
			claims[name] = value
			if value == nil {
				delete(claims, name)
			}
		}
		a, source := tokenOf(t, claims)
		who, err := a.whoSignedIn(t.Context(), source)
		if (err == nil) != row.good || row.good && who != (person{identity{"t", "o"}, "adele@contoso.com"}) {
			t.Errorf("%s: %+v, %v", row.name, who, err)
		}
	}
}

// The application takes both addresses of localhost, or none.
func TestListen(t *testing.T) {
	probe, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6: ", err)
	}
	defer probe.Close()
	_, port, _ := net.SplitHostPort(probe.Addr().String())
	if all, err := listen(port); err == nil {
		closeAll(all)
		t.Error("another program has the port at ::1")
	}
	if ln, err := net.Listen("tcp", "127.0.0.1:"+port); err != nil {
		t.Errorf("the other address is still taken: %v", err)
	} else {
		ln.Close()
	}
	all, err := listen("0")
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	ctx, signal := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, http.NotFoundHandler(), all) }()
	for _, ln := range all {
		answer, err := http.Get("http://" + ln.Addr().String())
		if err != nil {
			t.Error(err)
			continue
		}
		answer.Body.Close()
	}
	signal()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
