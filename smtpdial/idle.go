package smtpdial

import (
	"context"
	"slices"
	"sync"
	"time"
)

// An idle client is taken to be alive for trustFor. After that it is asked
// before it is used, and after idleFor it is closed, before the server does so.
// A server waits for at least five minutes (RFC 5321 §4.5.3.2.7), which is also
// the default of Exchange
// (https://learn.microsoft.com/powershell/module/exchange/set-receiveconnector).
const (
	trustFor = 5 * time.Second
	idleFor  = 4 * time.Minute
)

// idle is a stack of clients that nobody uses, each until it has been there
// for idleFor. The zero value is empty.
type idle struct {
	mu      sync.Mutex // guards what follows
	clients []*kept    // the newest last
	closed  bool       // until somebody asks for a client, as in net/http
}

// kept is a client that a Sender keeps.
type kept struct {
	*session
	attempt *attempt
	refused bool        // the last message failed, and RSET has to end it
	used    time.Time   // when it became idle
	timer   *time.Timer // closes it when it has been idle for long
}

// get returns the client that was used last, or nil if there is none.
func (i *idle) get() *kept {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = false
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
		go c.quit()
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
	c.quit()
}

func (i *idle) close() {
	i.mu.Lock()
	clients := i.clients
	i.clients, i.closed = nil, true
	i.mu.Unlock()
	var leaving sync.WaitGroup
	for _, c := range clients {
		if c.timer.Stop() {
			leaving.Go(c.quit)
		}
	}
	leaving.Wait()
}

// fresh reports whether the server will take another message. It asks, unless
// one succeeded a moment ago.
func (c *kept) fresh(ctx context.Context) bool {
	switch {
	case c.refused:
		return c.ask(ctx, askTimeout, "RSET", 250) == nil
	case time.Since(c.used) < trustFor:
		return true
	}
	return c.ask(ctx, askTimeout, "NOOP", 250) == nil
}

// quit says QUIT and closes the connection without waiting for the reply.
func (c *kept) quit() {
	limit := time.AfterFunc(quitTimeout, func() { c.Close() })
	defer limit.Stop()
	defer c.Close()
	c.wire.WriteLines("QUIT")
}
