package interop

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/wneessen/go-mail"

	"github.com/exoauth/exoauth/xoauth2"
)

// imap opens INBOX with go-imap's own client, from authentication on.
func (w *world) imap(t testing.TB, user, token string) {
	t.Helper()
	config := w.TLSConfig()
	config.ServerName = "outlook.office365.com"
	client, err := imapclient.DialTLS(w.Cloud().IMAP, &imapclient.Options{TLSConfig: config})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Authenticate(xoauth2.NewClient(user, token)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Select("INBOX", &imap.SelectOptions{}).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := client.Logout().Wait(); err != nil {
		t.Error(err)
	}
}

// goMail sends a message by go-mail.
func (w *world) goMail(t *testing.T, auth mail.SMTPAuthType, user, secret string) error {
	t.Helper()
	host, port, _ := net.SplitHostPort(w.Cloud().SMTP)
	number, _ := strconv.Atoi(port)
	config := w.TLSConfig()
	config.ServerName = "smtp.office365.com"
	client, err := mail.NewClient(host, mail.WithPort(number), mail.WithTLSPolicy(mail.TLSMandatory), mail.WithTLSConfig(config),
		mail.WithSMTPAuth(auth), mail.WithUsername(user), mail.WithPassword(secret), mail.WithTimeout(20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	m := mail.NewMsg()
	if err := errors.Join(m.From(user), m.To(upn)); err != nil {
		t.Fatal(err)
	}
	m.Subject("Invoice 4711")
	m.SetBodyString(mail.TypeTextPlain, "Please find it enclosed.")
	return client.DialAndSendWithContext(t.Context(), m)
}

func TestGoMail(t *testing.T) {
	w := newWorld(t)
	if err := w.goMail(t, mail.SMTPAuthXOAUTH2, shared, w.app.Token(nil)); err != nil {
		t.Fatal(err)
	}
	if err := w.goMail(t, mail.SMTPAuthLogin, upn, w.user.Password); err == nil || !strings.Contains(err.Error(), "basic authentication is disabled") {
		t.Errorf("a password: %v", err)
	}
	if err := w.Admin("New-AuthenticationPolicy Old -AllowBasicAuthSmtp; Set-OrganizationConfig -DefaultAuthenticationPolicy Old"); err != nil {
		t.Fatal(err)
	}
	if err := w.goMail(t, mail.SMTPAuthLogin, upn, w.user.Password); err != nil {
		t.Error(err)
	}
	if inbox := w.user.Mailbox.Messages("INBOX"); len(inbox) != 2 || !bytes.Contains(inbox[0], []byte("Invoice 4711")) {
		t.Errorf("%d messages arrived", len(inbox))
	}
}

// runPython runs a script of testdata for the user.
func (w *world) runPython(t *testing.T, script string, env ...string) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no Python")
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, w.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	cloud := w.Cloud()
	cmd := exec.CommandContext(t.Context(), python, "testdata/"+script)
	cmd.Env = append(os.Environ(), "EXO_CA="+ca, "EXO_IMAP="+cloud.IMAP, "EXO_SMTP="+cloud.SMTP, "EXO_POP="+cloud.POP, "EXO_USER="+upn)
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// Python's standard library reads by IMAP and POP3 and sends by SMTP.
func TestPython(t *testing.T) {
	w := newWorld(t)
	w.user.Mailbox.Append("INBOX", []byte("Subject: hello\r\n\r\nx\r\n"))
	w.tenant.Grant(w.app, upn)
	out := w.runPython(t, "mail.py", "EXO_TOKEN_ENDPOINT="+w.Cloud().Authority+"/contoso.com/oauth2/v2.0/token",
		"EXO_CLIENT_ID="+w.app.ClientID, "EXO_CLIENT_SECRET="+w.app.Secret)
	for _, want := range []string{"IMAP hello", "SMTP sent", "POP hello", "IMAP refused NO AUTHENTICATE failed."} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if sent := w.Sent(); len(sent) != 1 || sent[0].User != upn {
		t.Errorf("sent %+v", sent)
	}
}

// The same with a password, which is refused until a policy allows it, and a
// wrong one even then.
func TestPythonWithAPassword(t *testing.T) {
	w := newWorld(t)
	w.user.Mailbox.Append("INBOX", []byte("Subject: hello\r\n\r\nx\r\n"))
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
			if err := w.Admin(row.script); err != nil {
				t.Fatal(err)
			}
			out := w.runPython(t, "password.py", "EXO_PASSWORD="+row.password)
			for _, want := range row.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
		})
	}
}
