package ctxerr

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestOf(t *testing.T) {
	gaveUp := errors.New("gave up")
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := Of(ctx); err != nil {
		t.Errorf("%v while the context lives", err)
	}
	cancel(gaveUp)
	if err := Of(ctx); !errors.Is(err, context.Canceled) || !errors.Is(err, gaveUp) {
		t.Errorf("%v, want both the error and its cause", err)
	}
}

func TestOr(t *testing.T) {
	own := errors.New("own")
	ctx, cancel := context.WithCancel(t.Context())
	if err := Or(ctx, own); err != own {
		t.Errorf("error %v, want %v", err, own)
	}
	cancel()
	if err := Or(ctx, own); err != context.Canceled {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if !Sleep(ctx, time.Second) || time.Since(start) != time.Second {
			t.Errorf("slept for %v", time.Since(start))
		}
		if Sleep(ctx, time.Hour) || time.Since(start) != time.Minute {
			t.Errorf("slept for %v, beyond its context", time.Since(start))
		}
		if Sleep(ctx, 0) {
			t.Error("slept under a context that has ended")
		}
	})
}

// The race detector of Go 1.26 crashes if two goroutines of a bubble read timers
// that are due.
func TestSleepNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sleepers sync.WaitGroup
		for range 8 {
			sleepers.Go(func() {
				for range 10000 {
					if !Sleep(t.Context(), 0) {
						t.Error("did not sleep under a context that is good")
					}
				}
			})
		}
		sleepers.Wait()
	})
}

func TestCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, own := NewCalls(), errors.New("own")
		var undone atomic.Int64
		if err := calls.Do(t.Context(), func() error { return own }, nil); err != own {
			t.Errorf("error %v, want that of f", err)
		}
		hang := make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 16 {
			go calls.Do(ctx, func() error { <-hang; return nil }, func() { undone.Add(1) })
			synctest.Wait()
		}
		start := time.Now()
		if err := calls.Do(ctx, func() error { return nil }, nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("one call too many: error %v after %v", err, time.Since(start))
		}
		hang <- struct{}{}
		synctest.Wait()
		if err := calls.Do(t.Context(), func() error { return nil }, nil); err != nil || undone.Load() != 1 {
			t.Errorf("error %v after a call has come back, %d undone", err, undone.Load())
		}
		close(hang)
		synctest.Wait()
		if undone.Load() != 16 {
			t.Errorf("%d undone, want 16", undone.Load())
		}
	})
}
