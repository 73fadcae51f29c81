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

// Op is a step of Dial or Keep.
type Op string

// The steps, in their order.
const (
	OpQueue        Op = "queue"        // waiting for a turn; see Dialer.MaxDials
	OpToken        Op = "token"        // asking the TokenSource
	OpConnect      Op = "connect"      // name resolution and TCP, or DialContext
	OpTLS          Op = "tls"          // the TLS handshake and the certificate
	OpGreeting     Op = "greeting"     // the server's first line
	OpStartTLS     Op = "starttls"     // STARTTLS, before TLS
	OpCapability   Op = "capability"   // the capabilities of the server
	OpAuthenticate Op = "authenticate" // AUTHENTICATE
	OpOpen         Op = "open"         // the mailbox behind the authentication
	OpSession      Op = "session"      // an established session, in Keep
)

// ErrNoXOAUTH2 is wrapped by the [*Error] if the server offers neither XOAUTH2
// nor OAUTHBEARER. Dial has not sent the token in that case.
var ErrNoXOAUTH2 = errors.New("the server offers neither AUTH=XOAUTH2 nor AUTH=OAUTHBEARER")

// ErrProtocol is wrapped by the [*Error] if the server does not speak IMAP, or
// sends far more than it needs to before the session is established.
var ErrProtocol = errors.New("not IMAP")

// Error reports the step at which a Dial failed, or that a session of Keep
// ended. It unwraps to the reason: an *imap.Error that quotes the server (of
// type BYE if it ended the session), an *xoauth2.Error if the server sent a
// challenge, or the error of the TokenSource, of net, of crypto/tls or of the
// context.
//
// Explain of package diagnose names the cause of an Error and its remedy.
type Error struct {
	Op       Op     // the step
	Addr     string // host:port of the server
	Username string // the mailbox
	// Server is the host name of the Exchange front end that answered, from its
	// greeting. Microsoft's support asks for it. It is empty if no greeting was
	// read or the greeting names none.
	Server string
	Err    error // the reason
}

func newError(f dial.Failure) error {
	return &Error{Op(f.Op), f.Addr, f.Username, f.Server, f.Err}
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

// Retryable reports whether the same Dial can succeed later although nobody
// changes anything: the network failed, or the server said that it is busy,
// throttling or going down. False does not mean that the error is final: an
// unknown error may pass, too.
func (e *Error) Retryable() bool {
	refusal, ok := reply(e.Err)
	unrenewed, open := errors.AsType[*dial.Unrenewed](e.Err)
	switch {
	case errors.Is(e.Err, context.DeadlineExceeded): // whatever was said before
		return true
	case ok && transient(refusal):
		return true
	case open:
		return verdict.Retryable(unrenewed.Err)
	case ok:
		return false
	}
	return verdict.Retryable(e.Err)
}

// judge is the Judge of a dial.Reporter. Exchange says "NO AUTHENTICATE failed."
// to nearly everything, so a refusal is taken to be due to the token unless it
// is known to have another cause.
func judge(err error) dial.Answer {
	answer, answered := errors.AsType[*imap.Error](err)
	_, challenged := errors.AsType[*xoauth2.Error](err)
	_, other := errors.AsType[*dial.StepError](err)
	switch {
	case !answered && !challenged:
		return dial.None
	case other, answered && answer.Type == imap.StatusResponseTypeBye:
		return dial.Said
	case answered && (transient(answer) || NotConnected(err)):
		return dial.Refused
	}
	return dial.Renewable
}

// words is the Words of a dial.Reporter.
func words(err error, scrub func(string) string) (said []error) {
	if answer, ok := errors.AsType[*imap.Error](err); ok {
		hidden := *answer
		hidden.Code, hidden.Text = imap.ResponseCode(scrub(string(answer.Code))), scrub(answer.Text)
		said = append(said, &hidden)
	}
	if challenge, ok := errors.AsType[*xoauth2.Error](err); ok {
		said = append(said, challenge)
	}
	return said
}
