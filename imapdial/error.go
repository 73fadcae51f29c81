package imapdial

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/internal/login"
	"github.com/exoauth/exoauth/internal/transport"
	"github.com/exoauth/exoauth/internal/wire"
	"github.com/exoauth/exoauth/xoauth2"
)

// The steps of a Dial, as Error.Op names them.
const (
	OpToken        = login.OpToken        // asking the TokenSource
	OpConnect      = "connect"            // name resolution and TCP, or DialContext
	OpTLS          = "tls"                // the TLS handshake and the certificate
	OpGreeting     = "greeting"           // the server's first line
	OpStartTLS     = "starttls"           // STARTTLS, before TLS
	OpCapability   = "capability"         // what the server offers
	OpAuthenticate = login.OpAuthenticate // AUTHENTICATE XOAUTH2
	OpOpen         = "open"               // the mailbox behind the authentication
)

// ErrNoXOAUTH2 is wrapped by the [*Error] for a server that does not offer
// the mechanism. The token has not been sent then.
var ErrNoXOAUTH2 = errors.New("the server does not offer AUTH=XOAUTH2")

// ErrProtocol is wrapped by the [*Error] for a server whose words are not
// IMAP, or that says more than a server has to say before a session stands.
var ErrProtocol = errors.New("not IMAP")

// Error says which step of a Dial failed, and why. Unwrap gives the reason:
// an *imap.Error with the server's own words (type BYE where the server said
// goodbye), an *xoauth2.Error where it sent a challenge, the error of the
// TokenSource, one of net or crypto/tls, the error of the context.
type Error struct {
	Op       string // one of the Op constants
	Addr     string // host:port that was dialled
	Username string // the mailbox
	// Server is the host name of the Exchange front end that answered, as its
	// greeting gives it. Microsoft's support asks for it. Empty where no
	// greeting was read or it names none.
	Server string
	Err    error
}

// Error names the step, the mailbox, the address, the reason and the front
// end, and what Exchange means by "not connected". It has no control characters and no secret in it.
func (e *Error) Error() string {
	s := fmt.Sprintf("imapdial: %s %q at %s: %v", e.Op, e.Username, e.Addr, e.Err)
	switch {
	case e.Op == OpToken:
		s = fmt.Sprintf("imapdial: token for %q: %v", e.Username, e.Err)
	case NotConnected(e.Err):
		s += " (no full access to the mailbox, IMAP switched off, or a token of another user or tenant)"
	}
	if e.Server != "" {
		s += " (front end " + e.Server + ")"
	}
	return wire.Printable(s)
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Temporary reports whether the same Dial can succeed later although nobody
// has mended anything: the network failed, or the server said that it is
// busy, throttling or going down.
func (e *Error) Temporary() bool {
	if refusal, ok := errors.AsType[*imap.Error](e.Err); ok {
		return transient(refusal)
	}
	return transport.Temporary(e.Err)
}

// transient knows a server in trouble from a server that refuses.
func transient(e *imap.Error) bool {
	switch e.Code {
	case imap.ResponseCodeUnavailable, imap.ResponseCodeInUse, imap.ResponseCodeServerBug:
		return true
	}
	text := strings.ToLower(e.Text)
	return e.Type == imap.StatusResponseTypeBye ||
		strings.Contains(text, "server unavailable") || strings.Contains(text, "throttled")
}

// NotConnected reports whether err is Exchange's "User is authenticated but
// not connected.": the token is good, but the mailbox does not open. The
// application or user has no full access to it, IMAP is switched off for it,
// or the token belongs to another user or tenant. It takes the errors of Dial
// and those that imapclient returns later.
func NotConnected(err error) bool {
	refusal, ok := errors.AsType[*imap.Error](err)
	return ok && strings.Contains(strings.ToLower(refusal.Text), "authenticated but not connected")
}

// isRefusal reports whether the server answered AUTHENTICATE, as opposed to
// breaking off.
func isRefusal(err error) bool {
	if refusal, ok := errors.AsType[*imap.Error](err); ok {
		return refusal.Type != imap.StatusResponseTypeBye
	}
	_, ok := errors.AsType[*xoauth2.Error](err)
	return ok
}

// renewable reports whether a refusal may be due to the token. Exchange says
// "NO AUTHENTICATE failed." to nearly everything, so the answer is yes but
// for what is known to have another cause.
func renewable(err error) bool {
	if !isRefusal(err) || NotConnected(err) {
		return false
	}
	refusal, ok := errors.AsType[*imap.Error](err)
	return !ok || !transient(refusal)
}

// fail makes an *Error. Where ctx has ended, that is the reason, and what the
// broken connection said is noise, unless the server had refused before.
func (a *attempt) fail(ctx context.Context, op string, err error) error {
	if ended := transport.ContextError(ctx); ended != nil && isRefusal(err) {
		err = fmt.Errorf("%w, after %w", ended, err)
	} else if ended != nil {
		err = ended
	}
	if _, ok := errors.AsType[wire.Violation](err); ok {
		err = fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	e := &Error{Op: op, Addr: a.addr, Username: a.username, Server: a.frontEnd, Err: err}
	a.log.DebugContext(ctx, "imapdial: failed", "op", op, "error", e)
	return e
}
