package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/internal/mailtest"
)

// result is what one run of the program has left behind.
type result struct {
	status   int
	out, err string
}

func doctor(t *testing.T, stdin string, env map[string]string, args ...string) result {
	t.Helper()
	mailtest.NoLeaks(t)
	return doctorOf(t, stdin, env, args...)
}

// doctorOf may leave a connection to Entra ID, as a program that ends does.
func doctorOf(t *testing.T, stdin string, env map[string]string, args ...string) result {
	var out, errs bytes.Buffer
	status := run(t.Context(), args, streams{strings.NewReader(stdin), &out, &errs}, func(name string) string { return env[name] })
	return result{status, out.String(), errs.String()}
}

func TestHealthy(t *testing.T) {
	r := doctor(t, "", nil)
	if r.status != statusWell || strings.Contains(r.out, "✗") || !strings.Contains(r.out, "Nothing is wrong.") {
		t.Errorf("status %d\n%s%s", r.status, r.out, r.err)
	}
	if strings.Contains(r.out, "\x1b") {
		t.Error("colour in a pipe")
	}
}

// Each case is found, with the rule that it is there for first.
func TestBreak(t *testing.T) {
	want := map[string]string{
		"not-registered": "app-not-registered", "wrong-object-id": "app-not-registered", "no-access": "no-full-access",
		"imap-off": "imap-off", "smtp-off": "smtp-off-mailbox", "smtp-off-tenant": "smtp-off-tenant",
		"no-role": "app-role-missing", "wrong-secret": "wrong-secret", "expired-secret": "expired-secret",
		"wrong-tenant": "unknown-tenant", "common": "tenant-missing setting", "graph-token": "token-for-graph",
		"expired-token": "token-expired", "smtp-user": "smtp-user", "imap-port": "port",
	}
	for _, name := range faultNames() {
		t.Run(name, func(t *testing.T) {
			r := doctor(t, "", nil, "-break", name, "-json")
			if r.status != statusExplained {
				t.Fatalf("status %d\n%s%s", r.status, r.out, r.err)
			}
			if got := firstRule(t, r.out); !slices.Contains(strings.Fields(want[name]), got) {
				t.Errorf("first is %s, want %s", got, want[name])
			}
			text := doctor(t, "", nil, "-break", name)
			if text.status != statusExplained || !strings.Contains(text.out, "✗") || !strings.Contains(text.out, "Begin with the first") {
				t.Errorf("status %d\n%s", text.status, text.out)
			}
		})
	}
}

func firstRule(t *testing.T, text string) string {
	t.Helper()
	var report struct {
		OK    bool
		Steps []struct{ Findings []struct{ Rule string } }
	}
	if err := json.Unmarshal([]byte(text), &report); err != nil || report.OK {
		t.Fatalf("ok %t, %v", report.OK, err)
	}
	for _, s := range report.Steps {
		if len(s.Findings) > 0 {
			return s.Findings[0].Rule
		}
	}
	return ""
}

func TestLine(t *testing.T) {
	for _, test := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"bare", []string{"-line", "NO AUTHENTICATE failed."}, statusExplained, "Microsoft Graph"},
		{"with what is known", []string{"-line", "A1 NO AUTHENTICATE failed.", "-flow", "app-only", "-mailbox", "a@contoso.com"}, statusExplained, "Add-MailboxPermission -Identity a@contoso.com"},
		{"worked before", []string{"-line", "A1 NO AUTHENTICATE failed.", "-worked"}, statusExplained, "has worked before"},
		{"shared mailbox", []string{"-line", "535 5.7.3 Authentication unsuccessful", "-shared", "-flow", "delegated", "-protocol", "smtp", "-mailbox", "a@contoso.com"}, statusExplained, "SMTP was given the shared mailbox"},
		{"unknown", []string{"-line", "the moon is full"}, statusUnknown, "No rule knows"},
		{"unknown, next step", []string{"-line", "the moon is full"}, statusUnknown, "send it to us"},
		{"standard input", []string{"-line", "-"}, statusExplained, "client secret has expired"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := doctor(t, "a log\nAADSTS7000222: The provided client secret keys are expired.\n", nil, test.args...)
			if r.status != test.status || !strings.Contains(r.out, test.want) {
				t.Errorf("status %d, want %d and %q in\n%s%s", r.status, test.status, test.want, r.out, r.err)
			}
		})
	}
}

// What people paste has their secrets in it.
func TestPastedSecrets(t *testing.T) {
	env := map[string]string{"EXO_AUTHORITY": "http://login.example.com"} // which makes all of the line evidence
	for _, row := range mailtest.Secretive {
		for _, args := range [][]string{{"-line", row.Text}, {"-json", "-line", row.Text}, {"-line", row.Text + "\nA9 NO AUTHENTICATE failed.", "-color", "always"}} {
			r := doctor(t, "", env, args...)
			for _, secret := range row.Secrets {
				if strings.Contains(r.out+r.err, secret) {
					t.Errorf("%s: %q is in\n%s%s", row.Kind, secret, r.out, r.err)
				}
			}
		}
	}
}

func TestToken(t *testing.T) {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	good, graph := app.Token(nil), app.Token(&exchangetest.TokenOptions{Audience: "https://graph.microsoft.com"})
	file := filepath.Join(t.TempDir(), "token.txt")
	if err := os.WriteFile(file, []byte(graph+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, stdin string
		args        []string
		status      int
		want        string
	}{
		{"good", good + "\n", []string{"-token", "-", "-protocol", "imap"}, statusWell, "Nothing is wrong"},
		{"for Graph", graph, []string{"-token", "-"}, statusExplained, "for Microsoft Graph"},
		{"from a file", "", []string{"-token", file}, statusExplained, "for Microsoft Graph"},
		{"as JSON", good, []string{"-token", "-", "-json"}, statusWell, `"findings": []`},
		{"empty", "", []string{"-token", "-"}, statusExplained, "The token is empty"},
		{"no JWT", "hello", []string{"-token", "-"}, statusWell, "nothing in it can be judged"},
		{"no JWT, as JSON", "hello", []string{"-token", "-", "-json"}, statusWell, `"findings": []`},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := doctor(t, test.stdin, nil, test.args...)
			if r.status != test.status || !strings.Contains(r.out, test.want) {
				t.Errorf("status %d, want %d and %q in\n%s%s", r.status, test.status, test.want, r.out, r.err)
			}
			if strings.Contains(r.out, graph[:40]) {
				t.Error("the token is shown")
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		env  map[string]string
		want string
	}{
		{"unknown flag", []string{"-nosuch"}, nil, "-nosuch"},
		{"argument", []string{"invoices@contoso.com"}, nil, "belongs to no flag"},
		{"line empty", []string{"-line", ""}, nil, "-line is empty"},
		{"unknown case", []string{"-break", "leg"}, nil, "imap-off"},
		{"unknown cloud", []string{"-cloud", "mars"}, map[string]string{"EXO_TENANT": "contoso.com", "EXO_CLIENT_ID": "id", "EXO_CLIENT_SECRET": "s", "EXO_MAILBOX": "a@contoso.com"}, "gcchigh"},
		{"unknown protocol", []string{"-protocol", "nntp"}, nil, "IMAP, SMTP or POP"},
		{"unknown flow", []string{"-flow", "lava"}, nil, "delegated"},
		{"unknown colour", []string{"-color", "mauve"}, nil, "always"},
		{"only a mailbox", []string{"-mailbox", "a@contoso.com"}, nil, "setting EXO_CLIENT_SECRET: not set"},
		{"only a secret", nil, map[string]string{"EXO_CLIENT_SECRET": "s"}, "EXO_MAILBOX"},
		{"no such token file", []string{"-token", "nosuchfile"}, nil, "nosuchfile"},
		{"no such settings file", []string{"-settings", "nosuchfile"}, nil, "nosuchfile"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if r := doctor(t, "", test.env, test.args...); r.status != statusUsage || !strings.Contains(r.err, test.want) || r.out != "" {
				t.Errorf("status %d, %q in %q", r.status, test.want, r.err)
			}
		})
	}
	if r := doctor(t, "", nil, "-help"); r.status != statusWell || !strings.Contains(r.out, "wrong-object-id") {
		t.Errorf("-help: status %d\n%s", r.status, r.out)
	}
}

// A flag goes before the file, the file before the environment.
func TestSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "settings")
	text := "# of the service\nexport EXO_TENANT=\"contoso.com\"\nEXO_CLIENT_ID='id'\r\nEXO_CLIENT_SECRET=a=b\nOTHER=x\nEXO_MAILBOX=file@contoso.com\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"EXO_TENANT": "env", "EXO_SMTP_USERNAME": "env@contoso.com"}
	s, err := parseSettings([]string{"-settings", file, "-mailbox", "flag@contoso.com"}, func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	got := []string{s.account.Tenant, s.account.ClientID, s.account.ClientSecret, s.mailbox, s.smtpUsername}
	if want := []string{"contoso.com", "id", "a=b", "flag@contoso.com", "env@contoso.com"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if s.demo() {
		t.Error("settings for a real mailbox start the demo")
	}
	check := s.check()
	if check.TokenSource == nil || check.Send || check.Mailbox != s.mailbox {
		t.Errorf("check of %s, send %t", check.Mailbox, check.Send)
	}
}

// The settings that examples/emulator writes lead the doctor there.
func TestOtherServers(t *testing.T) {
	srv := exchangetest.NewServer()
	t.Cleanup(srv.Close)
	app := srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp)
	srv.Tenant().AddMailbox("invoices@contoso.com")
	srv.Tenant().Grant(app, "invoices@contoso.com")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, srv.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"EXO_TENANT": srv.Tenant().ID, "EXO_CLIENT_ID": app.ClientID, "EXO_CLIENT_SECRET": app.Secret, "EXO_MAILBOX": "invoices@contoso.com",
		"EXO_AUTHORITY": srv.Cloud().Authority, "EXO_IMAP": srv.Cloud().IMAP, "EXO_SMTP": srv.Cloud().SMTP, "EXO_POP": srv.Cloud().POP, "EXO_CA_FILE": ca,
	}
	if r := doctorOf(t, "", env); r.status != statusWell {
		t.Errorf("status %d\n%s%s", r.status, r.out, r.err)
	}
	for name, text := range map[string]string{ca + ".missing": "no such file", os.DevNull: "no certificate in PEM"} {
		env["EXO_CA_FILE"] = name
		if r := doctorOf(t, "", env); r.status != statusUsage || !strings.Contains(r.err, text) {
			t.Errorf("status %d, %s", r.status, r.err)
		}
	}
}

func TestColor(t *testing.T) {
	if r := doctor(t, "", nil, "-color", "always", "-line", "535 5.7.57 x 530 5.7.57"); !strings.Contains(r.out, "\x1b[1m") {
		t.Errorf("no colour in %q", r.out)
	}
}

func TestInterrupted(t *testing.T) {
	mailtest.NoLeaks(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if status := run(ctx, nil, streams{nil, &out, &out}, func(string) string { return "" }); status == statusWell {
		t.Errorf("status %d\n%s", status, out.String())
	}
}
