package imapdial

import (
	"testing"
	"time"
)

// The figures of the documentation and of those who set them.
func TestLimitsOfTime(t *testing.T) {
	for name, row := range map[string]struct{ got, want any }{
		// the documentation of Keep
		"first pause":                   {minBackoff, time.Second},
		"longest pause":                 {maxBackoff, 5 * time.Minute},
		"session that resets the pause": {heldLong, 10 * time.Second},
		"server that throttles":         {maxThrottle, 15 * time.Minute},
		"silence of a server":           {answerGrace, 10 * time.Minute},
		// of Dialer
		"dials": {DefaultMaxDials, 64},
		"time":  {DefaultTimeout, time.Minute},
		"pace":  {failurePace, time.Second},
		// a server may take its time to leave
		"after a goodbye": {byeGrace, 10 * time.Second},
		// a goodbye is a line of at least 80 octets of text (RFC 9051 §7.1.5), and
		// "{4294967295+}" with its CR is 14
		"goodbye": {maxBye >= 80, true},
		"literal": {maxTail >= len("{4294967295+}\r"), true},
	} {
		if row.got != row.want {
			t.Errorf("%s: %v, want %v", name, row.got, row.want)
		}
	}
}
