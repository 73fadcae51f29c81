package smtpdial

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/xoauth2"
)

// The steps of a Dial, as Error.Op names them.
const (
	OpQueue        = "queue"             // waiting for a turn, see MaxDials
	OpToken        = dial.OpToken        // asking the TokenSource
	OpConnect      = "connect"           // name resolution and TCP, or DialContext
	OpTLS          = "tls"               // the TLS handshake and the certificate
	OpGreeting     = "greeting"          // the server's first reply
	OpHello        = "hello"             // EHLO
	OpStartTLS     = "starttls"          // STARTTLS, before TLS
	OpAuthenticate = dial.OpAuthenticate // AUTH
	OpSend         = "send"              // a message, in Sender.Send
)

// ErrNoStartTLS is wrapped by the [*Error] for a server that does not offer
// STARTTLS. Nothing but EHLO has been sent then.
var ErrNoStartTLS = errors.New("the server does not offer STARTTLS")

// ErrNoXOAUTH2 is wrapped by the [*Error] for a server that does not offer
// the mechanism, nor OAUTHBEARER. The token has not been sent then.
var ErrNoXOAUTH2 = errors.New("the server offers neither AUTH XOAUTH2 nor AUTH OAUTHBEARER")

// ErrProtocol is wrapped by the [*Error] for a server whose words are not
// SMTP, or that says more than a server has to say before a session stands.
var ErrProtocol = errors.New("not SMTP")

// Error says which step of a Dial or of a Send failed, and why. Unwrap gives
// the reason: an *smtp.SMTPError of go-smtp with the server's own words, an
// *xoauth2.Error where it sent a challenge, the error of the TokenSource, one
// of net or crypto/tls, the error of the context.
//
// What it means, and what mends it, is for Explain of package diagnose to say.
type Error struct {
	Op       string // one of the Op constants
	Addr     string // host:port that was dialled
	Username string // as whom
	// Server is the host that answered, as its greeting names it. Microsoft's
	// support asks for it. Empty where no greeting was read.
	Server string
	Err    error

	tried *dial.Tried // nil where there is no token to judge
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

// describe adds the enhanced code, which the error text of go-smtp leaves out
// and which is what to search for.
func describe(e *smtp.SMTPError) string {
	if e.EnhancedCode == smtp.NoEnhancedCode || e.EnhancedCode == smtp.EnhancedCodeNotSet {
		return fmt.Sprintf("%d %s", e.Code, e.Message)
	}
	c := e.EnhancedCode
	return fmt.Sprintf("%d %d.%d.%d %s", e.Code, c[0], c[1], c[2], e.Message)
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// As is for package diagnose, which reads the claims of the token that was
// tried. They name the user and the application. The error does not keep the
// signature, without which they are no token. Nothing prints the claims.
func (e *Error) As(target any) bool { return e != nil && e.tried.As(target) }

// Temporary is the function Temporary of e.
func (e *Error) Temporary() bool { return Temporary(e.Err) }

// isRefusal reports whether the server answered AUTH, as opposed to breaking
// off.
func isRefusal(err error) bool {
	if _, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return true
	}
	_, ok := errors.AsType[*xoauth2.Error](err)
	return ok
}

// renewable reports whether a refusal may be due to the token. 5.7.139 is a
// switch or a policy in Exchange, whatever the token. High Volume Email says
// 501 5.5.127 to a token that is about to expire.
func renewable(err error) bool {
	reply, ok := errors.AsType[*smtp.SMTPError](err)
	if !ok {
		return isRefusal(err)
	}
	switch reply.Code {
	case 535:
		return reply.EnhancedCode != smtp.EnhancedCode{5, 7, 139}
	case 501:
		return reply.EnhancedCode == smtp.EnhancedCode{5, 5, 127}
	}
	return false
}

// fail makes an *Error. The words of the server or the queue are kept beside
// the error of ctx.
func (a *attempt) fail(ctx context.Context, op string, err error) error {
	err, first := dial.Split(err)
	_, queued := errors.AsType[*queueError](err)
	said := queued || isRefusal(err) || errors.Is(err, ErrUncertain)
	reason := dial.After(dial.Reason(ctx, err, said, ErrProtocol), first)
	e := &Error{Op: op, Addr: a.addr, Username: a.username, Server: a.server, Err: a.secrets.Err(reason)}
	if len(a.tried) > 0 {
		e.tried = dial.NewTried(a.tried[len(a.tried)-1])
	}
	a.log.DebugContext(ctx, "smtpdial: failed", "op", op, "error", e)
	return e
}
