package pool

import (
	"testing"
	"time"
)

// The figures of the documentation of smtpdial and of those who set them.
func TestFigures(t *testing.T) {
	if idleFor >= 5*time.Minute {
		t.Errorf("an idle client is kept for %v, want less than a server's five minutes", idleFor)
	}
	if maxOutage != 15*time.Second {
		t.Errorf("a failure stands for %v, want 15 s", maxOutage)
	}
}
