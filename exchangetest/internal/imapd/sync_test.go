package imapd

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A babbler makes up commands, which are complete and for the most part make no
// sense.
type babbler struct{ *rand.Rand }

func (b babbler) one(of ...string) string { return of[b.IntN(len(of))] }

// text is what stands in a string: other commands, too.
func (b babbler) text() string {
	return b.one("", "x", "INBOX", "Drafts", "*", "T9 NOOP\r\n", "\r\n", "{3+}", "{3}\r\n", `"`, `\`, "(", ")", "T9 LOGOUT\r\nT9 NOOP", "\x00", "é")
}

func (b babbler) arg() string {
	switch text := b.text(); b.IntN(7) {
	case 0, 1:
		return fmt.Sprintf("{%d+}\r\n%s", len(text), text)
	case 2:
		return `"` + strings.NewReplacer("\r\n", "", `\`, `\\`, `"`, `\"`).Replace(text) + `"`
	case 3:
		return "(" + b.one("", `\Seen`, "FLAGS", "UID", "MESSAGES", "BODY[]") + ")"
	case 4:
		return b.one("1", "1:*", "2", "0", "*", "4294967296")
	case 5:
		return b.one("ALL", "SEEN", "FLAGS", "+FLAGS", "UID", "SUBJECT", "NOT", "OR", "BODY[]", "CHARSET", "US-ASCII")
	}
	return b.one("INBOX", "Drafts", `""`, `"*"`, `"`, `"x`, "{", "}", "{x}", "(", "x{1+}\r\ny", "[", "\\")
}

// command returns a command that any parser can find the end of: what a client
// must not send at the end of a line is made harmless.
func (b babbler) command(tag string) string {
	verb := b.one("NOOP", "CAPABILITY", "ID", "LOGIN", "AUTHENTICATE", "SELECT", "EXAMINE", "LIST", "LSUB", "STATUS", "CREATE", "DELETE", "RENAME",
		"SUBSCRIBE", "APPEND", "FETCH", "STORE", "SEARCH", "COPY", "MOVE", "EXPUNGE", "UID", "UID FETCH", "UID SEARCH", "CLOSE", "UNSELECT", "NAMESPACE", "CHECK", "XYZZY", "STARTTLS")
	words := []string{tag, verb}
	for range b.IntN(5) {
		words = append(words, b.arg())
	}
	return strings.Join(words, " ") + "\r\n"
}

var taggedPattern = regexp.MustCompile(`(?m)^(T\d+) (?:OK|NO|BAD) `)

// Each command of an authenticated session is answered once, in the order in
// which they were sent, whatever is in its strings, or the session ends.
func FuzzIMAPInStep(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed)
	}
	s, tenant := newServer(f)
	f.Fuzz(func(t *testing.T, seed uint64) {
		b := babbler{rand.New(rand.NewPCG(seed, 0))}
		var input strings.Builder
		var sent []string
		for i := range 1 + b.IntN(9) {
			sent = append(sent, fmt.Sprint("T", i+10))
			input.WriteString(b.command(sent[i]))
		}
		output := converse(s, newMailbox(t, tenant), input.String())
		var answered []string
		for _, m := range taggedPattern.FindAllStringSubmatch(output, -1) {
			answered = append(answered, m[1])
		}
		ended := strings.Contains(output, "* BYE ")
		if n := len(answered); n > len(sent) || !slices.Equal(answered, sent[:n]) || n < len(sent) && !ended {
			t.Errorf("sent %q\n got %q", input.String(), output)
		}
	})
}
