package popdial

import (
	"context"
	"errors"
	"fmt"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/verdict"
	"github.com/exoauth/exoauth/xoauth2"
)

// Op is a step of DialConn.
type Op string

// The steps, in their order.
const (
	OpQueue        Op = "queue"        // waiting for a turn; see Dialer.MaxDials
	OpToken        Op = "token"        // asking the TokenSource
	OpConnect      Op = "connect"      // name resolution and TCP, or DialContext
	OpTLS          Op = "tls"          // the TLS handshake and the certificate
	OpGreeting     Op = "greeting"     // the server's first line
	OpStartTLS     Op = "starttls"     // STLS, before TLS
	OpAuthenticate Op = "authenticate" // AUTH
)

// maxToken is the maximum length of a token, in octets, that the front end of
// POP accepts. Since July 2025 it answers "Protocol error" to a longer one.
// https://github.com/jstedfast/MailKit/issues/1948
const maxToken = 4096

// ErrTokenTooLong is wrapped by the [*Error] if the token is longer than the
// 4,096 octets that the front end of Exchange Online accepts for POP, and the
// server hung up or answered "Protocol error". A token is shorter if it has
// fewer optional claims, or if the application has fewer permissions. IMAP
// accepts longer tokens.
var ErrTokenTooLong = errors.New("the token is longer than the 4096 octets that the front end of Exchange Online takes for POP")

// ErrNoXOAUTH2 is wrapped by the [*Error] if the server accepts neither XOAUTH2
// nor OAUTHBEARER. DialConn has not sent the token in that case.
var ErrNoXOAUTH2 = errors.New("the server takes neither AUTH XOAUTH2 nor AUTH OAUTHBEARER")

// ErrProtocol is wrapped by the [*Error] if the server does not speak POP3, or
// sends far more than it needs to before the session is established.
var ErrProtocol = errors.New("not POP3")

// ReplyTooLongError reports that the server sent more than Dialer.MaxReply. It
// wraps [ErrProtocol].
type ReplyTooLongError struct {
	MaxReply int // the limit, in octets
}

// Error names the limit and the field that raises it.
func (e *ReplyTooLongError) Error() string {
	return fmt.Sprintf("a reply of more than %d octets (to allow it, raise Dialer.MaxReply)", e.MaxReply)
}

// Unwrap returns ErrProtocol.
func (e *ReplyTooLongError) Unwrap() error { return ErrProtocol }

// Error reports the step at which a DialConn failed, and the reason. It unwraps
// to the reason: a [*ReplyError] that quotes the server, an *xoauth2.Error if
// the server sent a challenge, or the error of the TokenSource, of net, of
// crypto/tls or of the context.
//
// Explain of package diagnose names the cause of an Error and its remedy.
type Error struct {
	Op       Op     // the step
	Addr     string // host:port of the server
	Username string // the mailbox
	Server   string // front end, for Microsoft's support; empty if the greeting named none
	Err      error  // the reason
}

// Error names the step, the mailbox, the address, the reason and the front end.
// It contains no control characters and no token that was tried.
func (e *Error) Error() string {
	s := fmt.Sprintf("popdial: %s %q at %s: %v", e.Op, e.Username, e.Addr, e.Err)
	if e.Op == OpToken {
		s = fmt.Sprintf("popdial: token for %q: %v", e.Username, e.Err)
	}
	if e.Server != "" {
		s += " (front end " + e.Server + ")"
	}
	return plain.Line(s)
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Retryable is Retryable(e.Err).
func (e *Error) Retryable() bool { return Retryable(e.Err) }

// Refused reports whether the server refused the token, and a fresh one too if
// the TokenSource had one, for a reason that a person must fix. It reports
// false if the TokenSource failed to get a fresh token, since the server may
// accept one.
func Refused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Op == OpAuthenticate && dial.Final(judge(e.Err), e.Err) && !e.Retryable()
}

// Retryable reports whether the same call can succeed later, perhaps on a new
// connection, although nobody changes anything: the network failed, or the
// server reported a temporary failure, such as "-ERR Server Unavailable. 21".
func Retryable(err error) bool {
	unrenewed, open := errors.AsType[*dial.Unrenewed](err)
	refusal, replied := errors.AsType[*ReplyError](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded): // whatever was said before
		return true
	case replied && refusal.Retryable():
		return true
	case open:
		return verdict.Retryable(unrenewed.Err)
	case replied:
		return false
	}
	return verdict.Retryable(err)
}

func newError(f dial.Failure) error {
	return &Error{Op(f.Op), f.Addr, f.Username, f.Server, f.Err}
}

// judge is the Judge of a dial.Reporter. Exchange refuses a stale token in the
// same words as anything else.
func judge(err error) dial.Answer {
	refusal, replied := errors.AsType[*ReplyError](err)
	_, challenged := errors.AsType[*xoauth2.Error](err)
	switch {
	case !replied && !challenged:
		return dial.None
	case errors.Is(err, ErrNoXOAUTH2):
		return dial.Said
	case errors.Is(err, ErrTokenTooLong), replied && refusal.Retryable():
		return dial.Refused
	}
	return dial.Renewable
}

// words is the Words of a dial.Reporter.
func words(err error, scrub func(string) string) (said []error) {
	if refusal, ok := errors.AsType[*ReplyError](err); ok {
		said = append(said, refusal.hidden(scrub))
	}
	if challenge, ok := errors.AsType[*xoauth2.Error](err); ok {
		said = append(said, challenge)
	}
	return said
}
