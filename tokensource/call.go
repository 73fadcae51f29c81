package tokensource

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/journal"
)

// call is a flow under way in a goroutine of its own, and those who wait for
// it. Its context ends with the goroutine, or when the last waiter has left.
//
// A renewal is for all later callers, so its context does not end with the
// waiters; it has a deadline.
type call struct {
	source  *Source
	era     int // of the source, when the call was made
	renewal bool
	cancel  context.CancelFunc // of the flow's context

	// Guarded by source.mu.
	waiters  int
	deadline time.Time // the latest of the waiters'
	patient  bool      // one of them had none
	failed   error     // of the last try

	// Set before done is closed.
	answered sync.Once
	done     chan struct{}
	token    *token
	err      error
}

// newCall begins a call. It is called with mu held. The call has the values of
// the caller's context but not its end, for others may join.
func (s *Source) newCall(ctx context.Context, renewal bool) *call {
	c := &call{source: s, era: s.era, renewal: renewal, done: make(chan struct{})}
	ctx = context.WithoutCancel(ctx)
	if renewal {
		ctx, c.cancel = context.WithTimeoutCause(ctx, renewalLimit, errRenewalLimit)
	} else {
		ctx, c.cancel = context.WithCancel(ctx)
	}
	go c.run(ctx)
	return c
}

var errRenewalLimit = fmt.Errorf("the token was not renewed within %v", renewalLimit)

// run finishes the call even if the flow ends its goroutine or panics, so that
// nobody waits for ever.
func (c *call) run(ctx context.Context) {
	ctx, release := journal.Hold(ctx)
	if c.renewal {
		defer time.AfterFunc(renewalLimit+renewalGrace, func() { c.giveUp(context.WithoutCancel(ctx)) }).Stop()
	}
	var t *token
	err := errNoResult
	defer func() {
		c.source.finish(ctx, c, t, err)
		c.cancel()
		release()
	}()
	t, err = c.source.flow().token(ctx, c.pause)
}

// giveUp answers in the place of a flow that goes on after its context has
// ended, in a function, a Cache or a transport of others. A token that it
// brings in the end is kept.
func (c *call) giveUp(ctx context.Context) {
	ctx, release := journal.Hold(ctx)
	defer release()
	c.source.finish(ctx, c, nil, fmt.Errorf("tokensource: no token for %s: %w", c.source.flow().of().name, errIgnoresContext))
}

// errIgnoresContext is remembered as one that may pass.
var errIgnoresContext = fmt.Errorf("a function, a Cache or a transport goes on although its context has ended: %w", context.DeadlineExceeded)

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

// answer tells the waiters the result.
func (c *call) answer(t *token, err error) {
	c.answered.Do(func() {
		c.token, c.err = t, err
		close(c.done)
	})
}

// wait returns the result of the call, or the error of ctx as soon as that
// ends.
func (c *call) wait(ctx context.Context) (*token, error) {
	select {
	case <-c.done:
		return c.token, c.err
	case <-ctx.Done():
		ended := fmt.Errorf("tokensource: no token for %s: %w", c.source.flow().of().name, ctxerr.Of(ctx))
		if failed := c.leave(); failed != nil {
			ended = fmt.Errorf("%w; before that: %w", ended, failed)
		}
		return nil, ended
	}
}

// leave cancels the call with the last of those who wait for it. It returns why
// the call took so long, if a try has failed.
func (c *call) leave() (failed error) {
	s := c.source
	s.mu.Lock()
	defer s.mu.Unlock()
	c.waiters--
	if c.waiters > 0 || c.renewal {
		return c.failed
	}
	c.cancel()
	if s.call == c {
		s.call = nil
	}
	return c.failed
}

// pause is the call's pauseFunc. One waiter who has the time is enough; the
// others leave when theirs is over.
func (c *call) pause(ctx context.Context, d time.Duration, failed error) bool {
	c.source.mu.Lock()
	c.failed = failed
	worth := c.renewal || c.patient || time.Until(c.deadline) > d
	c.source.mu.Unlock()
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		worth = false
	}
	return worth && ctxerr.Sleep(ctx, d)
}
