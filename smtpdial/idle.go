package smtpdial

import (
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
