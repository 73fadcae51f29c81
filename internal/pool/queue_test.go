package pool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// inLine makes n callers wait in q, one after the other. The number of each
// comes when its turn does.
func inLine(ctx context.Context, q *Queue, n int, came chan<- int) {
	for i := range n {
		go func() {
			turn, err := q.Wait(ctx)
			if err != nil {
				return
			}
			turn.Begin()
			came <- i
			turn.Done()
		}()
		synctest.Wait()
	}
}

func TestQueueIsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &Queue{Conns: 1, PerMinute: 2}
		came := make(chan int, 20)
		inLine(t.Context(), q, 20, came)
		for want := range 20 {
			if got := <-came; got != want {
				t.Errorf("turn %d is that of caller %d", want, got)
			}
		}
	})
}

func TestQueueGivesBack(t *testing.T) {
	for name, test := range map[string]struct {
		conns, most int
		leave       func(mine *Turn)
		wait        time.Duration // for the turn of one behind
	}{
		"a turn that is not begun": {1, 1, func(mine *Turn) { mine.Done() }, 0},
		"a turn that is begun":     {1, 1, func(mine *Turn) { mine.Begin(); mine.Done() }, time.Minute},
		"a begun turn, no pace":    {1, 0, func(mine *Turn) { mine.Begin(); mine.Done() }, 0},
		"a connection, in time":    {1, 2, func(mine *Turn) { mine.Begin(); <-time.After(time.Second); mine.Done() }, time.Second},
		"the pace, not in time":    {2, 1, func(mine *Turn) { <-time.After(time.Second); mine.Begin() }, time.Second + time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &Queue{Conns: test.conns, PerMinute: test.most}
				mine, err := q.Wait(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				came := make(chan time.Duration)
				go func() {
					turn, err := q.Wait(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					turn.Done()
					came <- time.Since(start)
				}()
				synctest.Wait()
				test.leave(mine)
				if got := <-came; got != test.wait {
					t.Errorf("the next turn came after %v, want %v", got, test.wait)
				}
			})
		})
	}
}

// A turn that comes in the same moment as the end of the context is not lost.
func TestQueueTakesBackATurnThatComesTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &Queue{Conns: 1, PerMinute: 1}
		for range 1000 {
			mine, err := q.Wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				if late, err := q.Wait(ctx); err == nil {
					late.Done()
				}
				close(done)
			}()
			synctest.Wait()
			go cancel()
			mine.Done()
			<-done
		}
		if q.taken != 0 || q.unbegun != 0 || q.waiting.Len() != 0 {
			t.Errorf("%d turns are taken, %d not begun, %d wait", q.taken, q.unbegun, q.waiting.Len())
		}
	})
}
