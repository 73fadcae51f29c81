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
	"github.com/exoauth/exoauth/xoauth2"
)

// DefaultTimeout bounds a Dial. It is generous because Exchange can take ten
// seconds to refuse.
const DefaultTimeout = time.Minute

// DefaultMaxDials is how many dials of a Dialer are under way at a time.
const DefaultMaxDials = 64

// failurePace is how long a dial that fails keeps its turn.
const failurePace = time.Second

// A Dialer dials mailboxes: with an app-only token, one serves ten thousand of
// them. Where users sign in, make one for each user's TokenSource; a Dialer
// costs nothing until it dials. TokenSource is required; the zero value of every
// other field is usable. Once Dial or Keep has been called, the Dialer must not
// be copied nor its fields changed; both may be called by any number of
// goroutines.
type Dialer struct {
	// TokenSource gives the access token. A source that has the methods
	// TokenContext(context.Context) (*oauth2.Token, error) and
	// Invalidate(*oauth2.Token), as those of package tokensource do, is asked
	// under the context of Dial and told of tokens that were refused.
	TokenSource oauth2.TokenSource

	// Addr is host:port of the server; "" is exoauth.Global.IMAP.
	Addr string

	// TLSConfig is copied. Nil, and an empty ServerName, mean the host of
	// Addr and the system's certificate authorities. TLS 1.2 is the least.
	TLSConfig *tls.Config

	// StartTLS connects in the clear and demands STARTTLS, as servers want it
	// on port 143. False is TLS from the first byte, as on port 993.
	StartTLS bool

	// DialContext connects; nil is that of a net.Dialer. Set it for a proxy.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// Timeout bounds each Dial, the token included, besides its context. It
	// begins when the Dial has its turn, see MaxDials. Zero is DefaultTimeout.
	Timeout time.Duration

	// MaxDials is how many dials may be under way at a time; the others wait
	// for their turn as long as their contexts allow. Established sessions do
	// not count. A dial that fails returns at once, but keeps its turn until a
	// second after it began, so that no more than MaxDials fail in a second,
	// however many mailboxes there are. Zero is DefaultMaxDials.
	MaxDials int

	// SkipProbe returns from Dial as soon as the server has said OK, one
	// round trip earlier. Whether the mailbox is open then shows in the first
	// command, see NotConnected, and imapclient asks for the capabilities.
	SkipProbe bool

	// EarlyAuth sends AUTHENTICATE without waiting for the greeting, another
	// round trip earlier. IMAP wants a client to wait (RFC 9051 §3): a server,
	// or what stands before it, that is not ready for a command may drop it,
	// close the connection or say BYE, and the token has been sent for
	// nothing. It goes over TLS to a server that has proven its name, so
	// nobody else sees it. EarlyAuth acts with implicit TLS and on hosts of
	// Microsoft's clouds alone: of others the capabilities must be heard.
	EarlyAuth bool

	// Options is handed to imapclient; nil is the zero value. Its TLSConfig
	// and Dialer are not used. Its DebugWriter sees the conversation from the
	// greeting on: each line of either side in one Write, in order, with the
	// tokens masked. A Dialer never makes two Writes at once.
	Options *imapclient.Options

	// Limits bound the memory and the time that a response can cost the client
	// after Dial. The zero value suits Exchange Online. Before that, Dial has
	// lower limits of its own.
	Limits Limits

	// Logger is told of each step at level debug. Refused tokens, and sessions
	// of Keep that end, are at level info; Keep logs at level warn if it fails
	// to open the next session. Nil is silent. It is never given a token.
	Logger *slog.Logger

	shared dial.Shared
}

// Dial returns a client that is authenticated as username, normally the
// address of the mailbox to open. If it fails, the error is an [*Error], which
// wraps the error of ctx if that ended first.
//
// Once Dial has returned, ctx has no influence on the client. The caller must
// close the client.
//
// If the server ends the session with a BYE, the errors of the client have its
// text, which imapclient alone drops. The predicates of this package, such as
// [Expired], recognize it.
func (d *Dialer) Dial(ctx context.Context, username string) (*imapclient.Client, error) {
	return newAttempt(d, username).dial(ctx)
}

// Dial is (&Dialer{TokenSource: src}).Dial(ctx, username): the mailbox
// username in the global cloud.
func Dial(ctx context.Context, username string, src oauth2.TokenSource) (*imapclient.Client, error) {
	return (&Dialer{TokenSource: src}).Dial(ctx, username)
}

// attempt is one call of Dial.
type attempt struct {
	*Dialer
	addr     string
	username string
	source   oauth2.TokenSource // of the Dialer, or one around it
	log      *slog.Logger
	frontEnd string          // as the last greeting named it
	tokens   []string        // that were tried, the last one last
	conn     *conn           // of the client that dial returned
	ended    func(err error) // see conn
}

func newAttempt(d *Dialer, username string) *attempt {
	a := &attempt{Dialer: d, addr: d.Addr, username: username, source: d.TokenSource, log: d.Logger}
	if a.addr == "" {
		a.addr = exoauth.Global.IMAP
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.log = a.log.With("addr", a.addr, "mailbox", username)
	return a
}

// dial waits for its turn and bounds the time from then on.
func (a *attempt) dial(ctx context.Context) (*imapclient.Client, error) {
	// With a stand-in for the token, so that a bad name costs no request.
	if err := xoauth2.Validate(a.username, "-"); err != nil {
		return nil, a.fail(ctx, OpAuthenticate, err)
	}
	leave, err := a.shared.Enter(ctx, cmp.Or(max(a.MaxDials, 0), DefaultMaxDials))
	if err != nil {
		return nil, a.fail(ctx, OpQueue, err)
	}
	begun := time.Now()
	bounded, cancel := dial.WithTimeout(ctx, cmp.Or(max(a.Timeout, 0), DefaultTimeout))
	defer cancel()
	client, err := a.run(bounded)
	if early := failurePace - time.Since(begun); err != nil && early > 0 {
		time.AfterFunc(early, leave)
	} else {
		leave()
	}
	return client, err
}

func (a *attempt) run(ctx context.Context) (*imapclient.Client, error) {
	s, err := dial.Login[*session]{
		Source:    a.source,
		Username:  a.username,
		Connect:   a.connect,
		Try:       a.try,
		Refused:   isRefusal,
		Renewable: renewable,
		Fail:      a.fail,
		Logger:    a.log,
	}.Run(ctx)
	if err != nil {
		return nil, err
	}
	a.log.DebugContext(ctx, "imapdial: authenticated", "frontEnd", a.frontEnd)
	return a.open(ctx, s)
}

// open proves the mailbox and hands the connection to imapclient.
func (a *attempt) open(ctx context.Context, s *session) (*imapclient.Client, error) {
	if !a.SkipProbe {
		if err := s.probe(); err != nil {
			s.Close()
			return nil, a.fail(ctx, OpOpen, err)
		}
	}
	if !s.Release() {
		return nil, a.fail(ctx, OpOpen, net.ErrClosed)
	}
	s.scrub = hiding(a.tokens) // without a, which nobody needs for as long as the session stands
	client, conn, err := s.handOver(a.Options, a.Limits, a.ended)
	if err != nil {
		return nil, a.fail(ctx, OpOpen, err)
	}
	a.conn = conn
	a.log.DebugContext(ctx, "imapdial: mailbox open", "frontEnd", a.frontEnd)
	return client, nil
}
