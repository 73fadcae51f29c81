package smtpdial

import (
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/pool"
	"github.com/exoauth/exoauth/xoauth2"
)

// Op is a step of Dial or Send.
type Op string

// The steps, in their order.
const (
	OpQueue        Op = "queue"        // waiting for a turn; see Dialer.MaxDials and Sender
	OpToken        Op = "token"        // asking the TokenSource
	OpConnect      Op = "connect"      // name resolution and TCP, or DialContext
	OpTLS          Op = "tls"          // the TLS handshake and the certificate
	OpGreeting     Op = "greeting"     // the server's first reply
	OpHello        Op = "hello"        // EHLO
	OpStartTLS     Op = "starttls"     // STARTTLS, before TLS
	OpAuthenticate Op = "authenticate" // AUTH
	OpSend         Op = "send"         // a message, in Sender.Send
)

// ErrNoStartTLS is wrapped by the [*Error] if the server does not offer
// STARTTLS. Dial has sent nothing but EHLO in that case.
var ErrNoStartTLS = errors.New("the server does not offer STARTTLS")

// ErrNoXOAUTH2 is wrapped by the [*Error] if the server offers neither XOAUTH2
// nor OAUTHBEARER. Dial has not sent the token in that case.
var ErrNoXOAUTH2 = errors.New("the server offers neither AUTH XOAUTH2 nor AUTH OAUTHBEARER")

// ErrProtocol is wrapped by the [*Error] if the server does not speak SMTP, or
// sends far more than it needs to before the session is established.
var ErrProtocol = errors.New("not SMTP")

// ReplyTooLongError reports that a reply of the server was longer than
// Dialer.MaxReply. It wraps [ErrProtocol].
type ReplyTooLongError struct {
	MaxReply int // the limit, in octets
}

// Error names the limit, its value and the field that raises it.
func (e *ReplyTooLongError) Error() string {
	return fmt.Sprintf("a reply of more than %d octets (to allow it, raise Dialer.MaxReply)", e.MaxReply)
}

// Unwrap returns ErrProtocol.
func (e *ReplyTooLongError) Unwrap() error { return ErrProtocol }

// Error reports the step at which a Dial or a Send failed, and the reason. It
// unwraps to the reason: an *smtp.SMTPError of go-smtp that quotes the server,
// an *xoauth2.Error if the server sent a challenge, or the error of the
// TokenSource, of net, of crypto/tls or of the context.
//
// Explain of package diagnose names the cause of an Error and its remedy.
type Error struct {
	Op       Op     // the step
	Addr     string // host:port of the server
	Username string // as passed to Dial
	// Server is the name of the host that answered, from its greeting.
	// Microsoft's support asks for it. It is empty if no greeting was read.
	Server string
	Err    error // the reason
}

// Error names the step, the user, the address, the reason and the server. It
// contains no control characters and no token that was tried.
func (e *Error) Error() string {
	reason := fmt.Sprint(e.Err)
	if reply, ok := errors.AsType[*smtp.SMTPError](e.Err); ok {
		reason = strings.Replace(reason, reply.Error(), describe(reply), 1)
	}
	s := fmt.Sprintf("smtpdial: %s %q at %s: %s", e.Op, e.Username, e.Addr, reason)
	if e.Op == OpToken {
		s = fmt.Sprintf("smtpdial: token for %q: %s", e.Username, reason)
	}
	if e.Server != "" {
		s += " (server " + e.Server + ")"
	}
	return plain.Line(s)
}

// describe adds the enhanced code, which people search for and go-smtp's error
// text omits.
func describe(e *smtp.SMTPError) string {
	if e.EnhancedCode == smtp.NoEnhancedCode || e.EnhancedCode == smtp.EnhancedCodeNotSet {
		return fmt.Sprintf("%d %s", e.Code, e.Message)
	}
	c := e.EnhancedCode
	return fmt.Sprintf("%d %d.%d.%d %s", e.Code, c[0], c[1], c[2], e.Message)
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Retryable is Retryable(e.Err).
func (e *Error) Retryable() bool { return Retryable(e.Err) }

func newError(f dial.Failure) error {
	return &Error{Op(f.Op), f.Addr, f.Username, f.Server, f.Err}
}

// judge is the Judge of a dial.Reporter. 5.7.139 is a switch or a policy in
// Exchange, whatever the token. High Volume Email says 501 5.5.127 to a token
// that is about to expire.
func judge(err error) dial.Answer {
	reply, replied := errors.AsType[*smtp.SMTPError](err)
	_, challenged := errors.AsType[*xoauth2.Error](err)
	_, queued := errors.AsType[*pool.QueueError](err)
	switch {
	case replied && reply.Code == 535 && reply.EnhancedCode != smtp.EnhancedCode{5, 7, 139},
		replied && reply.Code == 501 && reply.EnhancedCode == smtp.EnhancedCode{5, 5, 127},
		challenged && !replied:
		return dial.Renewable
	case replied:
		return dial.Refused
	case queued, errors.Is(err, ErrUncertain):
		return dial.Said
	}
	return dial.None
}

// words is the Words of a dial.Reporter.
func words(err error, scrub func(string) string) (said []error) {
	if reply, ok := errors.AsType[*smtp.SMTPError](err); ok {
		hidden := *reply
		hidden.Message = scrub(reply.Message)
		said = append(said, &hidden)
	}
	if challenge, ok := errors.AsType[*xoauth2.Error](err); ok {
		said = append(said, challenge)
	}
	return said
}
