package smtpdial

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// idle is a stack of clients that nobody uses, each until it has been there
// for idleFor. The zero value is empty.
type idle struct {
	mu      sync.Mutex // guards what follows
	clients []*kept    // the newest last
	closed  bool
}

// kept is a client that a Sender keeps.
type kept struct {
	*smtp.Client
	dialled *attempt
	used    time.Time   // when it became idle
	timer   *time.Timer // closes it when it has been idle for long
}

// get returns the client that was used last, nil where there is none.
func (i *idle) get() *kept {
	i.mu.Lock()
	defer i.mu.Unlock()
	for last := len(i.clients) - 1; last >= 0; last-- {
		c := i.clients[last]
		i.clients = i.clients[:last]
		if c.timer.Stop() {
			return c
		}
	}
	return nil
}

// put keeps a client, or closes it after close.
func (i *idle) put(c *kept) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		c.Close()
		return
	}
	c.used = time.Now()
	c.timer = time.AfterFunc(idleFor, func() { i.drop(c) })
	i.clients = append(i.clients, c)
}

// drop forgets and closes a client whose time is up.
func (i *idle) drop(c *kept) {
	i.mu.Lock()
	i.clients = slices.DeleteFunc(i.clients, func(other *kept) bool { return other == c })
	i.mu.Unlock()
	c.Close()
}

func (i *idle) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	for _, c := range i.clients {
		if c.timer.Stop() {
			c.Close()
		}
	}
	i.clients = nil
}

// pace lets no more than most callers pass in any minute; zero is no limit.
type pace struct {
	most int

	mu     sync.Mutex  // guards passed
	passed []time.Time // when, oldest first; some may be in the future
}

// wait returns when it is the caller's turn.
func (p *pace) wait(ctx context.Context) error {
	turn := p.book(time.Now())
	if turn <= 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(turn):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// book takes the next free turn and returns how far away it is.
func (p *pace) book(now time.Time) time.Duration {
	if p.most == 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	turn := now
	if len(p.passed) >= p.most {
		if free := p.passed[len(p.passed)-p.most].Add(time.Minute); free.After(now) {
			turn = free
		}
		p.passed = append(p.passed[:0], p.passed[len(p.passed)-p.most+1:]...)
	}
	p.passed = append(p.passed, turn)
	return turn.Sub(now)
}
