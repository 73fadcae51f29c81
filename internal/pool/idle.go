package pool

import (
	"slices"
	"sync"
	"time"
)

// idleFor is how long a client may be idle before it is closed, which is sooner
// than the server would close it. A server waits for at least five minutes (RFC
// 5321 §4.5.3.2.7), which is also the default of Exchange
// (https://learn.microsoft.com/powershell/module/exchange/set-receiveconnector).
const idleFor = 4 * time.Minute

// Client is a client of a server.
type Client interface {
	// Quit says goodbye and closes the connection.
	Quit()
}

// Idle is a stack of clients that nobody uses, each until it has been there for
// idleFor. The zero value is empty.
type Idle[C Client] struct {
	mu      sync.Mutex // guards what follows
	clients []*kept[C] // the newest last
	closed  bool       // until somebody asks for a client, as in net/http
}

type kept[C Client] struct {
	client C
	since  time.Time   // when it became idle
	timer  *time.Timer // closes it after idleFor
}

// Get returns the client that was used last, and the time when it became idle.
func (i *Idle[C]) Get() (client C, since time.Time, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = false
	for last := len(i.clients) - 1; last >= 0; last-- {
		k := i.clients[last]
		i.clients = i.clients[:last]
		if k.timer.Stop() {
			return k.client, k.since, true
		}
	}
	return client, since, false
}

// Put keeps a client, or closes it if nobody has asked for one since Close.
func (i *Idle[C]) Put(client C) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		go client.Quit()
		return
	}
	k := &kept[C]{client: client, since: time.Now()}
	k.timer = time.AfterFunc(idleFor, func() { i.drop(k) })
	i.clients = append(i.clients, k)
}

// drop forgets and closes a client whose time is up.
func (i *Idle[C]) drop(k *kept[C]) {
	i.mu.Lock()
	i.clients = slices.DeleteFunc(i.clients, func(other *kept[C]) bool { return other == k })
	i.mu.Unlock()
	k.client.Quit()
}

// Close closes the clients.
func (i *Idle[C]) Close() {
	i.mu.Lock()
	clients := i.clients
	i.clients, i.closed = nil, true
	i.mu.Unlock()
	var leaving sync.WaitGroup
	for _, k := range clients {
		if k.timer.Stop() {
			leaving.Go(k.client.Quit)
		}
	}
	leaving.Wait()
}
