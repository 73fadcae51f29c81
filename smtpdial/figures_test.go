package smtpdial

import (
	"testing"
	"time"
)

// The figures of those who set them, and not our own.
func TestLimits(t *testing.T) {
	for name, row := range map[string]struct{ got, want any }{
		// RFC 5321 §4.5.3.1.4 and §4.5.3.1.5
		"command line": {maxCommand, 512},
		// RFC 5321 §4.5.3.2
		"MAIL and RCPT":      {commandTimeout, 5 * time.Minute},
		"DATA":               {dataTimeout, 2 * time.Minute},
		"block of a message": {blockTimeout, 3 * time.Minute},
		"end of a message":   {acceptTimeout, 10 * time.Minute},
		// Microsoft's page on SMTP client submission
		"connections":         {DefaultMaxConns, 3},
		"messages per minute": {DefaultMaxPerMinute, 30},
		// the documentation of Sender and Dialer
		"tries": {DefaultMaxTries, 6},
		"dials": {DefaultMaxDials, 64},
		"time":  {DefaultTimeout, time.Minute},
	} {
		if row.got != row.want {
			t.Errorf("%s: %v, want %v", name, row.got, row.want)
		}
	}
}
