package tokensource

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/exoauth/exoauth/internal/transport"
)

// call is a flow under way, and those who wait for it. It runs in a goroutine
// of its own, which ends when the flow returns, or in that of a caller who
// cannot leave. The flow's context ends with the goroutine, or when the last
// waiter has left; a flow that hands it to code of others sees to it that it ends
// with that.
type call struct {
	source  *Source
	era     int // of the source, when the call was made
	renewal bool
	begun   atomic.Bool
	cancel  context.CancelFunc // of the flow's context; does nothing where a caller runs it

	// Guarded by source.mu.
	waiters  int
	deadline time.Time // the latest of the waiters'
	patient  bool      // one of them had none

	// Set before done is closed.
	done  chan struct{}
	entry *entry
	err   error
}

func (s *Source) newCall(renewal bool) *call {
	return &call{source: s, era: s.era, renewal: renewal, cancel: func() {}, done: make(chan struct{})}
}

// start begins the call in a goroutine. It is called with mu held. The call has
// the values of the caller's context but not its end, for others may join.
func (c *call) start(ctx context.Context) {
	c.begun.Store(true)
	ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer c.cancel()
		c.run(ctx)
	}()
}

// run finishes the call even where the flow ends its goroutine or panics, so
// that nobody waits for ever.
func (c *call) run(ctx context.Context) {
	if c.renewal {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, renewalLimit)
		defer stop()
	}
	var g *grant
	err := errNoResult
	defer func() { c.source.finish(ctx, c, g, err) }()
	g, err = c.source.flow().token(ctx, c.pause)
}

// addWaiter counts somebody in, and notes how long they have. It is called with
// mu held.
func (c *call) addWaiter(ctx context.Context) {
	c.waiters++
	deadline, ok := ctx.Deadline()
	if !ok {
		c.patient = true
	} else if deadline.After(c.deadline) {
		c.deadline = deadline
	}
}

// addItself lets a renewal in the background go on without anybody waiting, for
// as long as it may take. It is called with mu held.
func (c *call) addItself(now time.Time) {
	c.waiters++
	c.deadline = now.Add(renewalLimit)
}

// wait returns what the call brings, or the error of ctx as soon as that ends.
// A caller whose context never ends runs the call where nobody does.
func (c *call) wait(ctx context.Context) (*entry, error) {
	if neverEnds(ctx) && c.begun.CompareAndSwap(false, true) {
		c.run(ctx)
	}
	select {
	case <-c.done:
		return c.entry, c.err
	case <-ctx.Done():
		c.leave()
		return nil, fmt.Errorf("tokensource: no token for %s: %w", c.source.flow(), transport.ContextError(ctx))
	}
}

func neverEnds(ctx context.Context) bool { return ctx.Done() == nil }

// leave cancels the call with the last of those who wait for it.
func (c *call) leave() {
	s := c.source
	s.mu.Lock()
	defer s.mu.Unlock()
	c.waiters--
	if c.waiters > 0 {
		return
	}
	c.cancel()
	if s.call == c {
		s.call = nil
	}
}

// pause is the call's pauseFunc. One waiter who has the time is enough; the
// others leave when theirs is over.
func (c *call) pause(ctx context.Context, d time.Duration) bool {
	c.source.mu.Lock()
	worth := c.patient || time.Until(c.deadline) > d
	c.source.mu.Unlock()
	if !worth {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
