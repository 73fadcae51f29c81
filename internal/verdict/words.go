package verdict

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/exoauth/exoauth/internal/plain"
)

// Meaning is the meaning of a mail server's words.
type Meaning int

// The meanings. Other words are Unknown: they may pass or not.
const (
	Unknown      Meaning = iota
	NotConnected         // the token is good, but the mailbox does not open; see below
	Expired              // the token that the session was opened with has expired
	Throttled            // too many requests; see Backoff
	Crowded              // too many connections
	Unavailable          // the mailbox server is in trouble
	Closed               // the server has ended an idle session, or one with errors
	NoMailbox            // the account has no mailbox
	Password             // passwords are not taken
	Blocked              // the owner of the account has to prove to be a person
)

// Exchange says "not connected" if a permission is missing, which a person must
// mend. It says the same of a mailbox that was open before, if there are too
// many connections or requests. That passes within Pause.
// (https://github.com/mscdex/node-imap/issues/689)
const (
	LeastPause = 3 * time.Minute
	MostPause  = 5 * time.Minute
	Pause      = "three to five minutes"
)

// row is a meaning's words, in lower case, and who or what mends it.
type row struct {
	words  []string
	passes bool // time
	final  bool // a person
}

// table has a row for each meaning. Of two rows that match, the first counts.
var table = []row{
	Unknown:      {},
	NotConnected: {words: []string{"authenticated but not connected"}},
	Expired:      {passes: true, words: []string{"accesstokenexpired", "session invalidated"}},
	Throttled:    {passes: true, words: []string{"request is throttled", "backoff time"}},
	Crowded:      {passes: true, words: []string{"too many connections", "too many simultaneous connections", "maximum number of connections"}},
	Unavailable:  {passes: true, words: []string{"server unavailable"}},
	Closed:       {passes: true, words: []string{"connection closed. 14", "connection is closed. 13"}},
	NoMailbox:    {final: true, words: []string{"does not have a valid mailbox"}},
	Password:     {final: true, words: []string{"basic authentication is disabled", "basic authentication is not supported"}},
	Blocked:      {final: true, words: []string{"account is blocked"}},
}

// Of returns the meaning of text.
func Of(text string) Meaning {
	text = strings.ToLower(text)
	return Meaning(max(0, slices.IndexFunc(table, func(r row) bool {
		return slices.ContainsFunc(r.words, func(words string) bool { return strings.Contains(text, words) })
	})))
}

// Words returns the words of m, in lower case.
func (m Meaning) Words() []string { return slices.Clone(table[m].words) }

// Passes reports whether time alone mends it.
func (m Meaning) Passes() bool { return table[m].passes }

// Final reports whether a person must mend it.
func (m Meaning) Final() bool { return table[m].final }

// Known returns every meaning but Unknown.
func Known() (all []Meaning) {
	for m := range table[1:] {
		all = append(all, Meaning(m+1))
	}
	return all
}

// MostBackoff is the longest time that Backoff returns.
const MostBackoff = 24 * time.Hour

// Backoff returns the time for which a server that throttles wants to be left
// alone, 0 if it names none: "Request is throttled. Suggested Backoff Time: N
// milliseconds".
func Backoff(text string) time.Duration {
	_, rest, _ := strings.Cut(strings.ToLower(text), "backoff time")
	start := strings.IndexAny(rest, plain.Digits)
	if start < 0 || start > 4 { // too far to belong together
		return 0
	}
	digits, _ := plain.Number(rest[start:])
	ms, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || ms > MostBackoff.Milliseconds() {
		return MostBackoff
	}
	return time.Duration(ms) * time.Millisecond
}
