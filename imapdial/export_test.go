package imapdial

import (
	"testing"
	"time"
)

// SetPauses changes the pauses of Keep until t ends.
func SetPauses(t *testing.T, least, most, held time.Duration) {
	oldLeast, oldMost, oldHeld := minBackoff, maxBackoff, heldLong
	minBackoff, maxBackoff, heldLong = least, most, held
	t.Cleanup(func() { minBackoff, maxBackoff, heldLong = oldLeast, oldMost, oldHeld })
}
