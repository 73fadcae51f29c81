package main

import (
	"context"
	"net"
	netsmtp "net/smtp"
	"strconv"

	"github.com/jordan-wright/email"
	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/exoauth/exoauth/xoauth2"
)

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
