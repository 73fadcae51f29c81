// Package plain makes the text of others fit to be shown. A server, a proxy or
// a library may echo a secret, control a terminal or forge a line of a log, so
// all of their text that this library shows passes through here on its way out.
// Nothing passes through here on its way in: a protocol is parsed as it came.
package plain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line returns s as one line of printable text: white space becomes a space,
// and control and format characters (among them those that change the direction
// of text) and invalid UTF-8 become U+FFFD.
func Line(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// Head returns the first n bytes of s, less if they end within a character.
func Head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
