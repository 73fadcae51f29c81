package imapguard

import (
	"testing"
	"time"
)

// The figures of the documentation of imapdial and of those who set them.
func TestFigures(t *testing.T) {
	for name, row := range map[string]struct{ got, want any }{
		"silence of a server": {answerGrace, 10 * time.Minute},
		// a server may take its time to leave
		"after a goodbye": {byeGrace, 10 * time.Second},
		// a goodbye is a line of at least 80 octets of text (RFC 9051 §7.1.5), and
		// "{4294967295+}" with its CR is 14
		"goodbye": {maxBye >= 80, true},
		// Limits of imapdial
		"limits":  {*Limits{}.bounds(), bounds{response: 1 << 20, search: 8 << 20, content: 256 << 20, text: 64 << 10, literals: 10_000, depth: 300}},
		"literal": {maxTail >= len("{4294967295+}\r"), true},
	} {
		if row.got != row.want {
			t.Errorf("%s: %v, want %v", name, row.got, row.want)
		}
	}
}
