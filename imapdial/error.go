package imapdial

import (
	"context"
	"errors"
	"fmt"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/verdict"
	"github.com/exoauth/exoauth/xoauth2"
)

// The steps of a Dial, as Error.Op names them.
const (
	OpQueue        = "queue"             // waiting for a turn, see MaxDials
	OpToken        = dial.OpToken        // asking the TokenSource
	OpConnect      = "connect"           // name resolution and TCP, or DialContext
	OpTLS          = "tls"               // the TLS handshake and the certificate
	OpGreeting     = "greeting"          // the server's first line
	OpStartTLS     = "starttls"          // STARTTLS, before TLS
	OpCapability   = "capability"        // what the server offers
	OpAuthenticate = dial.OpAuthenticate // AUTHENTICATE
	OpOpen         = "open"              // the mailbox behind the authentication
	OpSession      = "session"           // a session that stood, in Keep
)

// ErrNoXOAUTH2 is wrapped by the [*Error] for a server that does not offer
// the mechanism, nor OAUTHBEARER. The token has not been sent then.
var ErrNoXOAUTH2 = errors.New("the server offers neither AUTH=XOAUTH2 nor AUTH=OAUTHBEARER")

// ErrProtocol is wrapped by the [*Error] for a server whose words are not
// IMAP, or that says more than a server has to say before a session stands.
var ErrProtocol = errors.New("not IMAP")

// Error says which step of a Dial failed, or why a session of Keep ended.
// Unwrap gives the reason: an *imap.Error with the server's own words (type BYE
// where the server said goodbye), an *xoauth2.Error where it sent a challenge,
// the error of the TokenSource, one of net or crypto/tls, the error of the
// context.
//
// What it means, and what mends it, is for Explain of package diagnose to say.
type Error struct {
	Op       string // one of the Op constants
	Addr     string // host:port that was dialled
	Username string // the mailbox
	// Server is the host name of the Exchange front end that answered, as its
	// greeting gives it. Microsoft's support asks for it. Empty where no
	// greeting was read or it names none.
	Server string
	Err    error

	tried *dial.Tried // nil where there is no token to judge
}

// Error names the step, the mailbox, the address, the reason and the front
// end, and explains "not connected". It contains no control characters and no
// token that was tried.
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
	return plain.Line(s)
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// As is for package diagnose, which reads the claims of the token that was
// tried. They name the user and the application. The error does not keep the
// signature, without which they are no token. Nothing prints the claims.
func (e *Error) As(target any) bool { return e != nil && e.tried.As(target) }

// Temporary reports whether the same Dial can succeed later although nobody
// has mended anything: the network failed, or the server said that it is
// busy, throttling or going down. False does not mean that the error is final:
// an unknown error may pass, too.
func (e *Error) Temporary() bool {
	refusal, ok := reply(e.Err)
	unrenewed, open := errors.AsType[*dial.Unrenewed](e.Err)
	switch {
	case errors.Is(e.Err, context.DeadlineExceeded): // whatever was said before
		return true
	case ok && transient(refusal):
		return true
	case open:
		return verdict.Temporary(unrenewed.Err)
	case ok:
		return false
	}
	return verdict.Temporary(e.Err)
}

// stepError is an error of another step than the one it comes out of.
type stepError struct {
	op  string
	err error
}

func (e *stepError) Error() string { return e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }

// isRefusal reports whether the server answered AUTHENTICATE, as opposed to
// breaking off.
func isRefusal(err error) bool {
	if _, ok := errors.AsType[*stepError](err); ok {
		return false
	}
	if refusal, ok := errors.AsType[*imap.Error](err); ok {
		return refusal.Type != imap.StatusResponseTypeBye
	}
	_, ok := errors.AsType[*xoauth2.Error](err)
	return ok
}

// renewable reports whether a refusal may be due to the token. Exchange says
// "NO AUTHENTICATE failed." to nearly everything, so the answer is yes, except
// for a refusal that is known to have another cause.
func renewable(err error) bool {
	if !isRefusal(err) || NotConnected(err) {
		return false
	}
	refusal, ok := errors.AsType[*imap.Error](err)
	return !ok || !transient(refusal)
}

// fail makes an *Error.
func (a *attempt) fail(ctx context.Context, op string, err error) error {
	err, first := dial.Split(err)
	_, answered := errors.AsType[*imap.Error](err)
	answered = answered || isRefusal(err)
	if step, ok := errors.AsType[*stepError](err); ok {
		op, err = step.op, step.err
	}
	reason := dial.After(dial.Reason(ctx, err, answered, ErrProtocol), first)
	e := &Error{Op: op, Addr: a.addr, Username: a.username, Server: a.frontEnd, Err: a.clean(reason), tried: a.tried()}
	a.log.DebugContext(ctx, "imapdial: failed", "op", op, "error", e)
	return e
}

// tried is the last token, nil if there was none.
func (a *attempt) tried() *dial.Tried {
	if len(a.tokens) == 0 {
		return nil
	}
	return dial.NewTried(a.tokens[len(a.tokens)-1])
}
