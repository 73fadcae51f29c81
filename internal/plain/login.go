package plain

import (
	"slices"
	"strings"
)

// markLogin hides the login of a client in the log of a session: the arguments
// of LOGIN, AUTH, AUTHENTICATE, PASS and APOP, and the answers to a challenge.
func markLogin(text string, hide mask) {
	challenged := false
	for start := 0; start < len(text); {
		end, next := turnEnd(text, start)
		if t := newTurn(text[:end], start); len(t.said) > 0 {
			challenged = t.mark(challenged, hide)
		}
		start = next
	}
}

// turnEnd returns where the turn ends that begins at start, and where the next
// one begins: after a line end, which may be escaped, or before the mark of
// another side.
func turnEnd(text string, start int) (end, next int) {
	for i := start; i < len(text); i++ {
		switch rest := text[i+1:]; {
		case isEnd(text[i]):
			return i, i + 1
		case text[i] == '\\' && strings.HasPrefix(rest, `r\n`):
			return i, i + len(`\r\n`)
		case text[i] == ' ' && i > start && (strings.HasPrefix(rest, "C: ") || strings.HasPrefix(rest, "S: ")):
			return i, i + 1
		}
	}
	return len(text), len(text)
}

// FromClient reports whether a line of a log is marked as the client's.
func FromClient(line string) bool {
	t := newTurn(line, 0)
	return t.who == client && !t.isReply()
}

// A turn is the text that one side says at once.
type turn struct {
	text  string // up to the end of the turn
	words []word
	said  []word // those after the mark of a side
	who   side
}

type side int

const (
	anyone side = iota
	client
	server
)

// A word is a text between blanks, without a quotation mark or the b of
// Python's bytes before it.
type word struct {
	text       string
	start, end int
}

func newTurn(text string, start int) *turn {
	t := &turn{text: text, words: wordsOf(text, start)}
	t.who, t.said = speaker(t.words)
	return t
}

func wordsOf(text string, start int) (words []word) {
	for i := start; i < len(text); {
		from := span(text, i, isBlank)
		i = span(text, from, func(c byte) bool { return !isBlank(c) })
		if from < i {
			w := text[from:i]
			if strings.HasPrefix(w, "b'") || strings.HasPrefix(w, `b"`) {
				w = w[1:]
			}
			w = strings.TrimLeft(w, "'\"`")
			words = append(words, word{w, i - len(w), i})
		}
	}
	return words
}

var (
	clientMarks = []string{"C:", "CLIENT:", "SEND:", "SENT:", "SENDING:"}
	serverMarks = []string{"S:", "SERVER:", "REPLY:", "RECV:", "RECEIVED:"}
)

// speaker tells by a mark whose words they are, and which of them come after
// it.
func speaker(words []word) (who side, said []word) {
	const furthest = 12
	for i, w := range words[:min(len(words), furthest)] {
		before := ""
		if i > 0 {
			before = words[i-1].text
		}
		switch name := strings.TrimLeft(w.text, "-*"); {
		case isVerb(w.text, true):
			return anyone, words
		case name == "CLIENT" && i+3 < len(words) && words[i+1].text == "->":
			return client, words[i+3:]
		case name == "SERVER" && i+3 < len(words) && words[i+1].text == "->":
			return server, words[i+3:]
		case oneOf(name, clientMarks), isArrow(w.text, before, '>'):
			return client, words[i+1:]
		case oneOf(name, serverMarks), isArrow(w.text, before, '<'):
			return server, words[i+1:]
		}
	}
	return anyone, words
}

// isArrow knows the marks >, >>, -->, ~>, IMAP> and the like. A short one may
// be of a text, unless a line or what a log begins with is before it.
func isArrow(w, before string, head byte) bool {
	n := strings.Count(w, string(head))
	if n == 0 || len(w) > 8 || strings.TrimFunc(w, func(r rune) bool { return r == rune(head) || r == '-' || r == '~' || isAlphanumeric(byte(r)) }) != "" {
		return false
	}
	if head == '>' && w[len(w)-1] != '>' || head == '<' && w[len(w)-1] != '<' && w[0] != '<' {
		return false
	}
	return len(w) > 2 || before == "" || strings.IndexByte("0123456789)]:", before[len(before)-1]) >= 0
}

// Commands whose arguments are secret, and others.
var (
	logins = []string{"LOGIN", "AUTH", "AUTHENTICATE", "PASS", "APOP"}
	verbs  = []string{
		"EHLO", "HELO", "STARTTLS", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "QUIT", ".", "*",
		"STLS", "CAPA", "USER", "STAT", "LIST", "RETR", "DELE", "UIDL", "TOP",
		"CAPABILITY", "NAMESPACE", "NOOP", "LOGOUT", "ID", "ENABLE", "IDLE", "DONE",
		"SELECT", "EXAMINE", "STATUS", "CLOSE", "UNSELECT",
	}
	// mechanisms of SASL, which are no secret.
	mechanisms = []string{
		"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER", "NTLM", "GSSAPI", "EXTERNAL", "ANONYMOUS",
		"CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "MSN",
	}
	statuses = []string{"OK", "NO", "BAD"}
)

func isVerb(w string, ofLogin bool) bool {
	w = strings.TrimRight(w, `'"`)
	return oneOf(w, logins) || !ofLogin && oneOf(w, verbs)
}

// oneOf reports whether w is in the list, in upper or lower case.
func oneOf(w string, list []string) bool {
	return slices.ContainsFunc(list, func(one string) bool { return len(one) == len(w) && strings.EqualFold(one, w) })
}

// mark hides the secrets of the turn, which may be the answer to a challenge,
// and reports whether the next turn may be one.
func (t *turn) mark(challenged bool, hide mask) bool {
	if waits, found := t.markCommands(hide); found {
		return waits
	}
	first := t.said[0]
	if t.who == server || t.isReply() {
		return first.text == "+" || first.text == "334"
	}
	lone := len(t.said) == 1
	answers := t.who == client && lone || challenged && (t.who == client || len(t.said) == 2 || lone)
	if !answers || isVerb(first.text, false) || !lone && isVerb(t.said[1].text, false) {
		return false
	}
	hide.cover(first.start, len(t.text))
	return lone // a client that is asked for a name is asked for a password, too
}

// isReply reports whether a server's reply is what is said.
func (t *turn) isReply() bool {
	if len(t.said) == 0 {
		return false
	}
	first := t.said[0]
	code := len(first.text) >= 3 && strings.Trim(first.text[:3], "0123456789") == "" && (len(first.text) == 3 || first.text[3] == '-')
	return code || first.text == "+" || first.text == "*" && len(t.said) > 1 || isReply(t.text[first.start:])
}

// isReply reports whether a text begins as the reply of a server, or of Entra
// ID, and as no password does.
func isReply(text string) bool {
	if len(text) < 4 {
		return false
	}
	if n := len("AADSTS"); strings.HasPrefix(text, "AADSTS") {
		return len(text) > n && text[n] >= '0' && text[n] <= '9'
	}
	first, rest, _ := strings.Cut(text[:min(len(text), 64)], " ")
	second, _, _ := strings.Cut(rest, " ")
	switch {
	case first == "-ERR", first == "+OK":
		return true
	case first == "*":
		return len(second) > 1 && strings.Trim(second, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
	case text[0] >= '2' && text[0] <= '5' && len(first) >= 3:
		return isStatus(strings.TrimLeft(text[3:], " -:"))
	case first == "NO" || first == "BAD":
		return slices.Contains(logins, second) || strings.HasPrefix(second, "[")
	}
	return isTag(first) && slices.Contains(statuses, second)
}

// isStatus knows enhanced codes, such as 5.7.3 (RFC 3463).
func isStatus(text string) bool {
	return len(text) >= 5 && text[0] >= '2' && text[0] <= '5' && text[1] == '.' && text[2] >= '0' && text[2] <= '9'
}

// isTag reports whether w may be the tag of an IMAP command.
func isTag(w string) bool {
	const longest = 12
	if w == "" || len(w) > longest || span(w, 0, isAlphanumeric) < len(w) {
		return false
	}
	return len(w) == 1 || strings.ContainsAny(w, "0123456789")
}

// markCommands hides the arguments of the commands of a turn. It reports
// whether there was one, and whether it waits for a challenge.
func (t *turn) markCommands(hide mask) (waits, found bool) {
	for i := 0; i < len(t.words); i++ {
		at := t.argument(i)
		if at < 0 {
			continue
		}
		found, waits = true, at == len(t.words) || strings.HasSuffix(t.text, "}")
		for i = at; i < len(t.words) && !isReply(t.text[t.words[i].start:]); i++ {
		}
		if at < i {
			hide.cover(t.words[at].start, t.words[i-1].end)
		}
	}
	return waits, found
}

// argument returns which word is the first secret of the command that word i
// is, the number of words if it has none yet, or -1 if it is no command.
func (t *turn) argument(i int) int {
	rest := t.words[i+1:]
	if len(rest) == 0 || !oneOf(t.words[i].text, logins) {
		return -1
	}
	verb, before := strings.ToUpper(t.words[i].text), ""
	if i > 0 {
		before = strings.ToUpper(t.words[i-1].text)
	}
	if slices.Contains(statuses, before) {
		return -1
	}
	written := verb == t.words[i].text
	switch next := rest[0].text; verb {
	case "PASS", "APOP":
		if written || len(rest) == 1 && len(t.said) == 2 {
			return i + 1
		}
	case "LOGIN":
		mechanism := before == "AUTH" || before == "AUTHENTICATE" || isMechanism(next)
		if !mechanism && (written || isTag(before)) && (t.who == client || !isProse(next)) {
			return i + 1
		}
	default:
		if said := i - (len(t.words) - len(t.said)); !isMechanism(next) || !written && said > 1 {
			return -1
		}
		if len(rest) == 1 || t.who == client || !isMechanism(rest[1].text) && !isLower(rest[1].text) {
			return i + 2
		}
	}
	return -1
}

func isMechanism(w string) bool { return oneOf(w, mechanisms) }

// prose are words that follow the word LOGIN in a sentence.
var prose = []string{
	"failed", "failure", "completed", "complete", "ok", "successful", "succeeded", "denied", "disabled", "rejected", "refused",
	"is", "was", "are", "has", "not", "command", "attempt", "with", "without", "using", "to", "from", "via", "at", "on", "in",
	"and", "or", "error", "timeout", "timed", "page", "server", "name", "first", "again", "info", "invalid",
}

func isProse(w string) bool {
	return oneOf(strings.TrimRight(w, ".,:;!)'\""), prose)
}

// isLower reports whether w is a word of a sentence, which base64 hardly ever
// is.
func isLower(w string) bool {
	w = strings.TrimRight(w, ".,:;!)'\"")
	return len(w) <= 12 && strings.Trim(w, "abcdefghijklmnopqrstuvwxyz") == "" || strings.HasPrefix(w, "(")
}
