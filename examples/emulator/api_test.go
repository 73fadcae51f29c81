package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
)

func (d *desk) call(method, path, body string) (status int, answer string) {
	w := httptest.NewRecorder()
	d.page.ServeHTTP(w, httptest.NewRequest(method, "http://127.0.0.1:8025"+path, strings.NewReader(body)))
	return w.Code, strings.TrimSpace(w.Body.String())
}

func TestAPI(t *testing.T) {
	d := newDesk(t)
	for _, row := range []struct {
		name, method, path, body string
		status                   int
		want                     string // in the answer
	}{
		{"documentation", "GET", "/api", "", 200, "POST /api/faults"},
		{"nothing yet", "GET", "/api/requests", "", 200, "[]"},
		{"cmdlet", "POST", "/api/admin", "(Get-CASMailbox invoices@contoso.com).ImapEnabled", 200, `{"output":"True\n"}`},
		{"list of cmdlets", "POST", "/api/admin", "(Get-Command).Name", 200, `Add-MailboxPermission\n`},
		{"new mailbox", "POST", "/api/admin", "New-Mailbox -Shared -Name Desk -PrimarySmtpAddress desk@contoso.com", 200, "desk@contoso.com"},
		{"unknown cmdlet", "POST", "/api/admin", "Get-Foo", 422, `"error":"line 1: Get-Foo: there is no such command here"`},
		{"script that is too long", "POST", "/api/admin", strings.Repeat("#", 1<<16+1), 422, "64 KiB"},
		{"clock", "POST", "/api/advance", "90m", 200, `{"now":"2`},
		{"clock, backwards", "POST", "/api/advance", "-1h", 422, "a duration such as 90m"},
		{"clock, too far", "POST", "/api/advance", "9000h", 422, "up to a year"},
		{"fault", "POST", "/api/faults", `{"at":"entra","command":"token","aadsts":700082,"times":-1}`, 204, ""},
		{"fault with a delay", "POST", "/api/faults", `{"at":"IMAP","delay":"3s","drip":"1ms","reply":"x"}`, 204, ""},
		{"faults taken back", "DELETE", "/api/faults", "", 204, ""},
		{"fault at no place", "POST", "/api/faults", `{"at":"moon"}`, 422, `no known Place: \"moon\"`},
		{"fault of a misspelt member", "POST", "/api/faults", `{"at":"imap","comand":"x"}`, 422, "comand"},
		{"fault without JSON", "POST", "/api/faults", "imap", 422, "error"},
		{"fault, a delay without a unit", "POST", "/api/faults", `{"at":"imap","delay":"3"}`, 422, `\"3\" is not a duration such as 90m`},
		{"icon", "GET", "/favicon.ico", "", 204, ""},
	} {
		if status, answer := d.call(row.method, row.path, row.body); status != row.status || !strings.Contains(answer, row.want) {
			t.Errorf("%s: %d %s", row.name, status, answer)
		}
	}
}

// A fault over HTTP strikes, and what came of it is to be read.
func TestAPIFaultStrikes(t *testing.T) {
	d := newDesk(t)
	d.call("POST", "/api/faults", `{"at":"entra","command":"token","aadsts":700082}`)
	d.token(d.s.app.Secret)
	d.token(d.s.app.Secret)
	var list []event
	if _, answer := d.call("GET", "/api/requests", ""); json.Unmarshal([]byte(answer), &list) != nil || len(list) != 2 {
		t.Fatal(answer)
	}
	if list[0].AADSTS != 700082 || list[0].Reason == "" || list[1].Status != 200 || list[1].AADSTS != 0 {
		t.Errorf("%+v", list)
	}
}

// A new secret is not shown to other users of the machine.
func TestAPIKeepsSecrets(t *testing.T) {
	d := newDesk(t)
	_, answer := d.call("POST", "/api/admin", "az ad app credential reset --id "+d.s.app.ClientID)
	saved, err := os.ReadFile(filepath.Join(d.dir, "admin.txt"))
	if err != nil || strings.Contains(answer, "8Q~") || !strings.Contains(string(saved), "8Q~") || !strings.Contains(answer, "admin.txt") {
		t.Errorf("%v: %s", err, answer)
	}
}

// The documentation names each member of a fault and of an event.
func TestAPIDocumentation(t *testing.T) {
	for _, v := range []any{exchangetest.Fault{Header: http.Header{}}, event{Grant: "x", Status: 1, AADSTS: 1, Scope: "x", Protocol: "x", State: "x", From: "x", To: []string{"x"}, Size: 1, ClientID: "x", User: "x", Reason: "x"}} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
		for name := range members {
			if !strings.Contains(string(apiText), "<code>"+strings.ToLower(name)+"</code>") {
				t.Errorf("api.html does not explain %s", strings.ToLower(name))
			}
		}
	}
}

// started runs the emulator and returns the lines that it prints.
func started(t *testing.T, args ...string) (lines <-chan string, stderr *strings.Builder, end func() int) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	said, done := make(chan string, 100), make(chan int, 1)
	stderr = new(strings.Builder)
	go func() {
		defer w.Close()
		done <- run(ctx, append([]string{"-page", "127.0.0.1:0", "-dir", filepath.Join(t.TempDir(), "settings")}, args...), w, stderr)
	}()
	go func() {
		defer close(said)
		for in := bufio.NewScanner(r); in.Scan(); {
			said <- in.Text()
		}
	}()
	return said, stderr, func() int { cancel(); r.Close(); return <-done }
}

// line returns the next line of -json.
func line(t *testing.T, lines <-chan string) (m map[string]any) {
	t.Helper()
	select {
	case text := <-lines:
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no line")
	}
	return m
}

// A program reads where everything is, and then what happens.
func TestJSON(t *testing.T) {
	lines, _, end := started(t, "-json", "-secrets", "-ports", "0", "-user", "bob@contoso.com", "-mailbox", "desk@contoso.com")
	ready := line(t, lines)
	var settings document
	text, err := os.ReadFile(ready["settings"].(string))
	if err != nil || json.Unmarshal(text, &settings) != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if ready["event"] != "ready" || !slices.Equal(settings.Mailboxes, []string{"invoices@contoso.com", "desk@contoso.com"}) || len(settings.Users) != 2 || settings.Users[1].UPN != "bob@contoso.com" || settings.Users[1].Password == "" {
		t.Errorf("ready %v, settings %s", ready, text)
	}
	told, err := json.Marshal(ready["document"])
	if err != nil || !strings.Contains(string(told), settings.Settings["EXO_CLIENT_SECRET"]) {
		t.Errorf("no settings in %s", told)
	}
	for _, row := range []struct{ body, reason string }{
		{`{"at":"entra","command":"token","aadsts":90033}`, "AADSTS90033"},
	} {
		resp, err := http.Post(ready["page"].(string)+"api/faults", "application/json", strings.NewReader(row.body))
		if err != nil || resp.StatusCode != 204 {
			t.Fatal(resp, err)
		}
		resp.Body.Close()
	}
	conn, err := net.Dial("tcp", settings.Settings["EXO_IMAP_STARTTLS"])
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "a AUTHENTICATE XOAUTH2 AAAA\r\nb LOGOUT\r\n")
	io.Copy(io.Discard, conn)
	conn.Close()
	for e := line(t, lines); ; e = line(t, lines) {
		if e["event"] != "session" || e["protocol"] != "IMAP" {
			t.Fatalf("%v", e)
		}
		if e["state"] == "closed" {
			break
		}
	}
	if code := end(); code != 0 {
		t.Errorf("status %d", code)
	}
}

// Ports that are given are kept, and one that is in use is named with the flag.
func TestPorts(t *testing.T) {
	var numbers []string
	for range 7 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		numbers = append(numbers, port)
	}
	_, stderr, end := started(t, "-ports", strings.Join(numbers, ","))
	if code := end(); code != 1 || !strings.Contains(stderr.String(), "choose other ports with -ports") || !strings.Contains(stderr.String(), "address already in use") {
		t.Errorf("status %d, %s", code, stderr)
	}
	f, err := parseFlags([]string{"-ports", strings.Join(numbers, ",")}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if a := f.addresses(); a.Entra != "127.0.0.1:"+numbers[0] || a.IMAPStartTLS != "127.0.0.1:"+numbers[2] || a.HVE != "127.0.0.1:"+numbers[6] {
		t.Errorf("%+v", a)
	}
}

// In a container it listens on every address, warns of that, and tells clients
// of localhost.
func TestListenForAContainer(t *testing.T) {
	lines, stderr, end := started(t, "-json", "-secrets", "-ports", "0", "-listen", "0.0.0.0")
	ready := line(t, lines)
	settings := ready["document"].(map[string]any)["settings"].(map[string]any)
	if imap := settings["EXO_IMAP"].(string); !strings.HasPrefix(imap, "localhost:") {
		t.Errorf("IMAP at %s", imap)
	}
	if code := end(); code != 0 || !strings.Contains(stderr.String(), "everybody who can reach this machine") {
		t.Errorf("status %d, %s", code, stderr)
	}
}
