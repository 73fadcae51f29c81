package xoauth2

import (
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"strings"

	"golang.org/x/oauth2"
)

// ErrUnencrypted is returned by an [SMTPAuth] that was asked to send its
// token over a connection without TLS.
var ErrUnencrypted = errors.New("xoauth2: the connection is not encrypted: start TLS before AUTH")

// SMTPAuth returns an [smtp.Auth] for net/smtp and for the mail libraries
// that take one. The token is asked of src when an exchange starts, so one
// value serves any number of messages and picks up renewed tokens.
//
// It fails with [ErrUnencrypted], and asks src for nothing, where the
// connection is neither TLS nor to a loopback address. A net/smtp client
// reports TLS only where it started TLS itself or was given a *tls.Conn.
//
// The value keeps state between Start and Next: like those of net/smtp it
// serves one connection at a time.
func SMTPAuth(username string, src oauth2.TokenSource) smtp.Auth {
	return &smtpAuth{username: username, source: src}
}

type smtpAuth struct {
	username string
	source   oauth2.TokenSource
	client   client
}

func (a *smtpAuth) Start(server *smtp.ServerInfo) (mech string, ir []byte, err error) {
	if !server.TLS && !isLoopback(server.Name) {
		return "", nil, ErrUnencrypted
	}
	if a.source == nil {
		return "", nil, errors.New("xoauth2: SMTPAuth has a nil token source")
	}
	token, err := a.source.Token()
	if err != nil {
		return "", nil, fmt.Errorf("xoauth2: no token for %q: %w", a.username, err)
	}
	if token == nil {
		return "", nil, fmt.Errorf("xoauth2: no token for %q: the source returned neither token nor error", a.username)
	}
	a.client = client{username: a.username, token: token.AccessToken}
	return a.client.Start()
}

// Next is also called with more false once the server has accepted, and there
// is nothing to say then; the nil response is not sent.
func (a *smtpAuth) Next(fromServer []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	return a.client.Next(fromServer)
}

// Format keeps the token out of every verb of fmt.
func (a *smtpAuth) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "xoauth2.SMTPAuth(%q)", a.username)
}

// isLoopback takes the name that the caller dialled, as net/smtp's PlainAuth
// does. A name that merely resolves to a loopback address is not trusted:
// whoever answers for it in DNS could choose.
func isLoopback(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
