package smtpdial

import (
	"sync"
	"time"
)

// maxOutage is the longest time for which a failed dial stands for others. It
// is shorter than the tries of one message take in all.
const maxOutage = 15 * time.Second

// outage remembers a dial that failed. For a while its error stands for other
// dials, however many there are. The while grows with each failure in a row.
// The zero outage remembers none.
type outage struct {
	mu       sync.Mutex // guards what follows
	failures int        // in a row
	until    time.Time
	err      error
}

// current returns the error that stands for a dial now, or nil.
func (o *outage) current() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Now().Before(o.until) {
		return o.err
	}
	return nil
}

// note takes the outcome of a dial. Dials that fail side by side are one
// failure.
func (o *outage) note(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		o.failures, o.until, o.err = 0, time.Time{}, nil
		return
	}
	if now := time.Now(); !now.Before(o.until) {
		o.failures++
		o.until = now.Add(min(time.Second<<min(o.failures-1, 10), maxOutage))
	}
	o.err = err
}
