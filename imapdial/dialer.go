package imapdial

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/login"
	"github.com/exoauth/exoauth/xoauth2"
)

// DefaultTimeout bounds a Dial. It is generous because Exchange can take ten
// seconds to refuse.
const DefaultTimeout = time.Minute

// A Dialer dials mailboxes. TokenSource is required; the zero value of every
// other field is usable. The fields must not be changed once Dial has been
// called; Dial may be called by any number of goroutines.
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

	// Timeout bounds each Dial, the token included, besides its context. Zero
	// is DefaultTimeout.
	Timeout time.Duration

	// SkipProbe returns from Dial as soon as the server has said OK, one
	// round trip earlier. Whether the mailbox is open then shows in the first
	// command, see NotConnected, and imapclient asks for the capabilities.
	SkipProbe bool

	// Options is handed to imapclient; nil is the zero value. Its TLSConfig
	// and Dialer are not used. Its DebugWriter sees the handshake too, with
	// the token masked; for one client it is called by one goroutine at a
	// time, which imapclient itself does not promise.
	Options *imapclient.Options

	// Logger is told of each step at level debug and of refused tokens at
	// level info. Nil is silent. It is never given a token.
	Logger *slog.Logger
}

// Dial returns a client that is authenticated as username, normally the
// address of the mailbox to open. It fails with an [*Error], of which
// errors.Is reports the error of ctx where that ended first.
//
// Once Dial has returned, ctx has no influence on the client. The caller must
// close the client.
func (d *Dialer) Dial(ctx context.Context, username string) (*imapclient.Client, error) {
	timeout := d.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not done within %v, the Timeout of the Dialer", timeout))
	defer cancel()
	return newAttempt(d, username).run(ctx)
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
	log      *slog.Logger
	frontEnd string // as the last greeting named it
}

func newAttempt(d *Dialer, username string) *attempt {
	a := &attempt{Dialer: d, addr: d.Addr, username: username, log: d.Logger}
	if a.addr == "" {
		a.addr = exoauth.Global.IMAP
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	a.log = a.log.With("addr", a.addr, "mailbox", username)
	return a
}

func (a *attempt) run(ctx context.Context) (*imapclient.Client, error) {
	// With a stand-in for the token, so that a bad name costs no request.
	if err := xoauth2.Validate(a.username, "-"); err != nil {
		return nil, a.fail(ctx, OpAuthenticate, err)
	}
	s, err := login.Login[*session]{
		Source:    a.TokenSource,
		Username:  a.username,
		Connect:   a.connect,
		Refused:   isRefusal,
		Renewable: renewable,
		Fail:      a.fail,
		Logger:    a.log,
	}.Run(ctx)
	if err != nil {
		return nil, err
	}
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
	client, err := s.handOver(a.Options)
	if err != nil {
		return nil, a.fail(ctx, OpOpen, err)
	}
	a.log.DebugContext(ctx, "imapdial: mailbox open", "frontEnd", a.frontEnd)
	return client, nil
}
