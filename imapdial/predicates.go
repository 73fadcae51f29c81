package imapdial

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// The functions here take the errors of Dial and Keep, and those of commands
// on the client that Dial returned.

// NotConnected reports whether err is Exchange's "User is authenticated but
// not connected.": the token is good, but the mailbox does not open. The
// application or user has no full access to it, IMAP is switched off for it,
// or the token belongs to another user or tenant.
func NotConnected(err error) bool {
	return says(err, "authenticated but not connected")
}

// Expired reports whether the server ended the session because the token it
// was opened with has expired: "* BYE Session invalidated -
// AccessTokenExpired". Dial again.
func Expired(err error) bool { return says(err, "AccessTokenExpired") }

// Refused reports whether the server refused the token of a Dial, and a fresh
// one too where the TokenSource had one, for a reason that waiting does not
// mend. Somebody has to change something.
func Refused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Op == OpAuthenticate && isRefusal(e.Err) && !e.Temporary()
}

// Temporary reports whether the same call can succeed later although nobody
// has mended anything, if need be on a new connection: the network failed, or
// the server said that it is busy, throttling or going down.
func Temporary(err error) bool {
	return err != nil && (&Error{Err: err}).Temporary()
}

var throttle = regexp.MustCompile(`(?i)request is throttled(?:.*?backoff time\D{0,4}(\d+))?`)

// Throttled reports whether the server said "Request is throttled. Suggested
// Backoff Time: N milliseconds", and the time it wants to be left alone,
// which is 0 where it named none. It says so with NO, and goes on, or with BAD
// and a BYE. Times from one and a half to five minutes have been seen; more
// than a day is taken for a day.
func Throttled(err error) (wait time.Duration, ok bool) {
	e, ok := reply(err)
	if !ok {
		return 0, false
	}
	m := throttle.FindStringSubmatch(e.Text)
	if m == nil {
		return 0, false
	}
	if m[1] == "" {
		return 0, true
	}
	const most = 24 * time.Hour
	ms, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil || ms > most.Milliseconds() {
		return most, true
	}
	return time.Duration(ms) * time.Millisecond, true
}

func says(err error, text string) bool {
	e, ok := reply(err)
	return ok && strings.Contains(strings.ToLower(e.Text), strings.ToLower(text))
}

// byeMark is how the text of an *imap.Error for a BYE begins.
const byeMark = "imap: BYE "

// reply returns the server's words in err. imapclient formats what Read
// returns with %v, so a goodbye may have kept its text alone.
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
