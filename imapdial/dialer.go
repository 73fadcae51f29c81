package imapdial

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/hook"
	"github.com/exoauth/exoauth/internal/imapguard"
	"github.com/exoauth/exoauth/trace"
	"github.com/exoauth/exoauth/xoauth2"
)

// The defaults of a [Dialer]. The time is generous because Exchange can take ten
// seconds to refuse.
const (
	DefaultTimeout  = time.Minute
	DefaultMaxDials = 64
)

// failurePace is how long a dial that fails keeps its turn.
const failurePace = time.Second

// A Dialer dials mailboxes. With an app-only token, one Dialer serves any
// number of them. For users who have signed in, make one Dialer for each user's
// TokenSource, or set [KeepOptions].TokenSource.
//
// TokenSource is required; the zero value of every other field is usable. Do not
// change the fields, nor copy the Dialer, after the first call of Dial or Keep.
// A Dialer is safe for concurrent use.
type Dialer struct {
	// TokenSource gives the access token. If it has the method
	// TokenContext(context.Context) (*oauth2.Token, error), as the sources of
	// package tokensource do, Dial calls that with its context. If it has the
	// method Invalidate(*oauth2.Token), Dial calls that with a token that the
	// server has refused.
	TokenSource oauth2.TokenSource

	// Addr is the host:port of the server. Empty means exoauth.Global.IMAP.
	Addr string

	// TLSConfig is the TLS configuration, which Dial copies. Nil means the zero
	// value. An empty ServerName means the host of Addr. The minimum version is
	// TLS 1.2.
	TLSConfig *tls.Config

	// StartTLS makes Dial connect in the clear and require STARTTLS, as servers
	// expect on port 143. False means TLS from the first byte, as on port 993.
	StartTLS bool

	// DialContext connects to the server. Set it to use a proxy. Nil means the
	// DialContext method of a zero net.Dialer.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// Timeout limits each Dial, including its token, in addition to the
	// context. It starts when the Dial gets its turn; see MaxDials. Zero means
	// DefaultTimeout.
	Timeout time.Duration

	// MaxDials is the maximum number of dials at a time, for all mailboxes
	// together. Dial and Keep silently wait for their turn, as long as their
	// contexts allow. Established sessions do not count. A dial that fails
	// returns at once, but keeps its turn until a second after it began, so at
	// most MaxDials fail in a second, however many mailboxes there are. Zero
	// means DefaultMaxDials.
	MaxDials int

	// SkipProbe makes Dial return as soon as the server has said OK, one round
	// trip earlier. If the mailbox does not open, the first command fails
	// instead (see NotConnected). With SkipProbe, the client asks for the
	// capabilities itself.
	SkipProbe bool

	// EarlyAuth makes Dial send AUTHENTICATE without waiting for the greeting,
	// which saves another round trip. IMAP requires a client to wait (RFC 9051
	// §3): a server or proxy that is not ready may drop the command, close the
	// connection or say BYE, and Dial has sent the token in vain. Only a server
	// that has proven its name over TLS receives the token. EarlyAuth applies
	// only to implicit TLS and to the hosts of Microsoft's clouds, since Dial
	// must know the capabilities of other servers first.
	EarlyAuth bool

	// Options are the options of imapclient. Nil means the zero value. Dial does
	// not use their TLSConfig and Dialer. The DebugWriter receives the
	// conversation from the greeting on: each line of either side in one Write,
	// in order, with the tokens masked. A Dialer never makes two Writes at once.
	Options *imapclient.Options

	// Limits bound the memory and the time that a response can cost the client
	// after Dial. The zero value suits Exchange Online. Dial itself has lower
	// limits of its own.
	Limits Limits

	// Logger receives each step at level debug. It receives refused tokens and
	// the end of a session of Keep at level info, and failures of Keep in a row
	// at level warn. Nothing logged contains a token. Nil means no logging.
	Logger *slog.Logger

	// Trace is told of each dial, and of the sessions of Keep. Nil means nobody.
	Trace *trace.Hooks

	shared dial.Shared
}

// Dial returns a client that is authenticated as username, normally the
// address of the mailbox to open. If it fails, the error is an [*Error], which
// wraps the error of ctx if that ended first. Dial waits for its turn if MaxDials
// others are under way.
//
// Once Dial has returned, ctx has no influence on the client. The caller must
// close the client.
//
// If the server ends the session with a BYE, the errors of the client contain
// its text, which a plain imapclient drops. The predicates of this package,
// such as [Expired], recognize it.
func (d *Dialer) Dial(ctx context.Context, username string) (*imapclient.Client, error) {
	return d.attempt(username, KeepOptions{}).dial(ctx)
}

// DialConn is Dial for any other client library. The connection opens with the
// greeting "* PREAUTH [CAPABILITY …]" (RFC 9051 §7.1.4), which tells the client
// that it is authenticated already, and lists the capabilities of the server.
// The rest of the conversation is between the client and the server. The client
// must not use COMPRESS (RFC 4978).
//
// If the server ends the session with a BYE, Read and Write return an
// *imap.Error with its text instead of io.EOF. Dialer.Limits and the
// DebugWriter of Dialer.Options apply to the connection; the other Options do
// not.
func (d *Dialer) DialConn(ctx context.Context, username string) (net.Conn, error) {
	a := d.attempt(username, KeepOptions{})
	if err := a.connect(ctx); err != nil {
		return nil, err
	}
	return a.conn, nil
}

// Dial is (&Dialer{TokenSource: src}).Dial(ctx, username). It opens a mailbox in
// the global cloud.
func Dial(ctx context.Context, username string, src oauth2.TokenSource) (*imapclient.Client, error) {
	return (&Dialer{TokenSource: src}).Dial(ctx, username)
}

// attempt is one call of Dial.
type attempt struct {
	dial.Attempt
	dialer  *Dialer
	options imapclient.Options
	ended   func(err error) // see imapguard.Config; nil without Keep
	session *session
	conn    *imapguard.Conn // of the client
}

func (d *Dialer) attempt(username string, keep KeepOptions) *attempt {
	a := &attempt{dialer: d}
	if options := cmp.Or(keep.Options, d.Options); options != nil {
		a.options = *options
	}
	a.Attempt = dial.Attempt{
		Reporter:    d.reporter(username),
		Protocol:    a,
		Invalid:     xoauth2.Validate(username, "-"), // with a stand-in for the token
		Source:      d.TokenSource,
		TLSConfig:   d.TLSConfig,
		DialContext: d.DialContext,
		Timeout:     cmp.Or(max(d.Timeout, 0), DefaultTimeout),
		MaxDials:    cmp.Or(max(d.MaxDials, 0), DefaultMaxDials),
		Pace:        failurePace,
		DebugWriter: a.options.DebugWriter,
		Shared:      &d.shared,
	}
	return a
}

func (d *Dialer) reporter(username string) dial.Reporter {
	return dial.Reporter{
		Package:     "imapdial",
		Addr:        cmp.Or(d.Addr, exoauth.Global.IMAP),
		Username:    username,
		Logger:      d.Logger,
		Hooks:       hook.Dialer{Hooks: d.Trace},
		ErrProtocol: ErrProtocol,
		Judge:       judge,
		Words:       words,
		New:         newError,
	}
}

func (a *attempt) dial(ctx context.Context) (*imapclient.Client, error) {
	if err := a.connect(ctx); err != nil {
		return nil, err
	}
	client, err := a.handOver()
	if err != nil {
		return nil, a.fail(ctx, OpOpen, err)
	}
	return client, nil
}

// connect makes the connection for a client.
func (a *attempt) connect(ctx context.Context) error {
	if err := a.Dial(ctx); err != nil {
		return err
	}
	a.conn = a.guarded()
	a.Log(ctx, slog.LevelDebug, "mailbox open", "server", a.Server)
	return nil
}

func (a *attempt) fail(ctx context.Context, op Op, err error) error {
	return a.Fail(ctx, string(op), err)
}

// Prepare implements dial.Protocol.
func (a *attempt) Prepare(conn *dial.Conn) (op string, err error) {
	s := newSession(conn, a.Wire(conn))
	a.session, s.addr, s.server = s, a.Addr, &a.Server
	// Exchange Online takes an initial response, so there is no need to ask.
	// It is known by its address: the text of its greeting changes.
	s.known = dial.ServedBy(a.Addr, func(c exoauth.Cloud) string { return c.IMAP }, "imap-mail.outlook.com")
	s.inline = s.known
	step, err := a.prepare(s)
	return string(step), err
}

// prepare brings s up to AUTHENTICATE: TLS, the greeting, and, from servers that
// are not known to be Exchange Online, the capabilities.
func (a *attempt) prepare(s *session) (op Op, err error) {
	if !a.dialer.StartTLS {
		if err := s.StartTLS(a.TLS()); err != nil {
			return OpTLS, err
		}
	}
	if s.early = a.dialer.EarlyAuth && s.inline && !a.dialer.StartTLS; s.early {
		return "", nil
	}
	if err := s.greet(); err != nil {
		return OpGreeting, err
	}
	if a.dialer.StartTLS {
		if op, err := s.upgrade(a.TLS()); err != nil {
			return op, err
		}
	}
	if s.inline && s.caps == nil {
		return "", nil
	}
	return OpCapability, s.offered()
}

// Authenticate implements dial.Protocol.
func (a *attempt) Authenticate(token string) error { return a.session.authenticate(a.Username, token) }

// Open implements dial.Protocol: it checks that the mailbox is open.
func (a *attempt) Open() (op string, err error) {
	if !a.dialer.SkipProbe {
		err = a.session.probe()
	}
	return string(OpOpen), err
}
