package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	netsmtp "net/smtp"

	"github.com/exoauth/exoauth/smtpdial"
	"github.com/exoauth/exoauth/xoauth2"
)

// withSender keeps a client for the next message, obeys the limits of Exchange
// and tries again what passes.
func (m *mailer) withSender(ctx context.Context, to string) error {
	dialer := &smtpdial.Dialer{TokenSource: m.source, Addr: m.addr, TLSConfig: m.tls}
	sender := &smtpdial.Sender{Dialer: dialer, Username: m.user}
	defer sender.CloseIdle()
	return sender.Send(ctx, m.sender, []string{to}, m.message)
}

// withGoSMTP uses go-smtp's client, which smtpdial has authenticated.
func (m *mailer) withGoSMTP(ctx context.Context, to string) error {
	dialer := &smtpdial.Dialer{TokenSource: m.source, Addr: m.addr, TLSConfig: m.tls}
	c, err := dialer.Dial(ctx, m.user)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SendMail(m.sender, []string{to}, bytes.NewReader(m.message)); err != nil {
		return err
	}
	return c.Quit()
}

// withNetSMTP uses the standard library alone. Without settings for TLS it is
// net/smtp.SendMail(m.addr, xoauth2.SMTPAuth(m.user, m.source), …); neither
// knows a context.
func (m *mailer) withNetSMTP(_ context.Context, to string) error {
	c, err := netsmtp.Dial(m.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	host, _, err := net.SplitHostPort(m.addr)
	if err != nil {
		return err
	}
	config := &tls.Config{ServerName: host}
	if m.tls != nil {
		config.RootCAs = m.tls.RootCAs
	}
	if err := c.StartTLS(config); err != nil {
		return err
	}
	if err := c.Auth(xoauth2.SMTPAuth(m.user, m.source)); err != nil {
		return err
	}
	if err := c.Mail(m.sender); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(m.message); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}
