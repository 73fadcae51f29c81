// Smtplibraries sends from a mailbox of Exchange Online with the mail libraries
// wneessen/go-mail and jordan-wright/email. The second takes an smtp.Auth of
// net/smtp, as many libraries do, and xoauth2.SMTPAuth is one; the first has a
// type of its own for the same.
//
//	go run .
//
// runs, in this directory, against an Exchange Online that the program starts
// itself, and sends with each. For a real mailbox set EXO_TENANT,
// EXO_CLIENT_ID, EXO_CLIENT_SECRET and EXO_MAILBOX, and name the recipient, who
// gets both messages:
//
//	go run . adele@example.com
//
// # Shared mailboxes
//
// With the token of an application, as here, the user name is the mailbox.
// With the token of a signed-in user it is the user's own address, and the
// shared mailbox stands only in the From of the message.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	netsmtp "net/smtp"
	"os"
	"os/signal"
	"strconv"

	"github.com/jordan-wright/email"
	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/tokensource"
	"github.com/exoauth/exoauth/xoauth2"
)

// mailer is what each library needs.
type mailer struct {
	addr   string // host:port, STARTTLS
	tls    *tls.Config
	source oauth2.TokenSource
	user   string // as whom to authenticate
	sender string // the mailbox that sends, for most the same
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "smtplibraries:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	mailbox := getenv("EXO_MAILBOX")
	if mailbox == "" {
		return demo(ctx, out)
	}
	if len(args) != 1 {
		return fmt.Errorf("name one recipient: smtplibraries adele@example.com")
	}
	cfg := &tokensource.Config{
		Tenant: getenv("EXO_TENANT"), ClientID: getenv("EXO_CLIENT_ID"), Credential: tokensource.Secret(getenv("EXO_CLIENT_SECRET")),
	}
	host, _, _ := net.SplitHostPort(exoauth.Global.SMTP)
	m := &mailer{
		addr: exoauth.Global.SMTP, tls: &tls.Config{ServerName: host}, source: cfg.ClientCredentials(),
		user: mailbox, sender: mailbox,
	}
	return m.send(ctx, out, args[0])
}

// send sends a message with each library.
func (m *mailer) send(ctx context.Context, out io.Writer, to string) error {
	if err := m.withGoMail(ctx, to); err != nil {
		return fmt.Errorf("go-mail: %w", err)
	}
	fmt.Fprintln(out, "sent with go-mail")
	if err := m.withEmail(to); err != nil {
		return fmt.Errorf("email: %w", err)
	}
	fmt.Fprintln(out, "sent with email, by an smtp.Auth")
	return nil
}

// withGoMail asks for the token when the server does, so a client may be kept
// and used again after the token has expired. TLS is mandatory.
func (m *mailer) withGoMail(ctx context.Context, to string) error {
	message := mail.NewMsg()
	if err := message.From(m.sender); err != nil {
		return err
	}
	if err := message.To(to); err != nil {
		return err
	}
	message.Subject("Invoice 17")
	message.SetBodyString(mail.TypeTextPlain, "Paid.")

	host, port, err := net.SplitHostPort(m.addr)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	client, err := mail.NewClient(host,
		mail.WithPort(number),
		mail.WithTLSPolicy(mail.TLSMandatory),
		mail.WithTLSConfig(m.tls),
		mail.WithSMTPAuthCustom(goMailAuth{xoauth2.SMTPAuth(m.user, m.source)}))
	if err != nil {
		return err
	}
	return client.DialAndSendWithContext(ctx, message)
}

// goMailAuth is an smtp.Auth of net/smtp for go-mail.
type goMailAuth struct{ netsmtp.Auth }

func (a goMailAuth) Start(server *smtp.ServerInfo) (mech string, ir []byte, err error) {
	return a.Auth.Start(&netsmtp.ServerInfo{Name: server.Name, TLS: server.TLS, Auth: server.Auth})
}

// withEmail knows no context, as the library does not.
func (m *mailer) withEmail(to string) error {
	message := email.NewEmail()
	message.From, message.To = m.sender, []string{to}
	message.Subject, message.Text = "Invoice 17", []byte("Paid.\r\n")
	return message.SendWithStartTLS(m.addr, xoauth2.SMTPAuth(m.user, m.source), m.tls)
}
