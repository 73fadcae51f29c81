package dial

import (
	"math/rand/v2"
	"time"
)

// Backoff returns the pause after a failure, counted from 1. The pause doubles
// from first up to most. Up to half of it is left out at random, so that the
// callers that one outage has cut off do not come back in step.
func Backoff(failure int, first, most time.Duration) time.Duration {
	pause := min(first<<min(failure-1, 10), most)
	return pause/2 + rand.N(pause/2+1)
}
