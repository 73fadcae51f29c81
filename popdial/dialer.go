package popdial

import (
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/handoff"
	"github.com/exoauth/exoauth/internal/hook"
	"github.com/exoauth/exoauth/trace"
	"github.com/exoauth/exoauth/xoauth2"
)

// The defaults of a [Dialer]. The time is generous because Exchange can take
// nine seconds to refuse. A message of 150 MB, the largest of Exchange Online,
// takes 205 MB in base64.
// https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits
const (
	DefaultTimeout  = time.Minute
	DefaultMaxDials = 64
	DefaultMaxReply = 256 << 20 // octets
)

// A Dialer dials mailboxes. With an app-only token, one Dialer serves any number
// of them.
//
// TokenSource is required; the zero value of every other field is usable. Do not
// change the fields, nor copy the Dialer, after the first call of DialConn. A
// Dialer is safe for concurrent use.
type Dialer struct {
	// Addr is the host:port of the server. Empty means exoauth.Global.POP.
	Addr string

	// StartTLS makes DialConn connect in the clear and require STLS (RFC 2595
	// §4), as servers expect on port 110. Set Addr as well, since its default
	// has port 995. False means TLS from the first byte, as on port 995.
	StartTLS bool

	// TLSConfig is the TLS configuration, which DialConn copies. Nil means the
	// zero value. An empty ServerName means the host of Addr. The minimum version
	// is TLS 1.2.
	TLSConfig *tls.Config

	// TokenSource gives the access token. If it has the method
	// TokenContext(context.Context) (*oauth2.Token, error), as the sources of
	// package tokensource do, DialConn calls that with its context. If it has the
	// method Invalidate(*oauth2.Token), DialConn calls that with a token that the
	// server has refused.
	TokenSource oauth2.TokenSource

	// DialContext connects to the server. Set it to use a proxy. Nil means the
	// DialContext method of a zero net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// Timeout limits each DialConn, including its token, in addition to the
	// context. It starts when the DialConn gets its turn; see MaxDials. Zero
	// means DefaultTimeout.
	Timeout time.Duration

	// MaxDials is the maximum number of dials at a time. DialConn silently waits
	// for its turn, as long as its context allows. Connections that it has
	// returned do not count. Zero means DefaultMaxDials.
	MaxDials int

	// MaxReply is the maximum number of octets that the server may send between
	// two Writes of the client, which is one reply unless the client pipelines
	// commands. Beyond that, Read returns a [*ReplyTooLongError]. DialConn
	// itself has a limit of its own. Zero means DefaultMaxReply, negative means
	// no limit.
	MaxReply int

	// DebugWriter receives the conversation, including that of the client: each
	// line of either side in one Write, in order, with the tokens masked. A Dialer
	// never makes two Writes at once. Nil means none.
	DebugWriter io.Writer

	// Logger receives each step at level debug, and refused tokens at level info.
	// Nothing logged contains a token. Nil means no logging.
	Logger *slog.Logger

	// Trace is told of each dial. Nil means nobody.
	Trace *trace.Hooks

	shared dial.Shared
}

// DialConn returns a connection that is authenticated as username, normally the
// address of the mailbox. If it fails, the error is an [*Error], which wraps the
// error of ctx if that ended first. DialConn waits for its turn if MaxDials others
// are under way.
//
// The connection opens with "+OK". The rest of the conversation is between the
// client and the server. The client must not log in: the server would answer
// USER, APOP and AUTH with -ERR.
//
// Once DialConn has returned, ctx has no influence on the connection. The caller
// must close it.
func (d *Dialer) DialConn(ctx context.Context, username string) (net.Conn, error) {
	a := d.attempt(username)
	if err := a.Dial(ctx); err != nil {
		return nil, err
	}
	return a.session.handOver(d.MaxReply), nil
}

// DialConn is (&Dialer{TokenSource: src}).DialConn(ctx, username). It opens a
// mailbox in the global cloud.
func DialConn(ctx context.Context, username string, src oauth2.TokenSource) (net.Conn, error) {
	return (&Dialer{TokenSource: src}).DialConn(ctx, username)
}

// attempt is one call of DialConn.
type attempt struct {
	dial.Attempt
	startTLS bool
	session  *session
}

func (d *Dialer) attempt(username string) *attempt {
	a := &attempt{startTLS: d.StartTLS}
	a.Attempt = dial.Attempt{
		Reporter: dial.Reporter{
			Package:     "popdial",
			Addr:        cmp.Or(d.Addr, exoauth.Global.POP),
			Username:    username,
			Logger:      d.Logger,
			Hooks:       hook.Dialer{Hooks: d.Trace},
			ErrProtocol: ErrProtocol,
			Judge:       judge,
			Words:       words,
			New:         newError,
		},
		Protocol:    a,
		Invalid:     xoauth2.Validate(username, "-"), // with a stand-in for the token
		Source:      d.TokenSource,
		TLSConfig:   d.TLSConfig,
		DialContext: d.DialContext,
		Timeout:     cmp.Or(max(d.Timeout, 0), DefaultTimeout),
		MaxDials:    cmp.Or(max(d.MaxDials, 0), DefaultMaxDials),
		DebugWriter: d.DebugWriter,
		Shared:      &d.shared,
	}
	return a
}

// Prepare implements dial.Protocol: TLS, greeting, and the first step of AUTH,
// which needs no token.
func (a *attempt) Prepare(conn *dial.Conn) (op string, err error) {
	s := newSession(conn, a.Wire(conn))
	a.session, s.addr = s, a.Addr
	s.known = dial.ServedBy(a.Addr, func(c exoauth.Cloud) string { return c.POP }, "pop-mail.outlook.com")
	if !a.startTLS {
		if err := s.StartTLS(a.TLS()); err != nil {
			return string(OpTLS), err
		}
	}
	if a.Server, err = s.greet(); err != nil {
		return string(OpGreeting), err
	}
	if a.startTLS {
		if op, err := s.upgrade(a.TLS()); err != nil {
			return string(op), err
		}
	}
	return string(OpAuthenticate), s.offered()
}

// Authenticate implements dial.Protocol.
func (a *attempt) Authenticate(token string) error { return a.session.authenticate(a.Username, token) }

// Open implements dial.Protocol. Exchange opens the mailbox before it says +OK.
func (a *attempt) Open() (op string, err error) { return string(OpAuthenticate), nil }

// handOver returns the connection for a client, with a greeting. The greeting
// has no time stamp, which would tell the client that it can send APOP (RFC
// 1939 §7).
func (s *session) handOver(maxReply int) net.Conn {
	most := cmp.Or(maxReply, DefaultMaxReply)
	return &handoff.Conn{
		Conn:     handoff.Bound(s.wire.Tap(s.Conn.Conn), most, &ReplyTooLongError{most}),
		Greeting: []byte("+OK authenticated already\r\n"),
		Rest:     s.wire.Unread(),
	}
}
