package smtpdial

import (
	"sync"
	"time"
)

// maxOutage is for how long a dial that failed stands for others at the most.
// The tries of one message take longer in all.
const maxOutage = 15 * time.Second

// outage remembers a dial that failed. For a while nobody else dials: all that
// need a client are told of that failure, however many they are. The while grows
// as the next ones fail too, and is over when whoever dialled has backed off. The
// zero value is a server that answers.
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
