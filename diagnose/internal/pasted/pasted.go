// Package pasted hides the secrets in the words of others, such as a log that
// somebody has pasted. Nobody says what the secrets are: they are known by what
// stands around them. [plain.Secrets] finds those that are known.
package pasted

import (
	"iter"
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
	for start, line := range lines(text) {
		lower := strings.ToLower(line)
		for _, r := range secrets {
			if containsAny(lower, r.needs) {
				r.mark(line, hide[start:])
			}
		}
		squashed := separators.Replace(lower)
		secret, vague := containsAny(squashed, secretStems), containsAny(squashed, vagueNames)
		for _, n := range namings {
			if n.random && vague || !n.random && secret {
				n.mark(line, hide[start:])
			}
		}
		for at, turn := range turns(line) {
			s.mark(turn, strings.ToLower(turn), hide[start+at:])
		}
	}
	return hide.Blot(text)
}

func containsAny(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// lines returns the lines of a text that are not empty, and where they start.
func lines(text string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		for start := 0; start < len(text); {
			end := start + strings.IndexAny(text[start:]+"\n", "\r\n")
			if start < end && !yield(start, text[start:end]) {
				return
			}
			start = end + 1
		}
	}
}

// turns returns what the sides say in a line, and where they start. A side stops
// at a line end that is escaped, at the mark of the other side, or at a reply.
func turns(line string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		start, taken := 0, -1 // the blank before taken belongs to what was found
		for i := 0; i < len(line); {
			n := 0
			from, to := max(i-1, 0), i // what stands between two turns
			if strings.HasPrefix(line[i:], `\r\n`) {
				n = len(`\r\n`)
				from, to = i, i+n
			} else if i == 0 || isSpace(line[i-1]) && i != taken {
				n = begins(line[i:])
			}
			if n == 0 {
				i++
				continue
			}
			i += n
			taken = i
			if start < from && !yield(start, line[start:from]) {
				return
			}
			start = to
		}
		if start < len(line) {
			yield(start, line[start:])
		}
	}
}

func isSpace(c byte) bool { return strings.IndexByte(" \t\n\f\r", c) >= 0 }

var (
	atReply = expression(`^{reply}`)
	// replyWords follow the tag of a reply.
	replyWords = []string{"OK", "NO", "BAD"}
)

// begins returns the length of the reply, or of the mark of a side, that a text
// begins with, and 0 if there is none.
func begins(text string) int {
	if (text[0] == 'C' || text[0] == 'S') && strings.HasPrefix(text[1:], ":") && (len(text) == 2 || isSpace(text[2])) {
		return min(len(text), 3)
	}
	word, rest, _ := strings.Cut(text, " ")
	if !mayReply(word) && !startsWith(rest, replyWords) {
		return 0
	}
	m := atReply().FindStringIndex(text)
	if m == nil {
		return 0
	}
	return m[1]
}

// mayReply reports whether a reply may begin with a word, apart from its tag.
func mayReply(word string) bool {
	switch {
	case word == "":
		return false
	case word[0] >= '2' && word[0] <= '5', strings.IndexByte("-+*", word[0]) >= 0:
		return true
	}
	return word == "NO" || word == "BAD" || strings.HasPrefix(word, "AADSTS")
}

func startsWith(text string, words []string) bool {
	for _, w := range words {
		if strings.HasPrefix(text, w) {
			return true
		}
	}
	return false
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
