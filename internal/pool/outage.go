package pool

import (
	"sync"
	"time"
)

// maxOutage is the longest time for which a failed dial stands for others. It
// is shorter than the tries of one message take in all.
const maxOutage = 15 * time.Second

// Outage remembers a dial that failed. For a while its error stands for other
// dials, however many there are. The while grows with each failure in a row.
// The zero Outage remembers none.
type Outage struct {
	mu       sync.Mutex // guards what follows
	failures int        // in a row
	until    time.Time
	err      error
}

// Current returns the error that stands for a dial now, or nil.
func (o *Outage) Current() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Now().Before(o.until) {
		return o.err
	}
	return nil
}

// Note takes the outcome of a dial. Dials that fail side by side are one
// failure.
func (o *Outage) Note(err error) {
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
