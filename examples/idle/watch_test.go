package main

import (
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"
)

// Whatever a stranger calls himself, a line of the terminal is one line of
// text.
func TestSummary(t *testing.T) {
	for _, row := range []struct{ name, host, subject, want string }{
		{"words", "example.com", "Invoice é 漢 ✓", "x@example.com|Invoice é 漢 ✓"},
		{"escape sequence", "\x1b[2Jexample.com", "\x1b]0;owned\a", "x@\uFFFD[2Jexample.com|\uFFFD]0;owned\uFFFD"},
		{"C1 control", "\u009b31m", "\u009b2J", "x@\uFFFD31m|\uFFFD2J"},
		{"line ends", "example.com\r\n2026-11-28 00:00  ceo", "a\nb", "x@example.com\uFFFD\uFFFD2026-11-28 00:00  ceo|a\uFFFDb"},
		{"Unicode line ends", "example.com\u2028", "a\u2029b\u0085", "x@example.com\uFFFD|a\uFFFDb\uFFFD"},
		{"bidi controls", "\u202emoc.elpmaxe", "\u2066a\u2069\u200f\u061c", "x@\uFFFDmoc.elpmaxe|\uFFFDa\uFFFD\uFFFD\uFFFD"},
		{"zero width", "exam\u200bple.com", "a\ufeffb\u00ad", "x@exam\uFFFDple.com|a\uFFFDb\uFFFD"},
		{"tags", "example.com", "a\U000e0041", "x@example.com|a\uFFFD"},
		{"invalid UTF-8", "ex\xffample.com", "a\xe2\x82", "x@ex\uFFFDample.com|a\uFFFD"},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := summary(&imap.Envelope{Date: time.Now(), From: []imap.Address{{Mailbox: "x", Host: row.host}}, Subject: row.subject})
			if got := m.from + "|" + m.subject; got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
			for _, text := range []string{m.date, m.from, m.subject} {
				for _, r := range text {
					if !unicode.IsPrint(r) {
						t.Errorf("%q", text)
					}
				}
				if !utf8.ValidString(text) {
					t.Errorf("%q", text)
				}
			}
		})
	}
}
