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
		"a connection, in time":    {1, 2, func(mine *Turn) { mine.Begin(); time.Sleep(time.Second); mine.Done() }, time.Second},
		"the pace, not in time":    {2, 1, func(mine *Turn) { time.Sleep(time.Second); mine.Begin() }, time.Second + time.Minute},
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
				if test.most == 0 && len(q.begun) > 0 {
					t.Errorf("%d messages are remembered, and there is no pace", len(q.begun))
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

// ended is a context that has ended, although nobody was told yet.
type ended struct{ context.Context }

func (ended) Done() <-chan struct{} { return nil }
func (ended) Err() error            { return context.Canceled }

// A turn that comes too late for one is that of the next.
func TestQueuePassesATurnOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &Queue{Conns: 1}
		mine, err := q.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		go q.Wait(ended{t.Context()})
		synctest.Wait()
		came := make(chan int, 1)
		inLine(t.Context(), q, 1, came)
		mine.Done()
		synctest.Wait()
		if len(came) != 1 {
			t.Error("the turn was lost")
		}
	})
}

// A caller that gives up says how many others wait, and keeps no place.
func TestQueueError(t *testing.T) {
	for name, row := range map[string]struct {
		queue *Queue
		want  string
	}{
		"with a pace":    {&Queue{Conns: 1, PerMinute: 30}, "waiting in the queue of the Sender, with 1 others: the limit is 30 messages a minute and 1 connections at a time"},
		"one a minute":   {&Queue{Conns: 1, PerMinute: 1}, "waiting in the queue of the Sender, with 1 others: the limit is 1 messages a minute and 1 connections at a time"},
		"without a pace": {&Queue{Conns: 1}, "waiting in the queue of the Sender, with 1 others: the limit is 1 connections at a time"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mine, err := row.queue.Wait(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				gaveUp := make(chan error, 1)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				go func() {
					_, err := row.queue.Wait(ctx)
					gaveUp <- err
				}()
				synctest.Wait()
				came := make(chan int, 1)
				inLine(t.Context(), row.queue, 1, came)
				if err := <-gaveUp; err == nil || err.Error() != row.want {
					t.Errorf("error %q, want %q", err, row.want)
				}
				mine.Done()
				if synctest.Wait(); len(came) != 1 {
					t.Error("the one that gave up has kept its place")
				}
			})
		})
	}
}

// A turn goes to the first whose deadline leaves the time that the last message
// took, or else to the one with the latest deadline.
func TestQueueAndDeadlines(t *testing.T) {
	const took = 10 * time.Second
	for name, row := range map[string]struct {
		left []time.Duration // of those that wait; zero is no deadline
		want int
	}{
		"enough for all":         {[]time.Duration{11 * time.Second, 20 * time.Second}, 0},
		"too little for one":     {[]time.Duration{9 * time.Second, 20 * time.Second}, 1},
		"just too little":        {[]time.Duration{took, 20 * time.Second}, 1},
		"just enough":            {[]time.Duration{took + 1, 20 * time.Second}, 0},
		"no deadline":            {[]time.Duration{9 * time.Second, 0}, 1},
		"too little for all":     {[]time.Duration{5 * time.Second, 9 * time.Second, 7 * time.Second}, 1},
		"the same for all":       {[]time.Duration{5 * time.Second, 5 * time.Second}, 0},
		"no deadline comes last": {[]time.Duration{20 * time.Second, 0}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &Queue{Conns: 1}
				last, err := q.Wait(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				last.Begin()
				time.Sleep(took)
				last.Sent()
				came := make(chan int, len(row.left))
				for i, left := range row.left {
					ctx := t.Context()
					if left > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, left)
						defer cancel()
					}
					go func() {
						if turn, err := q.Wait(ctx); err == nil {
							came <- i
							turn.Done()
						}
					}()
					synctest.Wait()
				}
				last.Done()
				if got := <-came; got != row.want {
					t.Errorf("the turn is that of caller %d, want %d", got, row.want)
				}
			})
		})
	}
}

// A Queue has a timer only for one that waits for the pace.
func TestQueueKeepsNoTimer(t *testing.T) {
	for name, row := range map[string]struct {
		conns, waiting int
		want           bool
	}{
		"nobody waits":               {2, 0, false},
		"one waits for the pace":     {2, 1, true},
		"one waits for a connection": {1, 1, false},
		"nobody waits, or could":     {1, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &Queue{Conns: row.conns, PerMinute: 1}
				mine, err := q.Wait(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				mine.Begin()
				inLine(t.Context(), q, row.waiting, make(chan int, 1))
				if got := q.wake != nil; got != row.want {
					t.Errorf("a timer: %t, want %t", got, row.want)
				}
				mine.Done()
			})
		})
	}
}
