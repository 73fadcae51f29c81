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
		// of Dialer
		"dials": {DefaultMaxDials, 64},
		"time":  {DefaultTimeout, time.Minute},
		"pace":  {failurePace, time.Second},
	} {
		if row.got != row.want {
			t.Errorf("%s: %v, want %v", name, row.got, row.want)
		}
	}
}
