package interop

import (
	"bytes"
	"net"
	"strconv"
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
