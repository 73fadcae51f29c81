package smtpdial

import (
	"errors"
	"strings"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/verdict"
)

// Refused reports whether the server refused the token of a Dial, and a fresh
// one too if the TokenSource had one, for a reason that a person must fix. It
// reports false if the TokenSource failed to get a fresh token, since the
// server may accept one.
func Refused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Op == OpAuthenticate && dial.Final(judge(e.Err), e.Err) && !e.Retryable()
}

// NotConnected reports whether err is Exchange's "430 4.2.0 STOREDRV; mailbox
// logon failure" to a message: Exchange accepted the token, but the application
// does not have full access to the mailbox. Waiting does not help, although
// replies of class 4 are temporary.
func NotConnected(err error) bool {
	reply, ok := errors.AsType[*smtp.SMTPError](err)
	return ok && strings.Contains(strings.ToLower(reply.Message), "mailbox logon failure")
}

// Retryable reports whether the same call can succeed later, perhaps on a new
// connection, although nobody changes anything: the network failed, or the
// server sent a reply of class 4, such as "432 4.3.2 STOREDRV.ClientSubmit;
// sender thread limit exceeded". It takes the errors of Dial and Send, and
// those of commands on the client that Dial returned.
func Retryable(err error) bool {
	if err == nil || NotConnected(err) || errors.Is(err, ErrUncertain) {
		return false
	}
	if open, ok := errors.AsType[*dial.Unrenewed](err); ok && verdict.Retryable(open.Err) {
		return true // a fresh token may be accepted
	}
	if reply, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return reply.Temporary()
	}
	return verdict.Retryable(err)
}
