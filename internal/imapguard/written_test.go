package imapguard

import (
	"slices"
	"strings"
	"testing"
)

func TestWritten(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for name, row := range map[string]struct {
		said     string
		commands int
		logout   bool
	}{
		"command":                   {"A NOOP\r\n", 1, false},
		"two":                       {"A NOOP\r\nB NOOP\r\n", 2, false},
		"command without its end":   {"A NOOP", 0, false},
		"DONE":                      {"DONE\r\n", 0, false},
		"logout":                    {"A LOGOUT\r\n", 1, true},
		"logout in lower case":      {"A logout\n", 1, true},
		"logout, then another":      {"A LOGOUT\r\nB NOOP\r\n", 2, true},
		"more than a logout":        {"A LOGOUT x\r\n", 1, false},
		"long line":                 {"A " + long + "\r\nB LOGOUT\r\n", 2, true},
		"long line with a literal":  {"A " + long + " {10}\r\nB LOGOUT\r\n\r\n", 1, false},
		"literal":                   {"A X {10}\r\nB LOGOUT\r\n\r\n", 1, false},
		"literal, and no more":      {"A X {10+}\r\nB LOGOUT\r\n\r\nC LOGOUT\r\n", 2, true},
		"literal of an octet":       {"A X {1}\r\n\n LOGOUT\r\n", 1, false},
		"literal of nothing":        {"A X {0}\r\n LOGOUT\r\n", 1, false},
		"what goes on after one":    {"A X {1}\r\nx {1}\r\ny z\r\n", 1, false},
		"long line without its end": {"A " + long, 0, false},
		"longest tag and literal":   {"A1234567890123456 LOGOUT\r\n", 1, true},
		"longest size of a literal": {"A X" + long + " {4294967295+}\r\nB LOGOUT\r\n", 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 2, 7, 1 << 20} {
				var w written
				commands, logout := 0, false
				for piece := range slices.Chunk([]byte(row.said), size) {
					n, leaves := w.feed(piece)
					commands, logout = commands+n, logout || leaves
					if len(w.line) > maxHead+maxTail {
						t.Fatalf("in pieces of %d: keeps %d octets", size, len(w.line))
					}
				}
				if commands != row.commands || logout != row.logout {
					t.Errorf("in pieces of %d: %d commands, logout %t; want %d, %t", size, commands, logout, row.commands, row.logout)
				}
			}
		})
	}
}

// The characters of imapclient's atoms, octets beyond ASCII included.
func TestIsAtomChar(t *testing.T) {
	const chars = "!#$&'+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[^_`abcdefghijklmnopqrstuvwxyz|}~"
	for c := range 256 {
		if want := strings.IndexByte(chars, byte(c)) >= 0 || c >= 0xa0; isAtomChar(byte(c)) != want {
			t.Errorf("%#x: %t, want %t", c, !want, want)
		}
	}
}
