// Package imapline takes commands of IMAP apart, and writes what stands in answers
// (RFC 3501 section 9).
package imapline

import (
	"regexp"
	"strconv"
	"strings"
)

// Parse splits a command line. tag is empty if there is none that could be
// answered to, by go-imap's server neither (RFC 3501 §9).
func Parse(line string) (tag, verb, args string) {
	tag, rest, _ := strings.Cut(line, " ")
	verb, args, _ = strings.Cut(rest, " ")
	notTag := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\]+`, r) }
	if tag == "" || verb == "" || strings.ContainsFunc(tag, notTag) {
		return "", "", ""
	}
	return tag, strings.ToUpper(verb), args
}

var literalPattern = regexp.MustCompile(`\{([0-9]{1,18})(\+?)\}$`)

// Literal returns the size of the literal that line announces, and whether
// the client waits to be asked for it (RFC 3501 §4.3, RFC 7888).
func Literal(line []byte) (size int64, sync, ok bool) {
	if len(line) == 0 || line[len(line)-1] != '}' {
		return 0, false, false
	}
	m := literalPattern.FindSubmatch(line)
	if m == nil {
		return 0, false, false
	}
	size, err := strconv.ParseInt(string(m[1]), 10, 64)
	return size, len(m[2]) == 0, err == nil
}

// CutAstring takes an astring (RFC 3501 §9) off the front of a command in
// which each literal follows its announcement without a line's end.
func CutAstring(s string) (value, rest string, ok bool) {
	switch {
	case strings.HasPrefix(s, `"`):
		return cutQuoted(s[1:])
	case strings.HasPrefix(s, "{"):
		head, tail, found := strings.Cut(s, "}")
		size, _, isLiteral := Literal([]byte(head + "}"))
		if !found || !isLiteral || size > int64(len(tail)) {
			return "", "", false
		}
		return tail[:size], tail[size:], true
	}
	value, _, _ = strings.Cut(s, " ")
	return value, s[len(value):], value != ""
}

// cutQuoted is CutAstring for what follows an opening quote.
func cutQuoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
