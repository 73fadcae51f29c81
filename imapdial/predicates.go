package imapdial

import (
	"errors"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/verdict"
)

// The functions here take the errors of Dial and Keep, and those of commands
// on the client that Dial returned.

// NotConnected reports whether err is Exchange's "User is authenticated but
// not connected.": the token is good, but the mailbox does not open. The
// application or user does not have full access to it, IMAP is switched off for
// it, or the token belongs to another user or tenant.
func NotConnected(err error) bool { return means(err, verdict.NotConnected) }

// Expired reports whether the server ended the session because its token has
// expired: "* BYE Session invalidated - AccessTokenExpired". Dial again.
func Expired(err error) bool { return means(err, verdict.Expired) }

// Refused reports whether the server refused the token of a Dial, and a fresh
// one too if the TokenSource had one, for a reason that a person must fix. It
// reports false if the TokenSource failed to get a fresh token, since the
// server may accept one.
func Refused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Op == OpAuthenticate && dial.Final(judge(e.Err), e.Err) && !e.Retryable()
}

// Retryable reports whether the same call can succeed later, perhaps on a new
// connection, although nobody changes anything: the network failed, or the
// server said that it is busy, throttling or going down.
func Retryable(err error) bool {
	return err != nil && (&Error{Err: err}).Retryable()
}

// Throttled reports whether the server said "Request is throttled. Suggested
// Backoff Time: N milliseconds", and returns that time: zero if it named none,
// at most a day. Exchange Online names one and a half to five minutes. It sends
// this text either with NO, after which the session goes on, or with BAD and a
// BYE.
func Throttled(err error) (wait time.Duration, ok bool) {
	e, ok := reply(err)
	if !ok {
		return 0, false
	}
	if verdict.Of(e.Text) != verdict.Throttled {
		return 0, false
	}
	return verdict.Backoff(e.Text), true
}

func means(err error, m verdict.Meaning) bool {
	e, ok := reply(err)
	return ok && verdict.Of(e.Text) == m
}

// byeMark is how the text of an *imap.Error for a BYE begins.
const byeMark = "imap: BYE "

// reply returns the server's words in err. imapclient formats the error of Read
// with %v, so only the text of a goodbye may be left.
func reply(err error) (*imap.Error, bool) {
	if err == nil {
		return nil, false
	}
	if e, ok := errors.AsType[*imap.Error](err); ok {
		return e, true
	}
	if _, text, ok := strings.Cut(err.Error(), byeMark); ok {
		return &imap.Error{Type: imap.StatusResponseTypeBye, Text: text}, true
	}
	return nil, false
}

// transient reports whether a server is in trouble, rather than refusing.
func transient(e *imap.Error) bool {
	meaning := verdict.Of(e.Text)
	switch e.Code {
	case imap.ResponseCodeUnavailable, imap.ResponseCodeInUse, imap.ResponseCodeServerBug:
		return true
	}
	return meaning.Passes() || e.Type == imap.StatusResponseTypeBye && !meaning.Final()
}
