// Package pool shares a few connections, and a number of messages a minute,
// among many callers: their turns, the connections that nobody uses, and the
// memory of a failure to connect.
package pool

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"
)

// Queue hands out turns in the order in which they were asked for. A turn is
// the right to a connection and to begin one message. It counts against the
// pace only when the message is begun. Set the fields before the first Wait.
type Queue struct {
	Conns     int // turns at a time
	PerMinute int // messages that may be begun in any minute; zero is no limit

	mu      sync.Mutex    // guards what follows
	taken   int           // turns that are not done
	unbegun int           // those of them that have not begun a message
	begun   []time.Time   // the messages of the last minute, oldest first
	waiting list.List     // of *waiter
	took    time.Duration // from the beginning of the last message that was sent to the reply
	wake    *time.Timer   // for the message after the last one that the pace allows
}

// waiter is a call that waits for its turn.
type waiter struct {
	turn     chan struct{} // closed when the turn has come
	deadline time.Time     // zero for none
}

// Turn is the turn of one goroutine.
type Turn struct {
	queue *Queue
	begun time.Time
}

// QueueError reports that a turn did not come.
type QueueError struct{ conns, most, others int }

// Error names the limits and the number of callers that wait.
func (e *QueueError) Error() string {
	pace := ""
	if e.most > 0 {
		pace = fmt.Sprintf("%d messages a minute and ", e.most)
	}
	return fmt.Sprintf("waiting in the queue of the Sender, with %d others: the limit is %s%d connections at a time", e.others, pace, e.conns)
}

// Wait returns the caller's turn, or a *QueueError if ctx ends before that has
// come. The place in the queue is free for those behind then.
func (q *Queue) Wait(ctx context.Context) (*Turn, error) {
	me := &waiter{turn: make(chan struct{})}
	me.deadline, _ = ctx.Deadline()
	q.mu.Lock()
	place := q.waiting.PushBack(me)
	q.next()
	q.mu.Unlock()
	select {
	case <-me.turn:
	case <-ctx.Done():
	}
	if ctx.Err() == nil {
		return &Turn{queue: q}, nil
	}
	return nil, q.leave(place, me)
}

// leave gives up a place in the queue, or the turn that has come meanwhile.
func (q *Queue) leave(place *list.Element, me *waiter) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-me.turn:
		q.taken--
		q.unbegun--
	default:
		q.waiting.Remove(place)
	}
	q.next()
	return &QueueError{q.Conns, q.PerMinute, q.waiting.Len()}
}

// first returns the waiter that gets the next turn: the one that has waited for
// longest, without those whose deadline would break off a message that takes as
// long as the last one. If all are such, it is the one with the latest
// deadline. There must be a waiter, and the caller holds the lock.
func (q *Queue) first(now time.Time) *list.Element {
	best := q.waiting.Front()
	for place := best; place != nil; place = place.Next() {
		deadline := place.Value.(*waiter).deadline
		if deadline.IsZero() || deadline.Sub(now) > q.took {
			return place
		}
		if deadline.After(best.Value.(*waiter).deadline) {
			best = place
		}
	}
	return best
}

// next gives turns to those who are first, as many as the limits allow. The
// caller holds the lock.
func (q *Queue) next() {
	now := time.Now()
	for len(q.begun) > 0 && now.Sub(q.begun[0]) >= time.Minute {
		q.begun = q.begun[1:]
	}
	for q.waiting.Len() > 0 && q.taken < q.Conns && (q.PerMinute == 0 || q.unbegun+len(q.begun) < q.PerMinute) {
		close(q.waiting.Remove(q.first(now)).(*waiter).turn)
		q.taken++
		q.unbegun++
	}
	if q.wake != nil {
		q.wake.Stop()
		q.wake = nil
	}
	if q.waiting.Len() > 0 && q.taken < q.Conns && len(q.begun) > 0 {
		q.wake = time.AfterFunc(q.begun[0].Add(time.Minute).Sub(now), func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.next()
		})
	}
}

// Begin reports that the message is begun.
func (t *Turn) Begin() {
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	t.begun = time.Now()
	q.unbegun--
	if q.PerMinute > 0 {
		q.begun = append(q.begun, t.begun)
	}
	q.next()
}

// Sent reports that the server has accepted the message.
func (t *Turn) Sent() {
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	q.took = time.Since(t.begun)
}

// Done gives the connection back, and the message too if it was not begun.
func (t *Turn) Done() {
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken--
	if t.begun.IsZero() {
		q.unbegun--
	}
	q.next()
}
