package interop

import (
	"bytes"
	"errors"
	"net"
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
	if _, err := w.tenant.Admin("New-AuthenticationPolicy Old -AllowBasicAuthSmtp; Set-OrganizationConfig -DefaultAuthenticationPolicy Old"); err != nil {
		t.Fatal(err)
	}
	if err := w.goMail(t, mail.SMTPAuthLogin, upn, w.user.Password); err != nil {
		t.Error(err)
	}
	if inbox := w.user.Mailbox.Messages("INBOX"); len(inbox) != 2 || !bytes.Contains(inbox[0], []byte("Invoice 4711")) {
		t.Errorf("%d messages arrived", len(inbox))
	}
}
