package clients

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	imapclient "github.com/emersion/go-imap/client"
	"github.com/knadh/go-pop3"
	"golang.org/x/oauth2"
	"gopkg.in/mail.v2"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/popdial"
	"github.com/exoauth/exoauth/smtpdial"
)

const mailbox = "invoices@contoso.com"

// exchange is an application with full access to a mailbox in which there is a
// message.
type exchange struct {
	*exchangetest.Server
	source oauth2.TokenSource
	inbox  *exchangetest.Mailbox
}

func newExchange(t *testing.T) exchange {
	srv := exchangetest.NewServer()
	t.Cleanup(srv.Close)
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.POPAccessAsApp, exchangetest.SMTPSendAsApp)
	inbox := contoso.AddMailbox(mailbox)
	inbox.Append("INBOX", []byte("Subject: Invoice 17\r\n\r\nPaid.\r\n"))
	contoso.Grant(app, mailbox)
	return exchange{srv, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: app.Token(nil)}), inbox}
}

// dialFunc is a pop3.Dialer.
type dialFunc func(network, address string) (net.Conn, error)

func (f dialFunc) Dial(network, address string) (net.Conn, error) { return f(network, address) }

// knadh/go-pop3, of listmonk and libredesk, has no SASL. It is not told to log
// in.
func TestGoPOP3(t *testing.T) {
	e := newExchange(t)
	dialer := &popdial.Dialer{TokenSource: e.source, TLSConfig: e.TLSConfig(), DialContext: e.DialContext}
	client := pop3.New(pop3.Opt{Dialer: dialFunc(func(string, string) (net.Conn, error) {
		return dialer.DialConn(t.Context(), mailbox)
	})})
	for range 2 {
		c, err := client.NewConn()
		if err != nil {
			t.Fatal(err)
		}
		if count, _, err := c.Stat(); count != 1 || err != nil {
			t.Errorf("STAT: %d, %v", count, err)
		}
		if m, err := c.Retr(1); err != nil || m.Header.Get("Subject") != "Invoice 17" {
			t.Errorf("RETR: %v, %v", m, err)
		}
		if err := c.Quit(); err != nil {
			t.Error(err)
		}
	}
}

// go-imap v1, of Gitea.
func TestGoIMAP1(t *testing.T) {
	e := newExchange(t)
	dialer := &imapdial.Dialer{TokenSource: e.source, TLSConfig: e.TLSConfig(), DialContext: e.DialContext}
	conn, err := dialer.DialConn(t.Context(), mailbox)
	if err != nil {
		t.Fatal(err)
	}
	c, err := imapclient.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	c.Timeout = time.Minute
	if err := c.Login(mailbox, "password"); err != imapclient.ErrAlreadyLoggedIn {
		t.Errorf("LOGIN: %v, want none", err)
	}
	if inbox, err := c.Select("INBOX", true); err != nil || inbox.Messages != 1 {
		t.Errorf("EXAMINE: %v, %v", inbox, err)
	}
	if err := c.Logout(); err != nil {
		t.Error(err)
	}
}

// gopkg.in/mail.v2, of grafana/alerting, keeps the user name and the password
// that it has to itself, since the server does not ask for them.
func TestMailV2(t *testing.T) {
	e := newExchange(t)
	dialer := &smtpdial.Dialer{TokenSource: e.source, TLSConfig: e.TLSConfig(), DialContext: e.DialContext}
	dial := mail.NetDialTimeout
	defer func() { mail.NetDialTimeout = dial }()
	mail.NetDialTimeout = func(_, _ string, timeout time.Duration) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		return dialer.DialConn(ctx, mailbox)
	}
	d := mail.NewDialer("smtp.office365.com", 587, mailbox, "password")
	m := mail.NewMessage()
	m.SetHeader("From", mailbox)
	m.SetHeader("To", mailbox)
	m.SetHeader("Subject", "Invoice 18")
	m.SetBody("text/plain", "Paid.")
	if err := d.DialAndSend(m); err != nil {
		t.Fatal(err)
	}
	if got := e.inbox.Messages("INBOX"); len(got) != 2 || !strings.Contains(string(got[1]), "Subject: Invoice 18") {
		t.Errorf("INBOX has %q", got)
	}
}
