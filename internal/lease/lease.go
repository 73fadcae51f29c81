// Package lease keeps what others give for a time, and tells its holder when it
// is lost.
package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
)

// ErrLost says that somebody else has what was held, or can get it. It passes
// by itself: the holder can ask for it again.
var ErrLost error = lost{}

type lost struct{}

func (lost) Error() string   { return "the lease was lost" }
func (lost) Retryable() bool { return true }

// errLate is why a lease ends for which no renewal has failed.
var errLate = errors.New("this process stood still")

// Terms are those of a lease.
type Terms struct {
	// Time is how long the lease is good for after it was taken or renewed.
	Time time.Duration
	// Every is the pause between renewals.
	Every time.Duration
	// Renew makes the lease good for Time again, and returns an error that
	// wraps ErrLost if it is gone. Any other error leaves it as it is. Its
	// context ends with the lease.
	Renew func(ctx context.Context) error
	// Lost makes of an error what [context.Cause] of the holder's context is.
	Lost func(err error) error
}

// Hold renews a lease, which was asked for at the time taken, until release.
// held is derived from ctx. It ends when the lease is lost: at the latest when
// Time has passed since the beginning of the last renewal that succeeded.
// release waits for a renewal that is under way, and may be called more than
// once.
func (t Terms) Hold(ctx context.Context, taken time.Time) (held context.Context, release func()) {
	held, end := context.WithCancelCause(ctx)
	stop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var renewing sync.WaitGroup
	renewing.Go(func() {
		if err := t.keep(stop, taken); err != nil {
			end(t.Lost(err))
		}
	})
	return held, func() {
		cancel()
		renewing.Wait()
		end(nil)
	}
}

// keep returns nil when ctx ends, and before that the reason of the loss.
func (t Terms) keep(ctx context.Context, taken time.Time) error {
	failed := errLate
	for good := taken.Add(t.Time); ; {
		if !ctxerr.Sleep(ctx, min(t.Every, time.Until(good))) {
			return nil
		}
		begun := time.Now()
		if !begun.Before(good) {
			return fmt.Errorf("%w: no renewal in time: %w", ErrLost, failed)
		}
		limited, cancel := context.WithDeadline(ctx, good)
		err := t.Renew(limited)
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrLost):
			return err
		case err == nil:
			good, failed = begun.Add(t.Time), errLate
		default:
			failed = err
		}
	}
}
