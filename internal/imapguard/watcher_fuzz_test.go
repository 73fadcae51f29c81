package imapguard

import (
	"bytes"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
)

// FuzzWatcher gives a watcher whatever a server can say. What it makes of it
// does not depend on the pieces in which it comes, is what a plain program
// makes of the whole, and is what imapclient makes of it, until that gives up.
func FuzzWatcher(f *testing.F) {
	for _, seed := range []string{
		"* BYE a\r\nT1 OK\r\n", "* X {3}\r\nabc* BYE no\r\n* BYE yes\r\n", "* OK {3}\r\n* BYE yes\r\n",
		"+ {1}\n* bye\n", "* X {0+}\r\n* BYE no\r\n", "* {2}\n\n\n* BYE x\n", "\r\n* BYE\r\n", "T1 BYE {9}\n* BYE \n",
		"* 7 EXISTS\r\nT1 OK x\r\n* 8 EXISTS\r\n", "* 1 FETCH (BODY[] {12}\r\n* 7 EXISTS\r\n)\r\n* 8 EXISTS\r\n",
		"* 5 OK \"\r\n* 7 EXISTS\r\n", "* OK( {12}\r\n* 7 EXISTS\r\n", "* OK [X \r\n* 7 EXISTS\r\n] {9}\r\n* 8 EXISTS\r\n",
		"* LIST () \"/\" \"\\\"\r\n* 7 EXISTS\r\n\"\r\n* 8 EXISTS\r\n", "* LIST () \"/\" {012} \n* 7 EXISTS\r\n\r\n* 8 EXISTS\r\n",
		"* 1 FETCH (BINARY[1]<0> ~{2}\r\n* BODYSTRUCTURE ((((\"a\" \"b\" NIL NIL NIL \"c\" 1) \"mixed\"))))\r\n",
		"* 1 FETCH (BODY[HEADER.FIELDS (\"A]\" B] {2}\r\nxx)\r\n* SEARCH 1 2 3 4 5 6 7 8 9\r\n* ESEARCH (TAG \"T1\") UID ALL 1:9\r\n",
		"* 1 FETCH (ENVELOPE (NIL \"x\" ((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL NIL \"<a@b>\") FLAGS (\\Seen))\r\n* 7 EXISTS\r\n",
	} {
		f.Add(seed, uint8(3))
	}
	f.Fuzz(func(t *testing.T, said string, size uint8) {
		if len(said) > 4<<10 {
			return
		}
		n := int(size) + 1
		limits := Limits{Response: 20 + 3*n, Search: 20 + 4*n, Content: n, String: n, Literals: 1 + n/8, Depth: 1 + n/16}
		passed, broken := bounded(limits, said, len(said)+1)
		for _, n := range []int{1, 2, n} {
			if p, b := bounded(limits, said, n); p != passed || b != broken {
				t.Errorf("in pieces of %d: %q broken after %d octets, at once %q after %d", n, b, len(p), broken, len(passed))
			}
		}
		if got := overstepped(measure(passed), limits); got != "" {
			t.Errorf("passed %q, which breaks %s", passed, got)
		}
		if got := overstepped(measure(said), limits); (got != "") != (broken != "") {
			t.Errorf("%q broken, want %q", broken, got)
		}
		all := measure(said)
		for _, n := range []int{1, n, len(said) + 1} {
			if got, want := watched(said, n), heard(all); !slices.Equal(got, want) && overstepped(all, Limits{}) == "" {
				t.Errorf("in pieces of %d: heard %q, want %q", n, got, want)
			}
		}
		counts := messages(all)
		if got := messagesOfClient(said); len(got) > len(counts) || !slices.Equal(got, counts[:len(got)]) {
			t.Errorf("imapclient was told that there are %v messages, the watcher saw %v", got, counts)
		}
	})
}

// measured is one response, which may not be complete, as a program finds it
// that has all of it.
type measured struct {
	kind     string // upper case
	bye      string // the line, if it is a goodbye
	tagged   bool
	complete bool
	messages int // that exist, -1 if it does not say so

	octets, content, text, literals, depth int
}

func measure(said string) (all []measured) {
	for said != "" {
		r := reader{s: said, section: -1}
		r.read()
		all, said = append(all, r.m), said[r.at:]
	}
	return all
}

// reader reads one response.
type reader struct {
	s       string
	at      int
	m       measured
	section int // where BODY[…] has ended, -1 for nowhere
	depth   int
	fetch   bool
}

func (r *reader) read() {
	r.m.messages = -1
	if strings.HasPrefix(r.s, "+") {
		r.line()
		return
	}
	r.at = 1
	if r.m.tagged = r.s[0] != '*'; r.m.tagged {
		r.at = 0
		r.atom()
	}
	r.m.kind = r.word()
	number := 0
	if !r.m.tagged && r.m.kind != "" && isDigit(r.m.kind[0]) {
		number, _ = strconv.Atoi(r.m.kind)
		r.m.kind = r.word()
		r.fetch = r.m.kind == "FETCH"
	}
	r.m.octets = r.at
	if r.m.kind == "EXISTS" && !r.m.tagged {
		r.m.messages = number
	}
	switch status := slices.Contains([]string{"OK", "NO", "BAD", "BYE", "PREAUTH"}, r.m.kind); {
	case status || r.m.tagged:
		text := r.at
		if strings.HasPrefix(r.s[r.at:], " [") {
			r.upTo("]")
		}
		r.line()
		if r.m.kind == "BYE" && !r.m.tagged {
			bye := "* BYE" + r.s[text:r.at]
			r.m.bye = strings.TrimRight(bye[:min(len(bye), maxBye)], "\r\n")
		}
	default:
		r.data()
	}
}

func (r *reader) atom() (atom string) {
	start := r.at
	for r.at < len(r.s) && isAtomChar(r.s[r.at]) {
		r.at++
	}
	return r.s[start:r.at]
}

// word is "" if there is nothing after it.
func (r *reader) word() string {
	for r.at < len(r.s) && r.s[r.at] == ' ' {
		r.at++
	}
	word := r.atom()
	if r.at == len(r.s) {
		return ""
	}
	return strings.Map(func(c rune) rune { return rune(upper(byte(c))) }, word)
}

func (r *reader) upTo(end string) bool {
	_, after, found := strings.Cut(r.s[r.at:], end)
	r.at = len(r.s) - len(after)
	return found
}

func (r *reader) line() {
	r.m.complete = r.upTo("\n")
	r.m.octets = r.at
}

func (r *reader) data() {
	start, elsewhere := r.at, 0 // octets of literals, and those that count
	before := r.m.octets
	defer func() { r.m.octets = before + r.at - start + elsewhere }()
	for r.at < len(r.s) {
		c := r.s[r.at]
		r.at++
		switch c {
		case '"':
			r.quoted()
		case '(':
			r.depth++
			r.m.depth = max(r.m.depth, r.depth)
		case ')':
			r.depth = max(0, r.depth-1)
		case ']':
			r.section = -1
			if r.fetch && r.depth == 1 {
				r.section = r.at
			}
		case '{':
			size, isContent := r.literal()
			if size < 0 {
				continue
			}
			there := min(size, len(r.s)-r.at)
			r.at += there
			elsewhere -= there
			if r.m.literals++; isContent {
				r.m.content += size
			} else {
				r.m.text = max(r.m.text, size)
				elsewhere += size
			}
		case '\n':
			r.m.complete = true
			return
		}
	}
}

func (r *reader) quoted() {
	start := r.at
	for ; r.at < len(r.s); r.at++ {
		switch r.s[r.at] {
		case '\\':
			r.at++
		case '"':
			r.m.text = max(r.m.text, r.at-start)
			r.at++
			return
		}
	}
	r.at = len(r.s)
	r.m.text = max(r.m.text, r.at-start)
}

// literal returns the size that is announced here, -1 if there is none.
func (r *reader) literal() (size int, isContent bool) {
	isContent = r.section >= 0 && strings.Trim(r.s[r.section:r.at-1], "0123456789<> ~") == ""
	inside, after, ok := strings.Cut(r.s[r.at:], "}")
	blanks, _, ended := strings.Cut(after, "\n")
	digits := strings.ReplaceAll(inside, "+", "")
	if !ok || !ended || digits == "" || strings.Trim(digits, "0123456789") != "" || strings.Trim(blanks, " \r") != "" {
		return -1, false
	}
	r.section = -1
	r.at += len(inside) + len("}") + len(blanks) + len("\n")
	size, err := strconv.Atoi(digits)
	if err != nil || size > 1<<40 {
		size = 1 << 40
	}
	return size, isContent
}

// overstepped returns a limit that one of the responses breaks.
func overstepped(all []measured, limits Limits) string {
	b := limits.bounds()
	for _, m := range all {
		most := b.response
		if (m.kind == "SEARCH" || m.kind == "SORT") && !m.tagged {
			most = b.search
		}
		for limit, values := range map[string][2]int64{
			"Response": {int64(m.octets), most}, "Content": {int64(m.content), b.content}, "String": {int64(m.text), b.text},
			"Literals": {int64(m.literals), b.literals}, "Depth": {int64(m.depth), b.depth},
		} {
			if values[0] > values[1] {
				return limit
			}
		}
	}
	return ""
}

// heard is what a watcher hears in the responses.
func heard(all []measured) (byes []string) {
	for _, m := range all {
		if m.complete && m.bye != "" {
			byes = append(byes, m.bye)
		}
	}
	return byes
}

// messages are the numbers of messages that the responses tell.
func messages(all []measured) (counts []int) {
	for _, m := range all {
		if m.messages >= 0 {
			counts = append(counts, m.messages)
		}
	}
	return counts
}

// canned is a connection on which all has been said, the first line at once
// and the rest when a command has been sent.
type canned struct {
	net.Conn
	said *bytes.Reader
	sent chan struct{}
	once sync.Once
}

const authenticated = "* PREAUTH [CAPABILITY IMAP4rev1] x\r\n"

func (c *canned) Read(p []byte) (int, error) {
	if read := int(c.said.Size()) - c.said.Len(); read < len(authenticated) {
		return c.said.Read(p[:min(len(p), len(authenticated)-read)])
	}
	<-c.sent
	return c.said.Read(p)
}

func (c *canned) Write(p []byte) (int, error) {
	c.once.Do(func() { close(c.sent) })
	return len(p), nil
}

func (*canned) Close() error                     { return nil }
func (*canned) SetReadDeadline(time.Time) error  { return nil }
func (*canned) SetWriteDeadline(time.Time) error { return nil }

// messagesOfClient returns the numbers of messages that imapclient finds in the
// text. One of its lines may answer the command T1.
func messagesOfClient(said string) (counts []int) {
	conn := &canned{said: bytes.NewReader([]byte(authenticated + said)), sent: make(chan struct{})}
	client := imapclient.New(conn, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				counts = append(counts, int(*data.NumMessages))
			}
		},
	}})
	client.Noop()
	<-client.Closed()
	return counts
}
