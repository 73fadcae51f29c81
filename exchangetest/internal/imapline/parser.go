package imapline

import (
	"strconv"
	"strings"
)

// A Parser takes the arguments of a command apart, in which each literal follows
// its announcement without a line's end. After a fault nothing is found any
// more, and what is returned is zero.
type Parser struct {
	rest   string
	bad    bool
	badSet bool
}

// NewParser returns a parser for what follows a command's name.
func NewParser(args string) *Parser { return &Parser{rest: args} }

// Fail notes that the arguments are not what they should be.
func (p *Parser) Fail() { p.bad, p.rest = true, "" }

// FailSet is Fail for a set of messages.
func (p *Parser) FailSet() {
	p.badSet = p.badSet || !p.bad
	p.Fail()
}

// Bad reports whether there was a fault, and whether that is in a set of
// messages.
func (p *Parser) Bad() (bad, set bool) { return p.bad, p.badSet }

// End reports whether all was taken and found right. It is a fault if not.
func (p *Parser) End() bool {
	if p.rest != "" {
		p.Fail()
	}
	return !p.bad
}

// Try takes the text if it is next.
func (p *Parser) Try(text string) bool {
	rest, ok := strings.CutPrefix(p.rest, text)
	if ok && !p.bad {
		p.rest = rest
	}
	return ok && !p.bad
}

// Next reports whether the text is next.
func (p *Parser) Next(text string) bool { return !p.bad && strings.HasPrefix(p.rest, text) }

// Expect takes the text.
func (p *Parser) Expect(text string) {
	if !p.Try(text) {
		p.Fail()
	}
}

// SP takes a space.
func (p *Parser) SP() { p.Expect(" ") }

// span takes what has only characters that are allowed, at least one.
func (p *Parser) span(allowed func(byte) bool) string {
	n := 0
	for n < len(p.rest) && allowed(p.rest[n]) {
		n++
	}
	if n == 0 {
		p.Fail()
		return ""
	}
	text := p.rest[:n]
	p.rest = p.rest[n:]
	return text
}

func isAtomChar(c byte) bool { return c > ' ' && c < 0x7f && strings.IndexByte(`(){%*"\]`, c) < 0 }

// IsAtom reports whether a string needs no quotes.
func IsAtom(s string) bool {
	for i := range len(s) {
		if !isAtomChar(s[i]) {
			return false
		}
	}
	return s != ""
}

// Atom takes an atom.
func (p *Parser) Atom() string { return p.span(isAtomChar) }

// Name takes the name of a data item, which ends before a bracket.
func (p *Parser) Name() string {
	return strings.ToUpper(p.span(func(c byte) bool { return isAtomChar(c) && c != '[' && c != '<' }))
}

// Flag takes a flag or a keyword.
func (p *Parser) Flag() string {
	if p.Try(`\`) {
		return `\` + p.Atom()
	}
	return p.Atom()
}

// Astring takes an atom, a quoted string or a literal.
func (p *Parser) Astring() string {
	if p.Next(`"`) || p.Next("{") {
		return p.String()
	}
	return p.span(func(c byte) bool { return isAtomChar(c) || c == ']' })
}

// String takes a quoted string or a literal.
func (p *Parser) String() string {
	value, rest, ok := CutAstring(p.rest)
	if p.bad || !ok || !p.Next(`"`) && !p.Next("{") {
		p.Fail()
		return ""
	}
	p.rest = rest
	return value
}

// Mailbox takes the name of a folder.
func (p *Parser) Mailbox() string { return p.decode(p.Astring()) }

// Pattern is Mailbox for one in which an asterisk and a percent sign stand for
// other text. It may be empty.
func (p *Parser) Pattern() string {
	if p.Next(`"`) || p.Next("{") {
		return p.decode(p.String())
	}
	return p.decode(p.span(func(c byte) bool { return isAtomChar(c) || strings.IndexByte("]*%", c) >= 0 }))
}

func (p *Parser) decode(name string) string {
	text, ok := DecodeName(name)
	if !ok {
		p.Fail()
	}
	return text
}

// Number takes a number, which has 32 bits (RFC 3501 section 9).
func (p *Parser) Number() int64 {
	n, err := strconv.ParseUint(p.span(isDigit), 10, 32)
	if err != nil {
		p.Fail()
	}
	return int64(n)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// Set takes a set of messages.
func (p *Parser) Set() Set {
	if p.bad {
		return nil
	}
	set, ok := ParseSet(p.span(func(c byte) bool { return isAtomChar(c) || c == '*' }))
	if !ok {
		p.bad = false
		p.FailSet()
	}
	return set
}

// List takes a list in parentheses, of whose elements each is taken by f.
func (p *Parser) List(f func()) {
	p.Expect("(")
	if p.Try(")") {
		return
	}
	for f(); p.Try(" "); f() {
	}
	p.Expect(")")
}

// SearchKey takes the name of a search key, or a set of messages.
func (p *Parser) SearchKey() string {
	return p.span(func(c byte) bool { return isAtomChar(c) || c == '*' })
}

// TryWord takes a word, in whatever case, if it is next.
func (p *Parser) TryWord(word string) bool {
	if len(p.rest) < len(word) || !strings.EqualFold(p.rest[:len(word)], word) {
		return false
	}
	return p.Try(p.rest[:len(word)])
}
