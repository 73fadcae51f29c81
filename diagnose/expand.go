package diagnose

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"github.com/exoauth/exoauth/diagnose/internal/pasted"
	"github.com/exoauth/exoauth/internal/plain"
)

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// maxValue bounds, in bytes, what a placeholder stands for.
const maxValue = 200

// expand fills in the placeholders of a text for people.
func (s *situation) expand(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	return placeholder.ReplaceAllStringFunc(text, func(p string) string {
		value, unknown := s.value(strings.Trim(p, "{}"))
		return cmp.Or(oneLine(plain.Head(value, maxValue)), unknown)
	})
}

// expandFor fills in those of a command, each value quoted so that it stays
// one argument whatever is in it: addresses and IDs come from tokens and from
// servers. A value that cannot be pasted as it is stays out: the command keeps
// its placeholder.
func (s *situation) expandFor(shell Shell, text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(p string) string {
		value, unknown := s.value(strings.Trim(p, "{}"))
		if value = strings.TrimSpace(value); !pastes(shell, value) {
			return unknown
		}
		return quote(shell, value)
	})
}

// pastes reports whether the value can be pasted into a shell safely: it is
// short and has no hidden characters. For az it needs no quotes, since the
// shells that run az quote differently.
func pastes(shell Shell, value string) bool {
	return value != "" && len(value) <= maxValue && value == plain.Line(value) &&
		(shell != AzureCLI || unquoted.MatchString(value))
}

var unquoted = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9@._-]*$`)

// quote makes value one argument of a shell. PowerShell takes the typographic
// quotes for the plain one.
func quote(shell Shell, value string) string {
	if shell == Settings || unquoted.MatchString(value) {
		return value
	}
	doubled := strings.NewReplacer("'", "''", "‘", "‘‘", "’", "’’", "‚", "‚‚", "‛", "‛‛").Replace(value)
	return "'" + doubled + "'"
}

// evidence is the text of a rule, or the line that shows what it reacts to.
func (s *situation) evidence(r *rule) string {
	if r.evidence != "" {
		return s.expand(r.evidence)
	}
	shown, at := s.words, 0
	for i, line := range s.lines {
		n := r.shows(s.lower[i])
		if n < 0 {
			continue
		}
		shown, at = line, r.shows(strings.ToLower(line))
		if at < 0 { // it is wrapped
			shown, at = s.lower[i], n
		}
		if !pasted.FromClient(line) {
			break
		}
	}
	return excerpt(shown, at)
}

// shownLength bounds, in characters, what is shown of the words of others.
const shownLength = 240

// excerpt is what is shown of a line: its beginning, if that has what matters,
// which begins at the octet at.
func excerpt(words string, at int) string {
	cut := ""
	if at > shownLength/2 && len(words) > shownLength && at < len(words) {
		start := strings.LastIndexByte(words[:at-shownLength/4], ' ') + 1
		cut, words = "…", words[start:]
	}
	words, _, _ = strings.Cut(words, "Trace ID:")
	if runes := []rune(words); len(runes) > shownLength {
		words = string(runes[:shownLength]) + "…"
	}
	return cut + strings.TrimSpace(words)
}

// link is where to read more. That of a number has the number.
func (s *situation) link(r *rule) string {
	if r.source != docAADSTS {
		return r.source
	}
	code := s.firstCode()
	if code == "" && len(r.codes) > 0 {
		code = strconv.Itoa(r.codes[0].code)
	}
	if code == "" {
		return r.source
	}
	return "https://login.microsoftonline.com/error?code=" + code
}

// tokenEvidence adds to a refusal that it is not the token's fault.
func (s *situation) tokenEvidence(r *rule, words string) string {
	refusal := r.seen == refused || r.seen == notConnected
	if !refusal || r.evidence != "" || !forExchange(s) || s.Flow == "" || lacksPermission(s) {
		return words
	}
	words = strings.TrimSuffix(words, ".") + "; the token is for Exchange and has " + s.permission()
	if of := oneLine(plain.Head(s.claims.upn, maxValue)); s.is(Delegated) && of != "" {
		words += ", and is of " + of
	}
	return words
}

var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,63}$`)

// id returns an ID that can stand within quotes, or nothing.
func id(value string) string {
	if value = strings.TrimSpace(value); idPattern.MatchString(value) {
		return value
	}
	return ""
}
