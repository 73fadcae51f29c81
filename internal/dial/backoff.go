package dial

import (
	"math/rand/v2"
	"time"
)

// Backoff returns the pause after a failure, of which failure 1 is the first. It
// doubles from first up to most, and up to half of it is randomly left out, so
// that the callers that one outage has cut off do not come back in step.
func Backoff(failure int, first, most time.Duration) time.Duration {
	pause := min(first<<min(failure-1, 10), most)
	return pause/2 + rand.N(pause/2+1)
}
