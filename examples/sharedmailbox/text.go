package main

import (
	"bytes"
	"io"
	"mime"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-message/charset"
)

// wordDecoder decodes the encoded words of subjects and names (RFC 2047) in
// every character set that real mail uses. Without the reader go-imap knows
// only UTF-8, ISO-8859-1 and ASCII.
var wordDecoder = &mime.WordDecoder{CharsetReader: charset.Reader}

// summary returns the date, the author and the subject of a message in 76
// columns. The date is the author's word for it, or where there is none the
// day on which the message arrived.
func summary(msg *imapclient.FetchMessageBuffer) string {
	env := msg.Envelope
	if env == nil {
		env = new(imap.Envelope)
	}
	date := env.Date
	if date.IsZero() {
		date = msg.InternalDate
	}
	return fit(date.Format(time.DateOnly), 10) + "  " + fit(sender(env), 20) + "  " + strings.TrimRight(fit(subject(env), 42), " ")
}

// subject returns the subject of a message in a form that is safe to print.
func subject(env *imap.Envelope) string {
	if s := printable(env.Subject); s != "" {
		return s
	}
	return "(no subject)"
}

// sender returns who wrote a message in a form that is safe to print: the
// name of the first author, or the address where there is no name. Sender
// stands in where From is missing.
func sender(env *imap.Envelope) string {
	for _, list := range [][]imap.Address{env.From, env.Sender} {
		for i := range list {
			if name := printable(list[i].Name); name != "" {
				return name
			}
			// The marks that begin and end a group have none.
			if addr := printable(list[i].Addr()); addr != "" {
				return addr
			}
		}
	}
	return "(no sender)"
}

// printable returns s, which came from outside, as one line that may go to a
// terminal: valid UTF-8 without control characters, so without escape
// sequences, and without the invisible characters that reverse or hide text.
// Bytes that are not UTF-8 are read as Windows-1252, which is what programs
// that send unencoded headers mostly mean.
func printable(s string) string {
	var b strings.Builder
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			r = windows1252()[s[0]]
		}
		s = s[size:]
		switch {
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case unicode.Is(unicode.Cf, r):
		case !unicode.IsPrint(r):
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// windows1252 returns the character for each byte of that character set.
var windows1252 = sync.OnceValue(func() []rune {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	in, err := charset.Reader("windows-1252", bytes.NewReader(all))
	if err != nil {
		panic(err) // go-message has it
	}
	out, err := io.ReadAll(in)
	if err != nil {
		panic(err)
	}
	return []rune(string(out))
})

// fit returns s in exactly n columns of a terminal, n at least 1: padded with
// spaces, or cut and ended with "…".
func fit(s string, n int) string {
	cut, width := 0, 0
	for i, r := range s {
		if width <= n-1 {
			cut = i
		}
		if width += columns(r); width > n {
			s = s[:cut]
			return s + "…" + strings.Repeat(" ", n-1-textWidth(s))
		}
	}
	return s + strings.Repeat(" ", n-width)
}

func textWidth(s string) int {
	n := 0
	for _, r := range s {
		n += columns(r)
	}
	return n
}

// columns returns how many columns terminals give to r, after the Unicode
// Standard Annex 11: 2 for East Asian wide characters and emoji, 0 for marks
// that combine with the character before them.
func columns(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r < 0x1100:
		return 1
	case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana),
		0x3000 <= r && r <= 0x303e, // CJK punctuation
		0xff01 <= r && r <= 0xff60, // full-width forms
		0x1f300 <= r && r <= 0x1faff:
		return 2
	}
	return 1
}
