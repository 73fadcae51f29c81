package dial

import (
	"math"
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	for failure, whole := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 9: 256 * time.Second, 10: 5 * time.Minute, math.MaxInt: 5 * time.Minute} {
		seen := make(map[time.Duration]bool)
		for range 100 {
			pause := Backoff(failure, time.Second, 5*time.Minute)
			if seen[pause] = true; pause < whole/2 || pause > whole {
				t.Errorf("failure %d: %v, want between %v and %v", failure, pause, whole/2, whole)
			}
		}
		if len(seen) < 50 {
			t.Errorf("failure %d: %d pauses in a hundred", failure, len(seen))
		}
	}
}

// Both ends of the pause come.
func TestBackoffEnds(t *testing.T) {
	seen := make(map[time.Duration]bool)
	for range 100 {
		seen[Backoff(1, 2, 2)] = true
	}
	if len(seen) != 2 || !seen[1] || !seen[2] {
		t.Errorf("pauses of %v, want 1 ns and 2 ns", seen)
	}
}
