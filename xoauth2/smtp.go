package xoauth2

import (
	"context"
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
// that take one. It asks src for a token at the start of each exchange, so one
// value serves any number of messages and picks up renewed tokens. It is safe
// for concurrent use: any number of connections may share it.
//
// It fails with [ErrUnencrypted], before it asks src for a token, if the
// connection is neither TLS nor to a loopback address. A net/smtp client
// reports TLS only if it started TLS itself or was given a *tls.Conn.
//
// The initial response goes with the AUTH command, so the server has nothing
// left to ask for (RFC 4954 §4). Every challenge therefore ends the exchange:
// an empty one with [ErrTooManyChallenges], any other with an [*Error].
//
// High Volume Email refuses a token that expires within ten minutes. On its
// hosts SMTPAuth asks src for a token that is valid for longer. For that src
// needs the method TokenValidFor(context.Context, time.Duration)
// (*oauth2.Token, error), as the sources of package tokensource have, or else
// the method Invalidate(*oauth2.Token).
//
// net/smtp does not tell an Auth that the server refused its token, so SMTPAuth
// cannot try a fresh one. Package smtpdial does.
func SMTPAuth(username string, src oauth2.TokenSource) smtp.Auth {
	return SMTPAuthContext(context.Background(), username, src)
}

// SMTPAuthContext is [SMTPAuth] with a context for the token, since net/smtp
// passes none to an Auth. If src has the method TokenContext(context.Context)
// (*oauth2.Token, error), as the sources of package tokensource do, that method
// is called with ctx. Once ctx has ended, an exchange that is waiting for a
// token fails, and so does every later exchange, with an error that wraps the
// error of ctx.
//
// For an Auth that sends one message, pass the context of that message. For an
// Auth that a pool keeps, pass the context of the program. ctx does not close
// the connection: do that yourself, or set a deadline on it.
func SMTPAuthContext(ctx context.Context, username string, src oauth2.TokenSource) smtp.Auth {
	return &smtpAuth{ctx: ctx, username: username, source: src}
}

type smtpAuth struct {
	ctx      context.Context // the interface has no place for one
	username string
	source   oauth2.TokenSource
	sent     sentTokens
}

func (a *smtpAuth) Start(server *smtp.ServerInfo) (mech string, ir []byte, err error) {
	if !server.TLS && !isLoopback(server.Name) {
		return "", nil, ErrUnencrypted
	}
	if a.source == nil {
		return "", nil, errors.New("xoauth2: SMTPAuth has a nil token source")
	}
	token, err := ask(a.ctx, a.username, a.source, server.Name)
	if err != nil {
		return "", nil, err
	}
	if mech, ir, err = NewClient(a.username, token.AccessToken).Start(); err == nil {
		a.sent.add(token.AccessToken)
	}
	return mech, ir, err
}

// Next is also called, with more false, once the server has accepted. There is
// nothing to answer then, and net/smtp does not send the nil response.
func (a *smtpAuth) Next(fromServer []byte, more bool) ([]byte, error) {
	switch {
	case !more:
		return nil, nil
	case len(fromServer) == 0:
		return nil, ErrTooManyChallenges
	}
	return nil, decodeError(fromServer, a.sent.recent()...)
}

// Format keeps the token out of every verb of fmt.
func (a *smtpAuth) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "xoauth2.SMTPAuth(%q)", a.username)
}

// isLoopback takes the name that the caller dialled, as net/smtp's PlainAuth
// does. It does not trust a name that merely resolves to a loopback address,
// which a DNS server can choose.
func isLoopback(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
