package plain

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// Opaque returns text with everything hidden that looks like a token, an Entra
// client secret or the base64 of a login, whatever stands around it. It leaves
// ids and the names of hosts alone. Its cost is linear in the text.
func Opaque(text string) string {
	hide := make(Mask, len(text))
	hide.CoverOpaque(text)
	return hide.Blot(text)
}

// CoverOpaque hides what [Opaque] hides.
func (m Mask) CoverOpaque(text string) {
	for i := 0; i < len(text); {
		start := span(text, i, func(c byte) bool { return !isOpaque(c) })
		end := runEnd(text, start)
		if host := hostEnd(text, start, end); secretRun(text[:start], text[host:end], text[end:]) {
			m.Cover(host, end)
		}
		i = max(end, start+1)
	}
}

// span returns the index of the first octet from i on for which is is false.
func span(text string, i int, is func(byte) bool) int {
	for i < len(text) && is(text[i]) {
		i++
	}
	return i
}

// isOpaque reports whether an octet may be in a token, base64 or a secret.
func isOpaque(c byte) bool { return isAlphanumeric(c) || strings.IndexByte("+/_~.-", c) >= 0 }

// runEnd returns where a run ends that begins at i: with its padding, and for
// the tokens of personal accounts with the characters that only those have.
func runEnd(text string, i int) int {
	is := isOpaque
	if personal(text[i:]) {
		is = func(c byte) bool { return isOpaque(c) || strings.IndexByte("!*$", c) >= 0 }
	}
	return span(text, span(text, i, is), func(c byte) bool { return c == '=' })
}

// personal knows the tokens and codes of personal accounts, such as
// M.C513_BAY.0.U.-Cn.
func personal(run string) bool {
	pool, _, ok := strings.Cut(run[:min(len(run), 16)], "_")
	return ok && len(pool) > 3 && pool[:2] == "M." && pool[2] >= 'A' && pool[2] <= 'Z' && Only(pool[3:], Digits)
}

// hostEnd returns where the path of a URL begins.
func hostEnd(text string, start, end int) int {
	if !strings.HasPrefix(text[start:end], "//") || !strings.HasSuffix(text[:start], ":") {
		return start
	}
	if n := strings.IndexByte(text[start+2:end], '/'); n >= 0 {
		return start + 2 + n
	}
	return end
}

// minToken is the length from which a run that is no word is taken for a token.
const minToken = 32

// secretRun reports whether a run is secret by itself, by the text around it, or
// since the rest of it was found to be.
func secretRun(before, run, after string) bool {
	switch {
	case run == "":
		return false
	case strings.HasSuffix(before, Redacted), strings.HasPrefix(after, Redacted), isNamedToken(before), personal(run):
		return true
	case strings.HasPrefix(run, "eyJ") && len(run) > 10, strings.Contains(run, "/eyJ"), strings.Contains(run, "Q~") && len(run) > 20:
		return true
	case strings.HasSuffix(before, "auth=Bearer "), strings.HasSuffix(before, "earer ") && bearer(run, after), strings.HasSuffix(before, "asic ") && strings.Contains(unbase64(run), ":"):
		return true
	case len(run) < minToken:
		login := unbase64(run)
		return strings.Contains(login, "\x00") || strings.HasPrefix(login, "user=") || strings.HasPrefix(login, "n,a=")
	}
	return !isThumbprint(run) && !isLocalPart(before, after) && !IsWords(run)
}

// isNamedToken reports whether a text ends in the name of a token, as a member
// of JSON or a parameter of a form.
func isNamedToken(before string) bool {
	before = before[max(0, len(before)-16):]
	name := strings.TrimRight(before, "\"':= ")
	return strings.HasSuffix(strings.ToLower(name), "_token") && strings.ContainsAny(before[len(name):], ":=")
}

// bearer reports whether the text after "Bearer" is neither prose nor a
// parameter.
func bearer(run, after string) bool {
	return (len(run) >= 24 || strings.ContainsAny(run, "0123456789")) && !strings.HasPrefix(after, "=")
}

// unbase64 returns the text that run is base64 of, "" if it is none. Only the
// zeros and ones of a login stand in it besides what is printable.
func unbase64(run string) string {
	run = strings.TrimRight(run, "=")
	text, err := base64.RawStdEncoding.DecodeString(run)
	if err != nil {
		text, err = base64.RawURLEncoding.DecodeString(run)
	}
	control := func(r rune) bool { return r > 1 && r < ' ' || r == 0x7f }
	if err != nil || len(run) < 6 || !utf8.Valid(text) || bytes.ContainsFunc(text, control) {
		return ""
	}
	return string(text)
}

// isThumbprint knows how Entra ID writes that of a certificate.
func isThumbprint(run string) bool { return len(run) == 40 && Only(run, Digits+"ABCDEF") }

// isLocalPart reports whether a text stands before the "@" of an address or of
// the id of a message.
func isLocalPart(before, after string) bool {
	return strings.HasPrefix(after, "@") && (before == "" || strings.ContainsAny(before[len(before)-1:], "<\" \t\r\n"))
}

// IsWords reports whether a text is a name, path, id or date: it has nothing in
// it that is longer than a word and no word.
func IsWords(run string) bool {
	for part := range strings.FieldsFuncSeq(run, func(r rune) bool { return !isAlphanumeric(byte(r)) }) {
		if !isWord(part) {
			return false
		}
	}
	return true
}

// isWord knows words by their case: NAMPRD21, eurprd04 and one group of an id,
// AuthenticationFailedException, IMAP4rev1.
func isWord(part string) bool {
	var lower, upper, digits, humps, numbers int
	last := byte(0)
	for i := range len(part) {
		switch c := part[i]; {
		case c >= 'a':
			lower++
		case c >= 'A':
			upper++
			if last >= 'a' {
				humps++
			}
		default:
			digits++
			if last > '9' || last == 0 {
				numbers++
			}
		}
		last = part[i]
	}
	switch {
	case lower == 0 && digits > 0:
		return len(part) <= 16 || upper == 0 && digits <= 20
	case upper == 0 && digits > 0:
		return len(part) <= 12 || numbers == 1 && len(part) <= 20
	}
	return len(part) <= 40 && numbers <= 2 && (humps+1)*4 <= len(part)+3
}
