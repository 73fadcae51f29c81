package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/settings"
)

// emulate returns settings for an empty mailbox of an emulator that lives as
// long as the test.
func emulate(t *testing.T) (options, *exchangetest.Mailbox) {
	t.Helper()
	server := exchangetest.NewServer()
	t.Cleanup(server.Close)
	contoso := server.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp)
	box := contoso.AddMailbox("invoices@contoso.com")
	contoso.Grant(app, box.Address)
	return valid(t, options{address: box.Address, account: settings.Settings{
		Tenant: contoso.ID, ClientID: app.ClientID, ClientSecret: app.Secret, Custom: server.Cloud(), RootCAs: server.TLSConfig().RootCAs,
	}}), box
}

func valid(t *testing.T, o options) options {
	t.Helper()
	if err := o.validate(); err != nil {
		t.Fatal(err)
	}
	return o
}

func noEnv(string) string { return "" }

// checkLeaks fails the test if it ends with more goroutines than it has now.
func checkLeaks(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; <-tick.C {
			if time.Now().After(deadline) {
				stacks := make([]byte, 1<<20)
				t.Errorf("%d goroutines at the start, now\n%s", before, stacks[:runtime.Stack(stacks, true)])
				return
			}
		}
	})
}

// onText calls do, once, when text has been written to it.
type onText struct {
	io.Writer
	text string
	do   func()
	seen []byte
}

func (w *onText) Write(p []byte) (int, error) {
	if w.do != nil {
		w.seen = append(w.seen, p...)
		if bytes.Contains(w.seen, []byte(w.text)) {
			w.do()
			w.do = nil
		}
	}
	return w.Writer.Write(p)
}

func TestDemo(t *testing.T) {
	checkLeaks(t)
	var stdout, stderr strings.Builder
	if code := run(t.Context(), nil, &stdout, &stderr, noEnv); code != 0 {
		t.Fatalf("exit status %d, stderr %q, stdout\n%s", code, &stderr, &stdout)
	}
	if stderr.Len() > 0 {
		t.Errorf("stderr: %q", &stderr)
	}
	for line := range strings.Lines(stdout.String()) {
		if w := textWidth(strings.TrimSuffix(line, "\n")); w > 80 {
			t.Errorf("%d columns: %q", w, line)
		}
	}
	if want := demoOutput(); !want.MatchString(stdout.String()) {
		t.Errorf("output\n%s\ndoes not match\n%s", &stdout, want)
	}
}

// newestTen is what is shown of the newest messages of the corpus, but for
// the date.
func newestTen() []string {
	var lines []string
	for _, row := range slices.Backward(corpusTable[len(corpusTable)-10:]) {
		lines = append(lines, fit(row.sender, 20)+"  "+strings.TrimRight(fit(row.subject, 42), " "))
	}
	return lines
}

// demoOutput is what the demo prints, with the messages that the table of the
// corpus says.
func demoOutput() *regexp.Regexp {
	var newest strings.Builder
	for _, line := range newestTen() {
		newest.WriteString(`    2026-11-\d\d  ` + regexp.QuoteMeta(line) + "\n")
	}
	const took = ` +\d+\.\d+ m?s`
	return regexp.MustCompile(`^No settings: .*\n.*\n\n` +
		`✓ LOGIN with a password` + took + `  refused: NO LOGIN failed\.\n` +
		`✓ access token` + took + `  valid until \d\d:\d\d:\d\d\n` +
		`✓ XOAUTH2 as invoices@contoso\.com` + took + `  127\.0\.0\.1:\d+\n` +
		`✓ folders` + took + `  \d+ folders\n(?:    \S.*\n)*    INBOX\n(?:    \S.*\n)*` +
		`✓ INBOX, read-only` + took + `  30 messages\n` +
		`✓ newest ten messages` + took + `\n` + newest.String() +
		`✓ message sent from the mailbox` + took + `  127\.0\.0\.1:\d+\n` +
		`✓ its arrival in INBOX` + took + `  seen\n$`)
}

func TestReadOnly(t *testing.T) {
	s, box := emulate(t)
	var out strings.Builder
	if err := visit(t.Context(), s, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"0 messages\n", "INBOX is empty\n", "\nNothing was sent; -send "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	if n := len(box.Messages("INBOX")); n != 0 {
		t.Errorf("%d messages sent", n)
	}
}

// TestVisitCloses has a server that goes on, as Exchange Online does.
func TestVisitCloses(t *testing.T) {
	for _, stop := range []string{"", "✓ INBOX"} {
		t.Run("interrupted after "+stop, func(t *testing.T) {
			var s options
			server := startDemo(&s)
			defer server.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			out := &onText{Writer: io.Discard, text: "nothing says this"}
			if stop != "" {
				out.text, out.do = stop, cancel
			}
			if err := visit(ctx, s, out); (err != nil) != (stop != "") {
				t.Fatalf("error %v", err)
			}
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			open := func(s exchangetest.Session) bool { return !s.Closed }
			for deadline := time.Now().Add(5 * time.Second); slices.ContainsFunc(server.Sessions(), open); <-tick.C {
				if time.Now().After(deadline) {
					t.Fatalf("sessions left open: %+v", server.Sessions())
				}
			}
		})
	}
}

func TestMissingInbox(t *testing.T) {
	s, box := emulate(t)
	box.DeleteFolder("INBOX")
	box.CreateFolder("Invoices \x1b[2J")
	err := visit(t.Context(), s, io.Discard)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"INBOX, read-only: there is no INBOX (", "the folders are: ", "Sent Items", "Invoices \ufffd[2J"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %q", want, err)
		}
	}
}

func TestFailure(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*options)
		step  string
	}{
		{"wrong secret", func(s *options) { s.account.ClientSecret = "marked-secret" }, "access token: "},
		{"unknown tenant", func(s *options) { s.account.Tenant = "fabrikam.example.com" }, "access token: "},
		{"mailbox without permission", func(s *options) { s.address = "nobody@contoso.com" }, "XOAUTH2 as nobody@contoso.com: "},
		{"no server", func(s *options) { s.account.Custom.IMAP = "127.0.0.1:0" }, "LOGIN with a password: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := emulate(t)
			secret := s.account.ClientSecret
			tt.spoil(&s)
			var out strings.Builder
			err := visit(t.Context(), valid(t, s), &out)
			if err == nil || !strings.HasPrefix(err.Error(), tt.step) {
				t.Fatalf("error %v, want one that starts with %q", err, tt.step)
			}
			if !strings.Contains(out.String(), "✗ "+strings.TrimSuffix(tt.step, ": ")) {
				t.Errorf("the step is not marked in\n%s", &out)
			}
			for _, text := range []string{out.String(), fmt.Sprintf("%v %+v", err, err)} {
				if strings.Contains(text, secret) || strings.Contains(text, "marked-secret") {
					t.Errorf("the secret is in %q", text)
				}
			}
		})
	}
}

// TestInterrupt cancels the context after each step, as Ctrl-C does.
func TestInterrupt(t *testing.T) {
	for _, after := range []string{
		"No settings", "✓ LOGIN", "✓ access token", "✓ XOAUTH2", "✓ folders", "✓ INBOX", "✓ newest", "✓ message sent",
	} {
		t.Run(after, func(t *testing.T) {
			checkLeaks(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var stderr strings.Builder
			stdout := &onText{Writer: io.Discard, text: after, do: cancel}
			start := time.Now()
			if code := run(ctx, nil, stdout, &stderr, noEnv); code != 1 {
				t.Errorf("exit status %d, want 1", code)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if !regexp.MustCompile(`^sharedmailbox: [^\n]+: context canceled\n$`).MatchString(stderr.String()) {
				t.Errorf("stderr: %q", &stderr)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	all := map[string]string{
		"EXO_TENANT": "contoso.onmicrosoft.com", "EXO_CLIENT_ID": "00000000-0000-0000-0000-000000000001",
		"EXO_CLIENT_SECRET": "marked-secret", "EXO_MAILBOX": "invoices@contoso.com",
	}
	without := func(name string) map[string]string {
		env := make(map[string]string)
		for k, v := range all {
			if k != name {
				env[k] = v
			}
		}
		return env
	}
	with := func(name, value string) map[string]string {
		env := without(name)
		env[name] = value
		return env
	}
	for _, tt := range []struct {
		name string
		env  map[string]string
		args []string
		code int // 1: the settings were taken, and the cancelled context ended the program
		want string
	}{
		{"all from the environment", all, nil, 1, "context canceled"},
		{"all from flags", nil, []string{"-tenant", "t", "-client-id", "c", "-client-secret=s", "-mailbox", "a@example.com"}, 1, "context canceled"},
		{"a flag fills the gap", without("EXO_TENANT"), []string{"-tenant=t"}, 1, "context canceled"},
		{"one missing", without("EXO_CLIENT_SECRET"), nil, 2, "setting EXO_CLIENT_SECRET: not set"},
		{"one set", map[string]string{"EXO_MAILBOX": "a@example.com"}, nil, 2, "setting EXO_CLIENT_SECRET: not set"},
		{"one set by flag", nil, []string{"-tenant", "t"}, 2, "setting EXO_CLIENT_SECRET: not set"},
		{"no mailbox", without("EXO_MAILBOX"), nil, 2, "EXO_MAILBOX"},
		{"mailbox with a name", with("EXO_MAILBOX", "Invoices <invoices@contoso.com>"), nil, 2, "EXO_MAILBOX"},
		{"mailbox with a line end", with("EXO_MAILBOX", "invoices@contoso.com\r\nBcc: a@example.com"), nil, 2, "EXO_MAILBOX"},
		{"secret for a mailbox", with("EXO_MAILBOX", "marked-secret"), nil, 2, "EXO_MAILBOX"},
		{"unknown flag", all, []string{"-sent"}, 2, "-sent"},
		{"argument without a flag", all, []string{"-send", "marked-secret"}, 2, "belongs to no flag"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			var stdout, stderr strings.Builder
			code := run(ctx, tt.args, &stdout, &stderr, func(name string) string { return tt.env[name] })
			if code != tt.code {
				t.Errorf("exit status %d, want %d", code, tt.code)
			}
			if !strings.Contains(stderr.String(), tt.want) || strings.Count(stderr.String(), "\n") != 1 {
				t.Errorf("stderr %q, want one line with %q", &stderr, tt.want)
			}
			if all := stdout.String() + stderr.String(); strings.Contains(all, "marked-secret") || strings.Contains(all, "No settings") {
				t.Errorf("output %q", all)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var stdout, stderr strings.Builder
	env := func(string) string { return "marked-secret" }
	if code := run(t.Context(), []string{"-help"}, &stdout, &stderr, env); code != 0 {
		t.Errorf("exit status %d", code)
	}
	if !strings.HasPrefix(stdout.String(), "Usage: ") || strings.Contains(stdout.String(), "marked-secret") || stderr.Len() > 0 {
		t.Errorf("stdout %q, stderr %q", &stdout, &stderr)
	}
}
