// Package pasted hides the secrets in the words of others, such as a log that
// somebody has pasted. Nobody says what the secrets are: they are known by what
// stands around them. [plain.Secrets] finds those that are known.
package pasted

import (
	"iter"
	"regexp"
	"strings"

	"github.com/exoauth/exoauth/internal/plain"
)

// Conceal returns text with everything hidden that looks like a secret: what
// the tables find, the answers to a challenge, and what [plain.Opaque] hides.
// It leaves ids, names of hosts, addresses, scopes, the numbers of Entra ID and
// the replies of servers alone. Its cost is linear in the text.
func Conceal(text string) string {
	hide := make(plain.Mask, len(text))
	hide.CoverOpaque(text)
	var s session
	for start, line := range split(text, lineBreak()) {
		for _, r := range secrets {
			r.mark(line, hide[start:])
		}
		for _, n := range namings {
			n.mark(line, hide[start:])
		}
		for at, turn := range split(line, turnBreak()) {
			s.mark(turn, hide[start+at:])
		}
	}
	return hide.Blot(text)
}

var (
	lineBreak = expression(`[\r\n]+()`)
	// turnBreak is what a side stops at: a line end that is escaped, the mark of
	// the other side, or a reply.
	turnBreak = expression(`\\r\\n|(?:^|\s)({reply}|[CS]:(?:\s|$))`)
)

// split returns the parts of a text that are not empty, and where they start.
// The group of a separator belongs to the part after it.
func split(text string, separator *regexp.Regexp) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		start := 0
		for _, m := range separator.FindAllStringSubmatchIndex(text, -1) {
			if start < m[0] && !yield(start, text[start:m[0]]) {
				return
			}
			if start = m[1]; m[2] >= 0 {
				start = m[2]
			}
		}
		if start < len(text) {
			yield(start, text[start:])
		}
	}
}

// mark hides the groups of matches, and reports whether there are any.
func (r *row) mark(line string, hide plain.Mask) (found bool) {
	for _, m := range r.find().FindAllStringSubmatchIndex(line, -1) {
		if from, to := group(m); from < to {
			hide.Cover(from, to)
			found = true
		}
	}
	return found
}

// group returns where the group of a match is that took part, if one did.
func group(m []int) (from, to int) {
	for i := 2; i < len(m); i += 2 {
		if m[i] >= 0 {
			return m[i], m[i+1]
		}
	}
	return 0, 0
}

// longestName is how much is read of a name, from its end.
const longestName = 40

// mark hides the values of names. A name within such a value is none.
func (n *naming) mark(line string, hide plain.Mask) {
	end, group := 0, 2*n.find().SubexpIndex("name")
	for _, m := range n.find().FindAllStringSubmatchIndex(line, -1) {
		name, rest := line[m[group]:m[group+1]], line[m[1]:]
		if m[0] < end || !n.is(name[max(0, len(name)-longestName):], rest) {
			continue
		}
		from, to := n.value(line, m)
		end = m[1] + to
		if !n.random || isRandom(rest[from:to]) {
			hide.Cover(m[1]+from, end)
		}
	}
}

var (
	quoted  = expression(`^{quoted}`)
	noValue = expression(`^(?:\{|{reply})`)
	lineEnd = expression(`{next}|\s{reply}`)
	wordEnd = expression(`\s|[{quotes}](?:[\s,;:)\]}>&\\]|$)|{next}`)
)

// value returns where the value is in what follows a match. An object of JSON is
// none, nor is a reply.
func (n *naming) value(line string, m []int) (from, to int) {
	rest := line[m[1]:]
	if q := quoted().FindStringSubmatchIndex(rest); q != nil {
		return group(q)
	}
	if noValue().MatchString(rest) {
		return 0, 0
	}
	end := wordEnd()
	if i := 2 * n.find().SubexpIndex("end"); i > 0 && m[i] >= 0 {
		end = lineEnd()
		if mark := line[m[i]:m[i+1]]; len(mark) == 1 && strings.Contains("\"'`<", mark) {
			rest, _, _ = strings.Cut(rest, mark)
		}
	}
	if e := end.FindStringIndex(rest); e != nil {
		rest = rest[:e[0]]
	}
	return 0, len(rest)
}
