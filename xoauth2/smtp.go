package xoauth2

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"strings"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/internal/login"
)

// ErrUnencrypted is returned by an [SMTPAuth] that was asked to send its
// token over a connection without TLS.
var ErrUnencrypted = errors.New("xoauth2: the connection is not encrypted: start TLS before AUTH")

// SMTPAuth returns an [smtp.Auth] for net/smtp and for the mail libraries
// that take one. It asks src for a token at the start of each exchange, so one
// value serves any number of messages and picks up renewed tokens. Any number
// of connections may share it at once, as they may net/smtp's own.
//
// It fails with [ErrUnencrypted], and asks src for nothing, if the connection
// is neither TLS nor to a loopback address. A net/smtp client reports TLS only
// if it started TLS itself or was given a *tls.Conn.
//
// The initial response goes with the AUTH command, which leaves nothing to ask
// (RFC 4954 §4). So every challenge ends the exchange: an empty one with
// [ErrTooManyChallenges], any other with an [*Error].
//
// High Volume Email refuses a token that expires within ten minutes. On its
// hosts a src that has the method
// TokenValidFor(context.Context, time.Duration) (*oauth2.Token, error), as those
// of package tokensource do, is asked for one that is valid for longer. An Auth
// is not told that a server refused its token; package smtpdial is, and tries
// a fresh one.
func SMTPAuth(username string, src oauth2.TokenSource) smtp.Auth {
	return SMTPAuthContext(context.Background(), username, src)
}

// SMTPAuthContext is [SMTPAuth] with a context for the token, since neither
// net/smtp nor the libraries built on it hand one to an Auth. A src that has the
// method TokenContext(context.Context) (*oauth2.Token, error), as those of
// package tokensource do, is asked under ctx. When ctx ends, so does the
// waiting for a token, whatever src does, and no exchange starts any more; the
// errors wrap that of ctx.
//
// Give an Auth that is made for one message the context of that message, and one
// that a pool keeps the context of the program. The connection is not ctx's
// business: close it, or set its deadline.
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
	token, err := login.Token(a.ctx, a.source, login.ValidityAt(server.Name))
	if err != nil {
		return "", nil, fmt.Errorf("xoauth2: no token for %q: %w", a.username, err)
	}
	if mech, ir, err = NewClient(a.username, token.AccessToken).Start(); err == nil {
		a.sent.add(token.AccessToken)
	}
	return mech, ir, err
}

// Next is also called with more false once the server has accepted, and there
// is nothing to say then; the nil response is not sent.
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
// does. A name that merely resolves to a loopback address is not trusted:
// whoever answers for it in DNS could choose.
func isLoopback(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
