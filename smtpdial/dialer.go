package smtpdial

import (
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/hook"
	"github.com/exoauth/exoauth/trace"
	"github.com/exoauth/exoauth/xoauth2"
)

// The defaults of a [Dialer]. The time is generous because Exchange can take ten
// seconds to refuse. A line of a reply should have no more than 512 octets (RFC
// 5321 §4.5.3.1.5), and the longest reply, to EHLO, has a few dozen lines.
const (
	DefaultTimeout  = time.Minute
	DefaultMaxDials = 64
	DefaultMaxReply = 64 << 10 // octets
)

// A Dialer dials a submission service. For users who have signed in, make one
// Dialer for each user's TokenSource.
//
// TokenSource is required; the zero value of every other field is usable. Do not
// change the fields, nor copy the Dialer, after the first call of Dial. A Dialer
// is safe for concurrent use.
type Dialer struct {
	// TokenSource gives the access token. If it has the method
	// TokenContext(context.Context) (*oauth2.Token, error), as the sources of
	// package tokensource do, Dial calls that with its context. If it has the
	// method Invalidate(*oauth2.Token), Dial calls that with a token that the
	// server has refused.
	TokenSource oauth2.TokenSource

	// MinValidity is how long a token must still be valid when Dial sends it.
	// Zero means ten minutes on the hosts of High Volume Email, which refuses a
	// token that expires sooner, and no minimum elsewhere. Negative means no
	// minimum anywhere.
	//
	// If the TokenSource has the method TokenValidFor(context.Context,
	// time.Duration) (*oauth2.Token, error), as the sources of package
	// tokensource do, Dial calls that. Otherwise, if the token expires too soon
	// and the TokenSource has the method Invalidate, Dial calls that and asks
	// for a token once more. If even the new token expires too soon, Dial sends
	// it nevertheless.
	MinValidity time.Duration

	// Addr is the host:port of the server. Empty means exoauth.Global.SMTP.
	Addr string

	// TLSConfig is the TLS configuration, which Dial copies. Nil means the zero
	// value. An empty ServerName means the host of Addr. The minimum version is
	// TLS 1.2.
	TLSConfig *tls.Config

	// ImplicitTLS makes Dial use TLS from the first byte, as on port 465, which
	// Exchange Online does not serve. False means that Dial requires STARTTLS.
	ImplicitTLS bool

	// DialContext connects to the server. Set it to use a proxy. Nil means the
	// DialContext method of a zero net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// LocalName is the name to send with EHLO. Empty means the address literal
	// of the local address of the connection (RFC 5321 §4.1.3).
	LocalName string

	// Timeout limits each Dial, including its token, in addition to the
	// context. It starts when the Dial gets its turn; see MaxDials. Zero means
	// DefaultTimeout.
	Timeout time.Duration

	// MaxDials is the maximum number of dials at a time. Dial silently waits for
	// its turn, as long as its context allows. Connected clients do not count.
	// Zero means DefaultMaxDials.
	MaxDials int

	// MaxReply is the maximum size, in octets, of the server's reply to one
	// command of the client that Dial returns. If a reply is longer, the
	// command fails with a [*ReplyTooLongError]. Dial itself and a Sender have
	// limits of their own. Zero means DefaultMaxReply, negative means no limit.
	MaxReply int

	// DebugWriter receives the conversation, including that of the client that
	// Dial returns: each line of either side in one Write, in order, with the
	// tokens masked. A Dialer never makes two Writes at once. Nil means none.
	DebugWriter io.Writer

	// Logger receives each step at level debug. It receives refused tokens, and
	// messages that a Sender tries again, at level info. Nothing logged
	// contains a token. Nil means no logging.
	Logger *slog.Logger

	// Trace is told of each dial, and of what a Sender does. Nil means nobody.
	Trace *trace.Hooks

	shared dial.Shared
}

// Dial returns a client that is authenticated as username and has sent EHLO.
// If it fails, the error is an [*Error], which wraps the error of ctx if that
// ended first. Dial waits for its turn if MaxDials others are under way.
//
// Once Dial has returned, ctx has no influence on the client. The caller must
// end the session, with Quit or Close.
func (d *Dialer) Dial(ctx context.Context, username string) (*smtp.Client, error) {
	conn, err := d.DialConn(ctx, username)
	if err != nil {
		return nil, err
	}
	return smtp.NewClient(conn), nil
}

// DialConn is Dial for any other client library. The connection opens with a
// greeting, and answers EHLO and HELO with the server's earlier answer. The
// client must not log in. Do not make it require STARTTLS: the connection uses
// TLS already, but the client does not know that. The rest of the conversation
// is between the client and the server.
//
// The answer to EHLO does not list AUTH and STARTTLS, so most libraries, such
// as net/smtp and gomail, skip them by themselves. If a client sends one of
// them, the answer is 503 (RFC 4954 §4), never 235, which the client would take
// as proof of its own user name and password.
//
// Dialer.MaxReply and DebugWriter apply to the connection.
func (d *Dialer) DialConn(ctx context.Context, username string) (net.Conn, error) {
	a := d.attempt(username)
	if err := a.Dial(ctx); err != nil {
		return nil, err
	}
	return a.session.handOver(d.MaxReply), nil
}

// Dial is (&Dialer{TokenSource: src}).Dial(ctx, username). It dials the
// submission service of the global cloud.
func Dial(ctx context.Context, username string, src oauth2.TokenSource) (*smtp.Client, error) {
	return (&Dialer{TokenSource: src}).Dial(ctx, username)
}

// attempt is one call of Dial.
type attempt struct {
	dial.Attempt
	dialer  *Dialer
	session *session
}

func (d *Dialer) attempt(username string) *attempt {
	a := &attempt{dialer: d}
	a.Attempt = dial.Attempt{
		Reporter:    d.reporter(username),
		Protocol:    a,
		Invalid:     xoauth2.Validate(username, "-"), // with a stand-in for the token
		Source:      d.TokenSource,
		ValidFor:    d.MinValidity,
		TLSConfig:   d.TLSConfig,
		DialContext: d.DialContext,
		Timeout:     cmp.Or(max(d.Timeout, 0), DefaultTimeout),
		MaxDials:    cmp.Or(max(d.MaxDials, 0), DefaultMaxDials),
		DebugWriter: d.DebugWriter,
		Shared:      &d.shared,
	}
	if a.ValidFor == 0 {
		a.ValidFor = dial.ValidityAt(a.Addr)
	}
	return a
}

func (d *Dialer) reporter(username string) dial.Reporter {
	return dial.Reporter{
		Package:     "smtpdial",
		Addr:        cmp.Or(d.Addr, exoauth.Global.SMTP),
		Username:    username,
		Logger:      d.Logger,
		Hooks:       hook.Dialer{Hooks: d.Trace},
		ErrProtocol: ErrProtocol,
		Judge:       judge,
		Words:       words,
		New:         newError,
	}
}

func (a *attempt) fail(ctx context.Context, op Op, err error) error {
	return a.Fail(ctx, string(op), err)
}

// Prepare implements dial.Protocol: greeting, TLS, EHLO.
func (a *attempt) Prepare(conn *dial.Conn) (op string, err error) {
	s := newSession(conn, a.Wire(conn))
	a.session, s.addr = s, a.Addr
	s.longInline = dial.ServedBy(a.Addr, func(c exoauth.Cloud) string { return c.SMTP }, "smtp-mail.outlook.com")
	s.localName = cmp.Or(a.dialer.LocalName, addressLiteral(conn.LocalAddr()))
	if a.dialer.ImplicitTLS {
		if err := s.StartTLS(a.TLS()); err != nil {
			return string(OpTLS), err
		}
	}
	greeting, err := s.expect(220)
	if err != nil {
		return string(OpGreeting), err
	}
	a.Server, _, _ = strings.Cut(s.wire.Scrub(greeting.Lines[0]), " ")
	if !a.dialer.ImplicitTLS {
		if op, err := s.upgrade(a.TLS()); err != nil {
			return string(op), err
		}
	}
	if err := s.sayHello(); err != nil {
		return string(OpHello), err
	}
	return string(OpAuthenticate), s.offered()
}

// Authenticate implements dial.Protocol.
func (a *attempt) Authenticate(token string) error { return a.session.authenticate(a.Username, token) }

// Open implements dial.Protocol. Exchange opens the mailbox with the message.
func (a *attempt) Open() (op string, err error) { return string(OpAuthenticate), nil }
