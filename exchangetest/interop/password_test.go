package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/exchangetest"
)

// Python's standard library logs in with a password, which is refused until a
// policy allows it, and a wrong one even then.
func TestPythonWithAPassword(t *testing.T) {
	python := lookPath(t, "install Debian's python3", "python3")
	w, env, _ := reader(t)
	const (
		login = "LOGIN refused b'LOGIN failed.'"
		plain = "PLAIN refused AUTHENTICATE failed."
		pass  = "PASS refused b'-ERR Logon failure: unknown user name or bad password.'"
	)
	for _, row := range []struct {
		name, script, password string
		want                   []string
	}{
		{"without a policy", "", w.user.Password, []string{login, plain, pass, "5.7.139 Authentication unsuccessful, basic authentication is disabled."}},
		{"right", "New-AuthenticationPolicy Old -AllowBasicAuthImap -AllowBasicAuthPop -AllowBasicAuthSmtp; Set-User adele@contoso.com -AuthenticationPolicy Old", w.user.Password, []string{
			"LOGIN taken OK", "PLAIN taken OK", "PASS taken (1, 21)", "SMTP taken {}",
		}},
		{"wrong", "", "misspelt", []string{login, plain, pass, "5.7.3 Authentication unsuccessful"}},
		{"with quotes", `Update-MgUser -UserId adele@contoso.com -PasswordProfile @{ Password = 'a "b\ c' }`, `a "b\ c`, []string{
			"LOGIN taken OK", "PLAIN taken OK", "PASS taken (1, 21)", "SMTP taken {}",
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := w.tenant.Admin(row.script); err != nil {
				t.Fatal(err)
			}
			out := run(t, append(env, "EXO_PASSWORD="+row.password), python, "testdata/password.py")
			for _, want := range row.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
		})
	}
}

// Curl is what everybody tries first: on every port, under TLS from the start
// and by STARTTLS, with a token and with a password.
func TestCurlOnEveryPort(t *testing.T) {
	curl := lookPath(t, "install Debian's curl", "curl")
	w, _, ca := reader(t)
	message := filepath.Join(t.TempDir(), "message")
	if err := os.WriteFile(message, []byte("From: "+upn+"\r\nSubject: sent\r\n\r\nx\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	token := w.app.Token(&exchangetest.TokenOptions{User: w.user, Scopes: []string{
		exchangetest.IMAPAccessAsUser, exchangetest.POPAccessAsUser, exchangetest.SMTPSend, "Mail.Send",
	}})
	if _, err := w.tenant.Admin("New-AuthenticationPolicy Old -AllowBasicAuthImap -AllowBasicAuthPop -AllowBasicAuthSmtp; Set-OrganizationConfig -DefaultAuthenticationPolicy Old"); err != nil {
		t.Fatal(err)
	}
	const fetch = "/INBOX;MAILINDEX=1;SECTION=HEADER.FIELDS%20(SUBJECT)"
	send := fmt.Sprintf("mail-from = %q\nmail-rcpt = %q\nupload-file = %q\n", upn, upn, message)
	for _, row := range []struct{ name, url, more, want string }{
		{"IMAP", "imaps://" + w.Cloud().IMAP + fetch, "", "Subject: hello"},
		{"IMAP, STARTTLS", "imap://" + w.Addrs().IMAPStartTLS + fetch, "", "Subject: hello"},
		{"POP3", "pop3s://" + w.Cloud().POP + "/1", "", "Subject: hello"},
		{"POP3, STLS", "pop3://" + w.Addrs().POPStartTLS + "/1", "", "Subject: hello"},
		{"SMTP", "smtp://" + w.Cloud().SMTP, send, ""},
		{"SMTP, High Volume Email", "smtp://" + w.Addrs().HVE, send, ""},
	} {
		for way, secret := range map[string]string{
			"token":    fmt.Sprintf("user = %q\noauth2-bearer = %q\n", upn, token),
			"password": fmt.Sprintf("user = %q\n", upn+":"+w.user.Password),
		} {
			t.Run(row.name+", "+way, func(t *testing.T) {
				before := len(w.Sent())
				cmd := exec.CommandContext(t.Context(), curl, "--disable", "--config", "-")
				cmd.Stdin = strings.NewReader(secret + row.more + fmt.Sprintf("url = %q\ncacert = %q\nssl-reqd\nsilent\nshow-error\nmax-time = 20\n", row.url, ca))
				out, err := cmd.CombinedOutput()
				if err != nil || !strings.Contains(string(out), row.want) {
					t.Fatalf("%v\n%s", err, out)
				}
				if sent := len(w.Sent()) - before; sent != 1 && row.more != "" {
					t.Errorf("%d messages sent", sent)
				}
			})
		}
	}
}
