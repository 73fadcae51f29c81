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
