package mailtest

import (
	"testing"
	"time"
)

// CheckCost fails the test unless the odd call takes at most so many times as
// long as the usual one. The least of up to a hundred runs counts, since a
// machine may be busy.
func CheckCost(t *testing.T, atMost time.Duration, usual, odd func()) {
	t.Helper()
	best := [2]time.Duration{time.Hour, time.Hour}
	for range 100 {
		for i, f := range []func(){usual, odd} {
			start := time.Now()
			f()
			best[i] = min(best[i], time.Since(start))
		}
		if best[1] <= atMost*best[0] {
			return
		}
	}
	t.Errorf("%v, and what is usual takes %v", best[1], best[0])
}
