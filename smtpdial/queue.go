package smtpdial

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"
)

// queue hands out turns in the order in which they were asked for. A turn is
// the right to a connection and to begin one message. It counts against the
// pace only when the message is begun.
type queue struct {
	conns int // turns at a time
	most  int // messages that may be begun in any minute; zero is no limit

	mu      sync.Mutex  // guards what follows
	taken   int         // turns that are not done
	unbegun int         // those of them that have not begun a message
	begun   []time.Time // the messages of the last minute, oldest first
	waiting list.List   // of chan struct{}, each closed when its turn has come
	wake    *time.Timer // for when the pace allows the next message
}

// turn is a turn of one goroutine.
type turn struct {
	queue *queue
	begun bool
}

// queueError is the error for a turn that did not come.
type queueError struct{ conns, most, others int }

func (e *queueError) Error() string {
	pace := ""
	if e.most > 0 {
		pace = fmt.Sprintf("%d messages a minute and ", e.most)
	}
	return fmt.Sprintf("waiting in the queue of the Sender, with %d others: the limit is %s%d connections at a time", e.others, pace, e.conns)
}

// wait returns the caller's turn, or a *queueError if ctx ends before that has
// come. The place in the queue is free for those behind then.
func (q *queue) wait(ctx context.Context) (*turn, error) {
	mine := make(chan struct{})
	q.mu.Lock()
	place := q.waiting.PushBack(mine)
	q.next()
	q.mu.Unlock()
	select {
	case <-mine:
	case <-ctx.Done():
	}
	if ctx.Err() == nil {
		return &turn{queue: q}, nil
	}
	return nil, q.leave(place, mine)
}

// leave gives up a place in the queue, or the turn that has come meanwhile.
func (q *queue) leave(place *list.Element, mine <-chan struct{}) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-mine:
		q.taken--
		q.unbegun--
	default:
		q.waiting.Remove(place)
	}
	q.next()
	return &queueError{q.conns, q.most, q.waiting.Len()}
}

// next gives turns to those who have waited for longest, as many as the limits
// allow. The caller holds the lock.
func (q *queue) next() {
	now := time.Now()
	for len(q.begun) > 0 && now.Sub(q.begun[0]) >= time.Minute {
		q.begun = q.begun[1:]
	}
	for q.waiting.Len() > 0 && q.taken < q.conns && (q.most == 0 || q.unbegun+len(q.begun) < q.most) {
		close(q.waiting.Remove(q.waiting.Front()).(chan struct{}))
		q.taken++
		q.unbegun++
	}
	if q.wake != nil {
		q.wake.Stop()
		q.wake = nil
	}
	if q.waiting.Len() > 0 && q.taken < q.conns && len(q.begun) > 0 {
		q.wake = time.AfterFunc(q.begun[0].Add(time.Minute).Sub(now), func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.next()
		})
	}
}

// begin says that the message is begun.
func (t *turn) begin() {
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	t.begun = true
	q.unbegun--
	if q.most > 0 {
		q.begun = append(q.begun, time.Now())
	}
	q.next()
}

// done gives the connection back, and the message too if it was not begun.
func (t *turn) done() {
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken--
	if !t.begun {
		q.unbegun--
	}
	q.next()
}
