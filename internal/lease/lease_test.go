package lease

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

var errAway = errors.New("the server is away")

// Each row is a lease of 9 s that is renewed every 3 s, by a server that
// answers with the nth error, or the last one.
func TestHold(t *testing.T) {
	gone := fmt.Errorf("%w: another has it", ErrLost)
	for name, row := range map[string]struct {
		answers []error
		hangs   int           // the first so many renewals hang
		taken   time.Duration // so long ago
		lost    time.Duration // after so long; 0 if it is kept
		cause   error
	}{
		"renewed":                     {answers: []error{nil}},
		"gone at the first renewal":   {answers: []error{gone}, lost: 3 * time.Second, cause: gone},
		"gone at the third":           {answers: []error{nil, nil, gone}, lost: 9 * time.Second, cause: gone},
		"never renewed":               {answers: []error{errAway}, lost: 9 * time.Second, cause: errAway},
		"renewed once":                {answers: []error{nil, errAway}, lost: 12 * time.Second, cause: errAway},
		"away for two renewals":       {answers: []error{errAway, errAway, nil}, lost: 9 * time.Second, cause: errAway},
		"away for one renewal":        {answers: []error{errAway, nil}},
		"hangs":                       {hangs: 1, answers: []error{nil}, lost: 9 * time.Second, cause: context.DeadlineExceeded},
		"took 4 s to be taken":        {taken: 4 * time.Second, answers: []error{errAway}, lost: 5 * time.Second, cause: errAway},
		"took longer than it is good": {taken: 10 * time.Second, answers: []error{nil}, lost: time.Nanosecond, cause: errLate},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				terms := Terms{Time: 9 * time.Second, Every: 3 * time.Second, Lost: func(err error) error { return err }}
				terms.Renew = func(ctx context.Context) error {
					if n++; n <= row.hangs {
						<-ctx.Done()
						return ctx.Err()
					}
					return row.answers[min(n, len(row.answers))-1]
				}
				start := time.Now()
				held, release := terms.Hold(t.Context(), start.Add(-row.taken))
				select {
				case <-held.Done():
				case <-time.After(time.Hour):
				}
				if lost := time.Since(start); row.lost == 0 && held.Err() != nil || row.lost != 0 && lost.Round(time.Second) != row.lost.Round(time.Second) {
					t.Errorf("ended after %v, %v", lost, context.Cause(held))
				}
				if cause := context.Cause(held); !errors.Is(cause, row.cause) || row.lost != 0 && !errors.Is(cause, ErrLost) {
					t.Errorf("cause %v, want that of %v", cause, row.cause)
				}
				release()
				release()
				if held.Err() == nil {
					t.Error("held is good after its release")
				}
				synctest.Wait()
				before := n
				time.Sleep(time.Minute)
				if n != before {
					t.Error("renewed after its release")
				}
			})
		})
	}
}

// A renewal that is under way when the lease is released has no say any more,
// and is waited for.
func TestReleaseWhileRenewing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		renewed := false
		terms := Terms{
			Time: 9 * time.Second, Every: 3 * time.Second,
			Renew: func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Second)
				renewed = true
				return ErrLost
			},
			Lost: func(err error) error { return err },
		}
		held, release := terms.Hold(t.Context(), time.Now())
		time.Sleep(4 * time.Second)
		release()
		if !renewed {
			t.Error("the renewal was not waited for")
		}
		if cause := context.Cause(held); errors.Is(cause, ErrLost) {
			t.Errorf("cause %v after a release", cause)
		}
	})
}

// The renewal outlives its caller's cancellation: until its release the lease is
// still held, by a context that has ended.
func TestCallerHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		terms := Terms{
			Time: 9 * time.Second, Every: 3 * time.Second,
			Renew: func(context.Context) error { n++; return nil },
			Lost:  func(err error) error { return err },
		}
		ctx, cancel := context.WithCancel(t.Context())
		held, release := terms.Hold(ctx, time.Now())
		cancel()
		if held.Err() == nil {
			t.Error("held is good although its parent has ended")
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n != 3 {
			t.Errorf("renewed %d times in 10 s", n)
		}
		release()
	})
}
