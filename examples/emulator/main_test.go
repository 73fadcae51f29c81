package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/exoauth/exoauth/exchangetest"
)

// output is written by the program while the test reads it.
type output struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	page chan string
}

var pagePattern = regexp.MustCompile(`http://\S+/`)

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Write(p)
	if m := pagePattern.Find(p); m != nil {
		o.page <- string(m)
	}
	return len(p), nil
}

func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out, dir := &output{page: make(chan string, 1)}, filepath.Join(t.TempDir(), "settings")
	var stderr bytes.Buffer
	done := make(chan int)
	go func() {
		done <- run(ctx, []string{"-page", "127.0.0.1:0", "-ports", "0", "-dir", dir, "-mailboxes", "2"}, out, &stderr)
	}()
	var page string
	select {
	case page = <-out.page:
	case code := <-done:
		t.Fatal(code, stderr.String())
	}
	settings, err := os.ReadFile(filepath.Join(dir, "settings.env"))
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]string)
	for _, m := range regexp.MustCompile(`(?m)^(\w+)='(.*)'$`).FindAllStringSubmatch(string(settings), -1) {
		values[m[1]] = m[2]
	}
	if ca, err := os.ReadFile(values["EXO_CA_FILE"]); err != nil || !bytes.HasPrefix(ca, []byte("-----BEGIN CERTIFICATE-----")) {
		t.Error(err)
	}
	resp, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if !strings.Contains(string(body), values["EXO_IMAP"]) {
		t.Error("the page does not tell the address")
	}
	for _, secret := range []string{values["EXO_CLIENT_SECRET"], values["EXO_PASSWORD"]} {
		out.mu.Lock()
		if secret == "" || strings.Contains(string(body), secret) || strings.Contains(out.buf.String(), secret) {
			t.Error("a secret is missing in the settings, or shown elsewhere")
		}
		out.mu.Unlock()
	}
	cancel()
	if code := <-done; code != 0 || stderr.Len() != 0 {
		t.Error(code, stderr.String())
	}
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Without -dir nothing is in a directory that all users of the machine share.
func TestDefaultDirectoryIsTheUsersOwn(t *testing.T) {
	f, err := parseFlags(nil, io.Discard)
	if err != nil {
		t.Skip("the user has no cache directory: ", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil || filepath.Dir(f.dir) != cache || strings.HasPrefix(f.dir, filepath.Clean(os.TempDir())+string(filepath.Separator)) {
		t.Errorf("%s, %v", f.dir, err)
	}
}

func TestFlags(t *testing.T) {
	for name, row := range map[string]struct {
		args []string
		code int
		want string
	}{
		"help":               {[]string{"-help"}, 0, "Usage of emulator"},
		"unknown":            {[]string{"-x"}, 2, "not defined: -x"},
		"argument":           {[]string{"x"}, 2, `unexpected argument "x"`},
		"page for everybody": {[]string{"-page", "0.0.0.0:80"}, 2, `-page: "0.0.0.0:80" is not on loopback`},
		"page without port":  {[]string{"-page", "localhost"}, 2, "-page: "},
		"no mailbox":         {[]string{"-mailboxes", "0"}, 2, "-mailboxes: 0 is not between 1 and 10000"},
		"listen on a name":   {[]string{"-listen", "localhost"}, 2, `-listen: "localhost" is not an IP address`},
		"too few ports":      {[]string{"-ports", "1,2"}, 2, "want 7 numbers, or 0 for free ports"},
		"port of letters":    {[]string{"-ports", "a,2,3,4,5,6,7"}, 2, `"a" is not a port`},
		"port too high":      {[]string{"-ports", "65536,2,3,4,5,6,7"}, 2, `"65536" is not a port`},
		"secrets, no JSON":   {[]string{"-secrets"}, 2, "-secrets: it needs -json"},
		"negative idle":      {[]string{"-idle", "-1s"}, 2, "-idle: -1s is negative"},
		"user elsewhere":     {[]string{"-ports", "0", "-page", "127.0.0.1:0", "-dir", t.TempDir(), "-user", "bob@example.com"}, 1, `-user: exchangetest: AddUser: "bob@example.com" is not an address in`},
		"mailbox, twice":     {[]string{"-ports", "0", "-page", "127.0.0.1:0", "-dir", t.TempDir(), "-mailbox", "invoices@contoso.com"}, 1, "-mailbox: "},
		"negative lifetime":  {[]string{"-lifetime", "-1s"}, 2, "-lifetime: -1s is negative"},
	} {
		var stderr bytes.Buffer
		if code := run(t.Context(), row.args, io.Discard, &stderr); code != row.code || !strings.Contains(stderr.String(), row.want) {
			t.Errorf("%s: %d %s", name, code, stderr.String())
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"-ports", "0", "-page", "127.0.0.1:0", "-dir", filepath.Join(file, "x")}, io.Discard, &stderr); code != 1 || !strings.Contains(stderr.String(), "choose another with -dir") {
		t.Error(code, stderr.String())
	}
}

// A desk is a page with its server, without the network in between.
type desk struct {
	*exchangetest.Server
	s    *seeding
	page http.Handler
	dir  string
}

func newDesk(t *testing.T) *desk {
	srv := exchangetest.NewServer()
	t.Cleanup(srv.Close)
	dir := openIn(t, filepath.Join(t.TempDir(), "settings"))
	s, err := seed(srv, &flags{mailboxes: 1})
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{Server: srv, s: s, dir: dir.path}
	d.page = newPage(srv, d.s, dir, "")
	return d
}

func (d *desk) get(path string) string {
	w := httptest.NewRecorder()
	d.page.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1:8025"+path, nil))
	return w.Body.String()
}

func (d *desk) post(path string, form url.Values, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://127.0.0.1:8025"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	d.page.ServeHTTP(w, r)
	return w
}

func (d *desk) token(secret string) {
	resp, err := d.HTTPClient().PostForm(d.Cloud().Authority+"/contoso.com/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {d.s.app.ClientID}, "client_secret": {secret}, "scope": {d.Cloud().AppScope()},
	})
	if err == nil {
		resp.Body.Close()
	}
}

func TestPageShowsWhatHappens(t *testing.T) {
	d := newDesk(t)
	if got := d.get("/"); !strings.Contains(got, "Nobody has asked for a token yet.") {
		t.Error(got)
	}
	changed := d.Changed()
	d.token("misspelt <b>secret</b>")
	<-changed
	d.token(d.s.app.Secret)
	got := d.get("/live")
	for _, want := range []string{"AADSTS7000215", "Invalid client secret provided.", "aud: https://outlook.office365.com", "roles: [IMAP.AccessAsApp"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(got, "misspelt") || strings.Contains(got, d.s.app.Secret) || strings.Contains(got, "eyJ") {
		t.Error("a secret or a token is shown")
	}
}

func TestAdministrator(t *testing.T) {
	d := newDesk(t)
	if got := d.post("/admin", url.Values{"script": {"Set-CASMailbox invoices@contoso.com -ImapEnabled $false"}}).Body.String(); !strings.Contains(got, "Done.") {
		t.Error(got)
	}
	if got := d.post("/admin", url.Values{"script": {"(Get-CASMailbox invoices@contoso.com).ImapEnabled"}}).Body.String(); !strings.Contains(got, "False") {
		t.Error(got)
	}
	if got := d.post("/admin", url.Values{"script": {"Get-Foo"}}).Body.String(); !strings.Contains(got, "line 1: Get-Foo: there is no such command here") {
		t.Error(got)
	}
	got := d.post("/admin", url.Values{"script": {"az ad app credential reset --id " + d.s.app.ClientID}}).Body.String()
	saved, err := os.ReadFile(filepath.Join(d.dir, "admin.txt"))
	if err != nil || strings.Contains(got, "8Q~") || !strings.Contains(string(saved), "8Q~") {
		t.Errorf("%v: the new secret is shown, or not in the file", err)
	}
}

// A script that fails halfway has made a secret all the same, which its error
// may name.
func TestSecretOfAScriptThatFails(t *testing.T) {
	d := newDesk(t)
	got := d.post("/admin", url.Values{"script": {`$new = (az ad app credential reset --id ` + d.s.app.ClientID + `).password
		$new
		Get-CASMailbox $new`}}).Body.String()
	saved, err := os.ReadFile(filepath.Join(d.dir, "admin.txt"))
	if err != nil || !strings.Contains(string(saved), "8Q~") {
		t.Errorf("%q, %v: the secret is lost", saved, err)
	}
	if strings.Contains(got, "8Q~") || !strings.Contains(got, "line 3: Get-CASMailbox: there is no mailbox") {
		t.Error(got)
	}
}

func TestClock(t *testing.T) {
	d := newDesk(t)
	before := d.Now()
	d.post("/advance", url.Values{"by": {"90m"}})
	if moved := d.Now().Sub(before).Minutes(); moved < 90 || moved > 91 {
		t.Errorf("moved by %v minutes", moved)
	}
	for _, by := range []string{"", "x", "-1h", "9000h"} {
		if got := d.post("/advance", url.Values{"by": {by}}).Body.String(); !strings.Contains(got, "The clock takes a duration") {
			t.Errorf("%q is taken", by)
		}
	}
}

// Other sites cannot read the page nor act through it.
func TestOtherSites(t *testing.T) {
	d := newDesk(t)
	if w := d.post("/advance", url.Values{"by": {"1h"}}, "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
		t.Error(w.Code)
	}
	if w := d.post("/advance", url.Values{"by": {"1h"}}, "Origin", "http://evil.example.com:8025"); w.Code != http.StatusForbidden {
		t.Error(w.Code)
	}
}

// A browser names the port unless it is 80.
func TestHost(t *testing.T) {
	d := newDesk(t)
	for host, want := range map[string]int{
		"127.0.0.1:8025":        http.StatusOK,
		"127.0.0.1":             http.StatusOK,
		"localhost":             http.StatusOK,
		"localhost:8025":        http.StatusOK,
		"[::1]":                 http.StatusOK,
		"[::1]:8025":            http.StatusOK,
		"127.0.0.2":             http.StatusOK,
		"evil.example.com":      http.StatusForbidden,
		"evil.example.com:8025": http.StatusForbidden,
		"localhost.example.com": http.StatusForbidden,
		"192.0.2.1":             http.StatusForbidden,
		"":                      http.StatusForbidden,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		if d.page.ServeHTTP(w, r); w.Code != want {
			t.Errorf("Host %q: %d, want %d", host, w.Code, want)
		}
	}
}

func TestEvents(t *testing.T) {
	d := newDesk(t)
	web := httptest.NewServer(d.page)
	defer web.Close()
	resp, err := http.Get(web.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	event := func() {
		t.Helper()
		b := make([]byte, len("data: changed\n\n"))
		if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != "data: changed\n\n" {
			t.Fatalf("%q, %v", b, err)
		}
	}
	event()
	d.token("x")
	event()
}
