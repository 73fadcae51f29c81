// Smtp sends a message from a mailbox of Exchange Online in three ways: with
// smtpdial, with go-smtp and with net/smtp. Copy the one that fits; a program
// that sends more than now and then wants the first.
//
//	go run ./examples/smtp
//
// runs against an Exchange Online that the program starts itself, on this
// machine, and sends with each. For a real mailbox set EXO_TENANT,
// EXO_CLIENT_ID, EXO_CLIENT_SECRET and EXO_MAILBOX, and name the recipient:
//
//	go run ./examples/smtp adele@example.com
//
// # Shared mailboxes
//
// With the token of an application, as here, the user name is the mailbox.
// With the token of a signed-in user it is the user's own address, and the
// shared mailbox stands only in MAIL FROM and From; the user needs Send As on
// it. IMAP is different there: it takes the shared mailbox as the user name.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/settings"
)

// mailer is what each way to send needs.
type mailer struct {
	addr    string // host:port, STARTTLS
	tls     *tls.Config
	source  oauth2.TokenSource
	user    string // as whom to authenticate
	sender  string // the mailbox that sends, for most the same
	message []byte
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "smtp:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	s, mailbox := settings.FromEnv(getenv), getenv("EXO_MAILBOX")
	if s.IsZero() {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID, EXO_CLIENT_SECRET and EXO_MAILBOX, and name a recipient.")
		return demo(ctx, out)
	}
	if len(args) != 1 {
		return fmt.Errorf("name one recipient: smtp adele@example.com")
	}
	m, err := newMailer(s, mailbox, args[0])
	if err != nil {
		return err
	}
	return m.withSender(ctx, args[0])
}

// newMailer returns what sends from a mailbox to a recipient.
func newMailer(s settings.Settings, mailbox, to string) (*mailer, error) {
	source, err := s.Source()
	if err != nil {
		return nil, err
	}
	cloud, trust := s.Servers()
	m := &mailer{addr: cloud.SMTP, tls: trust, source: source, user: mailbox, sender: mailbox}
	m.compose(to)
	return m, nil
}

func demo(ctx context.Context, out io.Writer) error {
	server := exchangetest.NewServer()
	defer server.Close()
	contoso := server.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.SMTPSendAsApp)
	mailbox := contoso.AddMailbox("invoices@contoso.com")
	contoso.Grant(app, mailbox.Address)
	m, err := newMailer(settings.Settings{
		Tenant: contoso.ID, ClientID: app.ClientID, ClientSecret: app.Secret, Custom: server.Cloud(), RootCAs: server.TLSConfig().RootCAs,
	}, mailbox.Address, "adele@example.com")
	if err != nil {
		return err
	}
	for _, way := range []struct {
		name string
		send func(ctx context.Context, to string) error
	}{{"smtpdial", m.withSender}, {"go-smtp", m.withGoSMTP}, {"net/smtp", m.withNetSMTP}} {
		if err := way.send(ctx, "adele@example.com"); err != nil {
			return fmt.Errorf("%s: %w", way.name, err)
		}
		fmt.Fprintf(out, "sent with %s\n", way.name)
	}
	return nil
}

func (m *mailer) compose(to string) {
	m.message = fmt.Appendf(nil, "From: %s\r\nTo: %s\r\nDate: %s\r\nSubject: Invoice 17\r\n\r\nPaid.\r\n",
		m.sender, to, time.Now().Format(time.RFC1123Z))
}
