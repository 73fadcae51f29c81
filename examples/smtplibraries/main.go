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
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/settings"
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
	s, mailbox := settings.FromEnv(getenv), getenv("EXO_MAILBOX")
	if s.IsZero() {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID, EXO_CLIENT_SECRET and EXO_MAILBOX, and name a recipient.")
		return demo(ctx, out)
	}
	if len(args) != 1 {
		return fmt.Errorf("name one recipient: smtplibraries adele@example.com")
	}
	return send(ctx, out, s, mailbox, args[0])
}

// send sends a message with each library.
func send(ctx context.Context, out io.Writer, s settings.Settings, mailbox, to string) error {
	source, err := s.Source()
	if err != nil {
		return err
	}
	cloud, trust := s.Servers()
	host, _, err := net.SplitHostPort(cloud.SMTP)
	if err != nil {
		return err
	}
	m := &mailer{addr: cloud.SMTP, tls: cmp.Or(trust, new(tls.Config)), source: source, user: mailbox, sender: mailbox}
	m.tls.ServerName = host
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
