// Package clock has a clock that a test moves, and waits by it.
package clock

import (
	"sync/atomic"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/broadcast"
)

// A Clock is the machine's, moved forward. It may be used by several goroutines
// at once, and must be made by [New].
type Clock struct {
	offset  atomic.Int64
	moved   broadcast.Signal
	stopped chan struct{}
}

// New returns a clock that shows the machine's time.
func New() *Clock { return &Clock{stopped: make(chan struct{})} }

// Now returns the time on the clock.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// Advance moves the clock forward by d, and wakes who waited for a time that
// has come by that.
func (c *Clock) Advance(d time.Duration) {
	c.offset.Add(int64(d))
	c.moved.Notify()
}

// Wait returns when the clock shows the time, or gone is closed, or the clock
// is stopped. A nil gone never is.
func (c *Clock) Wait(until time.Time, gone <-chan struct{}) {
	for {
		moved := c.moved.Next()
		left := until.Sub(c.Now())
		if left <= 0 {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-moved:
		case <-gone:
			left = 0
		case <-c.stopped:
			left = 0
		}
		timer.Stop()
		if left == 0 {
			return
		}
	}
}

// Stopped returns a channel that Stop closes.
func (c *Clock) Stopped() <-chan struct{} { return c.stopped }

// Stop ends every Wait, and those to come. The clock still shows the time. It
// must be called once at most.
func (c *Clock) Stop() { close(c.stopped) }
