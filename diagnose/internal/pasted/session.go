package pasted

import (
	"strings"

	"github.com/exoauth/exoauth/internal/plain"
)

// A session is what a client and a server say in turn.
type session struct {
	challenged bool // the next turn may be an answer
}

var (
	side      = expression(`^(?:({client})|({server}))`)
	answered  = expression(`^(?:\d{3}(?:[\s-]|$)|\+(?:\s|$)|\*\s+\S|{reply})`)
	challenge = expression(`^(?:334|\+)(?:\s|$)`)
	// waits is a command that goes on after an answer of the server.
	waits = expression(`(?:^|[\s{quotes}])(?i:(?:AUTH|AUTHENTICATE)\s+{mechanism}|LOGIN\s.*\})\s*$`)
	login = expression(`(?i:LOGIN|AUTH|AUTHENTICATE|PASS|APOP)\s`)
	// command is one that is no answer to a challenge.
	command = expression(`^(?:\S+\s+)?(?i:LOGIN|AUTH|AUTHENTICATE|PASS|APOP|EHLO|HELO|STARTTLS|MAIL|RCPT|DATA|BDAT|RSET|QUIT|\.|\*|` +
		`STLS|CAPA|USER|STAT|LIST|RETR|DELE|UIDL|TOP|CAPABILITY|NAMESPACE|NOOP|LOGOUT|ID|ENABLE|IDLE|DONE|` +
		`SELECT|EXAMINE|STATUS|CLOSE|UNSELECT)[{quotes}]*(?:\s|$)`)
)

var (
	// sides are in each mark of a side, in lower case.
	sides = []string{"c:", "s:", "client", "server", "send", "sent", "reply", "recv", "received", ">", "<"}
	// logsIn are in each command that logs in.
	logsIn = []string{"login", "auth", "pass", "apop"}
)

// FromClient reports whether a line of a log is marked as the client's.
func FromClient(line string) bool {
	said, client, _ := speaker(line, strings.ToLower(line))
	return client && !answered().MatchString(line[said:])
}

// speaker returns where what is said begins, and whose words the mark before it
// says they are.
func speaker(turn, lower string) (said int, client, server bool) {
	var m []int
	if containsAny(lower, sides) {
		m = side().FindStringSubmatchIndex(turn)
	}
	if m == nil {
		return len(turn) - len(strings.TrimLeft(turn, " \t")), false, false
	}
	return m[1], m[2] >= 0, m[4] >= 0
}

// mark hides the login in a turn, or the answer to a challenge.
func (s *session) mark(turn, lower string, hide plain.Mask) {
	start, client, server := speaker(turn, lower)
	said := turn[start:]
	words := len(strings.Fields(said))
	answers := client && words == 1 || s.challenged && (client || words <= 2)
	waits := containsAny(lower, logsIn) && waits().MatchString(turn)
	switch {
	case markLogin(turn, lower, hide) || waits:
		s.challenged = waits
	case words == 0:
	case server, answered().MatchString(said):
		s.challenged = challenge().MatchString(said)
	case answers && !command().MatchString(said):
		hide.Cover(start, len(turn))
		s.challenged = words == 1 // a client that is asked for a name is asked for a password, too
	default:
		s.challenged = false
	}
}

// markLogin hides the arguments of a command, and reports whether there are any.
func markLogin(turn, lower string, hide plain.Mask) (found bool) {
	if !containsAny(lower, logsIn) || !login().MatchString(turn) {
		return false
	}
	for _, r := range logins {
		if containsAny(lower, r.needs) {
			found = r.mark(turn, hide) || found
		}
	}
	return found
}
