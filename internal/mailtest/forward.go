package mailtest

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Forwarder is a TCP forwarder that delays each direction by a fixed time, as
// a long cable does: it keeps the order and adds nothing for the bytes.
type Forwarder struct {
	Addr  string // where it listens
	Delay time.Duration

	turns atomic.Int64
	ended chan struct{}
}

// NewForwarder forwards to addr until t ends.
func NewForwarder(t testing.TB, addr string, delay time.Duration) *Forwarder {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &Forwarder{Addr: listener.Addr().String(), Delay: delay, ended: make(chan struct{})}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { f.forward(client, addr) })
		}
	})
	t.Cleanup(func() {
		close(f.ended)
		listener.Close()
		running.Wait()
	})
	return f
}

// Waits returns how often the client has waited for the server: the number of
// round trips so far. The connection counts once, so does a server that
// greets first, and so does each time the client speaks after the server did.
func (f *Forwarder) Waits() int { return int(f.turns.Load()) }

func (f *Forwarder) forward(client net.Conn, addr string) {
	defer client.Close()
	server, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer server.Close()
	f.turns.Add(1) // SYN and its answer
	var asked, answered atomic.Bool
	answered.Store(true)
	var last atomic.Int64 // time of the last turn
	turn := func() {
		// A client that has seen the first half of an answer may speak
		// already, as TLS does. That is no wait of its own.
		now := time.Now().UnixNano()
		if then := last.Load(); now-then >= int64(2*f.Delay) && last.CompareAndSwap(then, now) {
			f.turns.Add(1)
		}
	}
	fromClient := func() (extra time.Duration) {
		asked.Store(true)
		if answered.Swap(false) {
			turn()
		}
		return 0
	}
	fromServer := func() (extra time.Duration) {
		if !asked.Swap(true) { // it greets when the client's ACK has come over the cable
			turn()
			return f.Delay
		}
		return 0
	}
	var both sync.WaitGroup
	both.Go(func() { f.pump(client, server, fromClient, func() {}) })
	both.Go(func() { f.pump(server, client, fromServer, func() { answered.Store(true) }) })
	both.Wait()
}

// piece is what came in one read, and when it is to be delivered.
type piece struct {
	data []byte
	due  time.Time
}

// pump copies from one side to the other, each piece delay after it was read,
// and closes both when either ends.
func (f *Forwarder) pump(from, to net.Conn, read func() (extra time.Duration), delivered func()) {
	pieces := make(chan piece, 1024)
	go func() {
		defer close(pieces)
		for {
			buf := make([]byte, 32<<10)
			n, err := from.Read(buf)
			if n > 0 {
				pieces <- piece{buf[:n], time.Now().Add(f.Delay + read())}
			}
			if err != nil {
				return
			}
		}
	}()
	f.deliver(pieces, to, delivered)
	from.Close()
	to.Close()
	for range pieces { // the reader ends with its connection
	}
}

func (f *Forwarder) deliver(pieces <-chan piece, to net.Conn, delivered func()) {
	for p := range pieces {
		select {
		case <-time.After(time.Until(p.due)):
		case <-f.ended:
			return
		}
		delivered()
		if _, err := to.Write(p.data); err != nil {
			return
		}
	}
}
