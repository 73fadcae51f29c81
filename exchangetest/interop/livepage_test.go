package interop

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/emersion/go-imap/v2/imapclient"
)

// startEmulator runs examples/emulator and returns its page and its settings.
func startEmulator(t *testing.T) (page string, settings map[string]string) {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "emulator")
	build := exec.Command("go", "build", "-o", binary, "./examples/emulator")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir = filepath.Join(dir, "settings")
	cmd := exec.CommandContext(t.Context(), binary, "-page", "127.0.0.1:0", "-ports", "0", "-dir", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for page == "" && lines.Scan() {
		page = regexp.MustCompile(`http://\S+/`).FindString(lines.Text())
	}
	text, err := os.ReadFile(filepath.Join(dir, "settings.env"))
	if err != nil {
		t.Fatal(err)
	}
	settings = make(map[string]string)
	for _, m := range regexp.MustCompile(`(?m)^(\w+)='(.*)'$`).FindAllStringSubmatch(string(text), -1) {
		settings[m[1]] = m[2]
	}
	return page, settings
}

// The live page, while Python's clients come and go.
func TestLivePage(t *testing.T) {
	ctx := chromium(t)
	page, settings := startEmulator(t)
	run := runner(t, ctx)
	run(chromedp.Navigate(page), chromedp.WaitVisible("#requests"))
	look(t, ctx, "live-empty")
	python := lookPath(t, "install Debian's python3", "python3")
	cmd := exec.CommandContext(t.Context(), python, "testdata/mail.py")
	cmd.Env = append(os.Environ(), "EXO_CA="+settings["EXO_CA_FILE"])
	for k, v := range settings {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Env = append(cmd.Env, "EXO_USER="+settings["EXO_MAILBOX"])
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var text string
	run(chromedp.WaitVisible("#messages strong"), chromedp.Click("#requests summary"), chromedp.WaitVisible("#requests details[open] li"),
		chromedp.Text("body", &text))
	for _, want := range []string{"POP invoices@contoso.com", "there is no mailbox \"xinvoices@contoso.com\"", "client_credentials", "roles:"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	for _, secret := range []string{settings["EXO_CLIENT_SECRET"], settings["EXO_PASSWORD"], "eyJ"} {
		if strings.Contains(text, secret) {
			t.Error("a secret is on the page")
		}
	}
	look(t, ctx, "live")
}

// runner returns what runs actions in the browser.
func runner(t *testing.T, ctx context.Context) func(...chromedp.Action) {
	return func(actions ...chromedp.Action) {
		t.Helper()
		if err := chromedp.Run(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
}

// submit types into the field of a form, presses its button and returns what
// the next page says about it. It waits for that page to be loaded: a query
// that begins before keeps to the document that is going, and never ends.
func submit(t *testing.T, ctx context.Context, field, text string) string {
	t.Helper()
	var said string
	response, err := chromedp.RunResponse(ctx,
		chromedp.Focus(field), chromedp.Evaluate(`document.activeElement.select()`, nil), chromedp.KeyEvent(text),
		chromedp.Click(`form:has(`+field+`) button`, chromedp.NodeVisible))
	if err == nil && response.Status != 200 {
		t.Fatalf("%s: HTTP %d", text, response.Status)
	}
	if err == nil {
		err = chromedp.Run(ctx, chromedp.Text(".hands pre", &said))
	}
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return strings.TrimSpace(said)
}

// An administrator's hands on the live page: cmdlets that are carried out, one
// that is wrong, the clock, and a secret that stays where it is.
func TestLivePageAdministrator(t *testing.T) {
	ctx := chromium(t)
	page, settings := startEmulator(t)
	run := runner(t, ctx)
	run(chromedp.Navigate(page), chromedp.WaitVisible("#requests"))
	for _, row := range []struct{ name, field, text, want string }{
		{"without output", "#script", "Set-CASMailbox invoices@contoso.com -ImapEnabled $false", `^Done\.$`},
		{"what it has changed", "#script", "Get-CASMailbox invoices@contoso.com", `ImapEnabled +: False`},
		{"unknown cmdlet", "#script", "Set-Mailbox invoices@contoso.com", `^line 1: Set-Mailbox: there is no such command here$`},
		{"unknown mailbox", "#script", "Set-CASMailbox x@contoso.com -ImapEnabled $true", `^line 1: Set-CASMailbox: there is no mailbox "x@contoso\.com"`},
		{"markup", "#script", "'<b id=injected>x</b>'", `^<b id=injected>x</b>$`},
		{"clock", "#by", "25h", `^The server's clock shows \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.$`},
		{"clock, not a duration", "#by", "tomorrow", `^The clock takes a duration such as 90m`},
		{"a secret", "#script", "$app = Get-MgApplication -Filter \"AppId eq '" + settings["EXO_CLIENT_ID"] + "'\"; (Add-MgApplicationPassword -ApplicationId $app.Id).SecretText", `^\(see \S+admin\.txt\)$`},
	} {
		if got := submit(t, ctx, row.field, row.text); !regexp.MustCompile(row.want).MatchString(got) {
			t.Errorf("%s: the page says %q", row.name, got)
		}
	}
	var injected bool
	var role, kept string
	submit(t, ctx, "#script", "Set-Mailbox x")
	run(chromedp.Evaluate(`document.getElementById('injected') !== null`, &injected), chromedp.Evaluate(`document.querySelector('.hands pre').getAttribute('role')`, &role), chromedp.Value("#script", &kept))
	if injected || role != "alert" || kept != "Set-Mailbox x" {
		t.Errorf("markup was taken for such: %v; role of the error: %q; left to mend: %q", injected, role, kept)
	}
	look(t, ctx, "admin-error")
}

// What an administrator types changes what a client is told, and the page shows
// the client at once, without being loaded anew.
func TestLivePageShowsWhatChanged(t *testing.T) {
	ctx := chromium(t)
	page, settings := startEmulator(t)
	run := runner(t, ctx)
	run(chromedp.Navigate(page), chromedp.WaitVisible("#requests"))
	login := func() error {
		ca, err := os.ReadFile(settings["EXO_CA_FILE"])
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(ca)
		client, err := imapclient.DialTLS(settings["EXO_IMAP"], &imapclient.Options{TLSConfig: &tls.Config{RootCAs: pool}})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		return client.Login(settings["EXO_USER"], settings["EXO_PASSWORD"]).Wait()
	}
	if login() == nil {
		t.Error("a password is taken")
	}
	var text string
	run(chromedp.WaitVisible("#sessions p.bad"), chromedp.Text("#sessions", &text))
	if !strings.Contains(text, "basic authentication is disabled (New-AuthenticationPolicy -AllowBasicAuthImap)") {
		t.Error(text)
	}
	submit(t, ctx, "#script", "New-AuthenticationPolicy Old -AllowBasicAuthImap; Set-OrganizationConfig -DefaultAuthenticationPolicy Old")
	if err := login(); err != nil {
		t.Error(err)
	}
	run(chromedp.WaitVisible("#sessions span.good"), chromedp.Text("#sessions", &text))
	if !strings.Contains(text, "IMAP "+settings["EXO_USER"]) || strings.Contains(text, settings["EXO_PASSWORD"]) {
		t.Error(text)
	}
}
