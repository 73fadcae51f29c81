package smtpdial

import (
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/xoauth2"
)

// DefaultTimeout bounds a Dial. It is generous because Exchange can take ten
// seconds to refuse.
const DefaultTimeout = time.Minute

// DefaultMaxDials is how many dials of a Dialer are under way at a time.
const DefaultMaxDials = 64

// A Dialer dials a submission service. If users sign in, make one for each
// user's TokenSource. TokenSource is required; the zero value of every other
// field is usable. Once Dial has been called, the Dialer must not be copied nor
// its fields changed; Dial may be called by any number of goroutines.
type Dialer struct {
	// TokenSource gives the access token. A source that has the methods
	// TokenContext(context.Context) (*oauth2.Token, error) and
	// Invalidate(*oauth2.Token), as those of package tokensource do, is asked
	// under the context of Dial and told of tokens that were refused.
	TokenSource oauth2.TokenSource

	// MinValidity is the time for which a token must still be valid when Dial
	// sends it. Zero is ten minutes on the hosts of High Volume Email, which
	// refuses a token that expires sooner, and no minimum elsewhere. Negative
	// is no minimum anywhere.
	//
	// If the TokenSource has the method
	// TokenValidFor(context.Context, time.Duration) (*oauth2.Token, error), as
	// those of package tokensource do, Dial calls that. Otherwise, if the token
	// expires too soon and the TokenSource has Invalidate, Dial calls that and
	// asks for a token once more. If even the new token expires too soon, Dial
	// sends it all the same.
	MinValidity time.Duration

	// Addr is host:port of the server; "" is exoauth.Global.SMTP.
	Addr string

	// TLSConfig is copied. Nil, and an empty ServerName, mean the host of
	// Addr and the system's certificate authorities. TLS 1.2 is the least.
	TLSConfig *tls.Config

	// ImplicitTLS is TLS from the first byte, as on port 465, which Exchange
	// Online does not serve. False demands STARTTLS.
	ImplicitTLS bool

	// LocalName is the name given with EHLO; "" is the address literal of
	// the connection's local address (RFC 5321 §4.1.3).
	LocalName string

	// DialContext connects; nil is that of a net.Dialer. Set it for a proxy.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// Timeout bounds each Dial, the token included, besides its context. It
	// begins when the Dial has its turn, see MaxDials. Zero is DefaultTimeout.
	Timeout time.Duration

	// MaxDials is how many dials may be under way at a time; the others wait
	// for their turn as long as their contexts allow. Connected clients do not
	// count. Zero is DefaultMaxDials.
	MaxDials int

	// MaxReply is the maximum size, in octets, of the server's reply to one
	// command of the client that Dial returns. The command fails with a
	// [*ReplyTooLongError] if the reply is longer. Zero is DefaultMaxReply,
	// negative is no limit. Dial itself, and a Sender, have a limit of their
	// own.
	MaxReply int

	// DebugWriter sees the conversation, also that of the client that Dial
	// returns: each line of either side in one Write, in order, with the tokens
	// masked. A Dialer never makes two Writes at once. Nil is none.
	DebugWriter io.Writer

	// Logger is told of each step at level debug. Refused tokens, and messages
	// that a Sender tries again, are at level info. Nil is silent. It is never
	// given a token.
	Logger *slog.Logger

	shared dial.Shared
}

// Dial returns a client that is authenticated as username and has sent EHLO.
// If it fails, the error is an [*Error], which wraps the error of ctx if that
// ended first.
//
// Once Dial has returned, ctx has no influence on the client. The caller must
// end the session, with Quit or Close.
func (d *Dialer) Dial(ctx context.Context, username string) (*smtp.Client, error) {
	a := newAttempt(d, username)
	s, err := a.dial(ctx)
	if err != nil {
		return nil, err
	}
	client, err := s.handOver(d.MaxReply)
	if err != nil {
		return nil, a.fail(ctx, OpHello, err)
	}
	return client, nil
}

// Dial is (&Dialer{TokenSource: src}).Dial(ctx, username): the submission
// service of the global cloud.
func Dial(ctx context.Context, username string, src oauth2.TokenSource) (*smtp.Client, error) {
	return (&Dialer{TokenSource: src}).Dial(ctx, username)
}

// attempt is one call of Dial.
type attempt struct {
	*Dialer
	addr     string
	username string
	log      *slog.Logger
	server   string   // as the last greeting named it
	tried    []string // tokens
	secrets  plain.Secrets
}

func newAttempt(d *Dialer, username string) *attempt {
	a := &attempt{Dialer: d, addr: d.Addr, username: username, log: d.Logger}
	if a.addr == "" {
		a.addr = exoauth.Global.SMTP
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.log = a.log.With("addr", a.addr, "username", username)
	return a
}

// dial waits for its turn and bounds the time from then on.
func (a *attempt) dial(ctx context.Context) (*session, error) {
	// With a stand-in for the token, so that a bad name costs no request.
	if err := xoauth2.Validate(a.username, "-"); err != nil {
		return nil, a.fail(ctx, OpAuthenticate, err)
	}
	bounded, done, err := a.shared.Begin(ctx, cmp.Or(max(a.MaxDials, 0), DefaultMaxDials), cmp.Or(max(a.Timeout, 0), DefaultTimeout))
	if err != nil {
		return nil, a.fail(ctx, OpQueue, err)
	}
	defer done()
	return a.run(bounded)
}

// validFor is MinValidity, or its default.
func (a *attempt) validFor() time.Duration {
	if a.MinValidity != 0 {
		return a.MinValidity
	}
	return dial.ValidityAt(a.addr)
}

func (a *attempt) run(ctx context.Context) (*session, error) {
	s, err := dial.Login[*session]{
		Source:    a.TokenSource,
		Username:  a.username,
		ValidFor:  a.validFor(),
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
	if !s.Release() {
		return nil, a.fail(ctx, OpAuthenticate, net.ErrClosed)
	}
	a.log.DebugContext(ctx, "smtpdial: authenticated", "server", a.server)
	return s, nil
}

// try takes note of a token that is about to be sent.
func (a *attempt) try(token string) {
	a.tried = append(a.tried, token)
	a.secrets.AddEncoded(token)
}
