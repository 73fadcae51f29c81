package interop

import (
	"bytes"
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

func TestGoMail(t *testing.T) {
	w := newWorld(t)
	host, port, _ := net.SplitHostPort(w.Cloud().SMTP)
	number, _ := strconv.Atoi(port)
	config := w.TLSConfig()
	config.ServerName = "smtp.office365.com"
	client, err := mail.NewClient(host, mail.WithPort(number), mail.WithTLSPolicy(mail.TLSMandatory), mail.WithTLSConfig(config),
		mail.WithSMTPAuth(mail.SMTPAuthXOAUTH2), mail.WithUsername(shared), mail.WithPassword(w.app.Token(nil)), mail.WithTimeout(20*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	m := mail.NewMsg()
	if err := m.From(shared); err != nil {
		t.Fatal(err)
	}
	if err := m.To(upn); err != nil {
		t.Fatal(err)
	}
	m.Subject("Invoice 4711")
	m.SetBodyString(mail.TypeTextPlain, "Please find it enclosed.")
	if err := client.DialAndSendWithContext(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if inbox := w.user.Mailbox.Messages("INBOX"); len(inbox) != 1 || !bytes.Contains(inbox[0], []byte("Invoice 4711")) {
		t.Errorf("%d messages arrived", len(inbox))
	}
}

// Python's standard library reads by IMAP and POP3 and sends by SMTP.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no Python")
	}
	w := newWorld(t)
	w.user.Mailbox.Append("INBOX", []byte("Subject: hello\r\n\r\nx\r\n"))
	w.tenant.Grant(w.app, upn)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, w.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	cloud := w.Cloud()
	cmd := exec.CommandContext(t.Context(), python, "testdata/mail.py")
	cmd.Env = append(os.Environ(), "EXO_CA="+ca, "EXO_IMAP="+cloud.IMAP, "EXO_SMTP="+cloud.SMTP, "EXO_POP="+cloud.POP,
		"EXO_USER="+upn, "EXO_TOKEN_ENDPOINT="+cloud.Authority+"/contoso.com/oauth2/v2.0/token",
		"EXO_CLIENT_ID="+w.app.ClientID, "EXO_CLIENT_SECRET="+w.app.Secret)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"IMAP hello", "SMTP sent", "POP hello", "IMAP refused NO AUTHENTICATE failed."} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if sent := w.Sent(); len(sent) != 1 || sent[0].User != upn {
		t.Errorf("sent %+v", sent)
	}
}
