package imapdial_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

// moody is a server over TCP that does, until it is calm, what it likes.
type moody struct {
	net.Listener
	calm     atomic.Bool
	sessions sync.WaitGroup
	mu       sync.Mutex // guards the rest
	conns    map[net.Conn]bool
	closed   bool
	faults   map[string]int
}

func newMoody(t *testing.T) *moody {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &moody{Listener: listener, conns: make(map[net.Conn]bool), faults: make(map[string]int)}
	m.sessions.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			m.sessions.Go(func() { m.serve(t, conn) })
		}
	})
	return m
}

func (m *moody) close() {
	m.Listener.Close()
	m.mu.Lock()
	m.closed = true
	for conn := range m.conns {
		conn.Close()
	}
	m.mu.Unlock()
	m.sessions.Wait()
}

func (m *moody) serve(t testing.TB, conn net.Conn) {
	m.mu.Lock()
	m.conns[conn] = true
	if m.closed {
		conn.Close()
	}
	m.mu.Unlock()
	defer func() {
		conn.Close()
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.conns, conn)
	}()
	p := mailtest.NewPeer(t, conn)
	if m.strikes(8) {
		m.fault("close in the TLS handshake")
		return
	}
	if p.StartTLS() != nil {
		return
	}
	if m.strikes(8) {
		m.misbehave(p, "*")
		return
	}
	p.Say(greeting)
	for tag, verb := p.TagVerb(); tag != ""; tag, verb = p.TagVerb() {
		switch odds := 12; { // for a session of some NOOPs
		case m.strikes(odds):
			m.misbehave(p, tag)
			return
		case verb == "CAPABILITY":
			p.Say(postAuth, tag+" OK CAPABILITY completed.")
		case verb == "NAMESPACE":
			p.Say(namespace, tag+" OK NAMESPACE completed.")
		default:
			p.Say(tag + " OK completed.")
		}
	}
}

func (m *moody) strikes(odds int) bool { return !m.calm.Load() && rand.N(odds) == 0 }

func (m *moody) fault(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults[name]++
}

func (m *moody) misbehave(p *mailtest.Peer, tag string) {
	moods := map[string]func(){
		"close":                    func() {},
		"reset":                    func() { p.Conn.(*tls.Conn).NetConn().(*net.TCPConn).SetLinger(0) },
		"half a line":              func() { p.Raw(tag + " O") },
		"words that are no IMAP":   func() { p.Say(")(") },
		"BYE":                      func() { p.Say("* BYE Connection is closed. 13") },
		"BYE, token expired":       func() { p.Say("* BYE " + expired) },
		"throttled":                func() { p.Say(tag+" BAD "+throttledFor+"150 milliseconds", "* BYE Connection closed. 14") },
		"unavailable":              func() { p.Say(tag + " NO Server Unavailable. 15") },
		"silence until the client": func() { mailtest.Silence(p) },
	}
	for name, act := range moods { // the order of a map is random
		m.fault(name)
		act()
		return
	}
}

// A soak: kept mailboxes on a server of moods. In the end all must be up
// again, and nothing left over. EXOAUTH_SOAK is how long; without it, a moment.
func TestKeepSoak(t *testing.T) {
	const mailboxes = 200
	long := 2 * time.Second
	if setting := os.Getenv("EXOAUTH_SOAK"); setting != "" {
		var err error
		if long, err = time.ParseDuration(setting); err != nil {
			t.Fatalf("EXOAUTH_SOAK: %v", err)
		}
	} else if testing.Short() {
		t.Skip("EXOAUTH_SOAK is not set")
	}
	mailtest.NoLeaks(t)
	imapdial.SetPauses(t, 20*time.Millisecond, time.Second, 5*time.Second)
	server := newMoody(t)
	defer server.close()
	d := scripted(t, nil)
	d.Timeout = time.Second
	d.MaxDials = 16 // whose handshakes a busy machine makes within the second
	d.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Addr().String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var sessions atomic.Int64
	var up [mailboxes]atomic.Bool // has been since they were last asked
	allUp := func() bool {
		for n := range up {
			up[n].Store(false)
		}
		return eventually(2*time.Minute, func() bool {
			for n := range up {
				if !up[n].Load() {
					return false
				}
			}
			return true
		})
	}
	server.calm.Store(true)
	var all sync.WaitGroup
	for n := range mailboxes {
		all.Go(func() {
			err := d.Keep(ctx, mailbox, nil, func(ctx context.Context, c *imapclient.Client) error {
				sessions.Add(1)
				return live(ctx, c, func() { up[n].Store(true) })
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Keep ended with %v", err)
			}
		})
	}
	if !allUp() {
		t.Error("not all mailboxes come up")
	}
	server.calm.Store(false)
	var before, after runtime.MemStats
	<-time.After(long / 2)
	runtime.GC()
	runtime.ReadMemStats(&before)
	<-time.After(long / 2)
	runtime.GC()
	runtime.ReadMemStats(&after)
	server.calm.Store(true)
	again := allUp()
	if !again {
		t.Error("not all mailboxes are up again")
	}
	server.mu.Lock()
	t.Logf("%v: %d sessions of %d mailboxes, all up again: %t; heap %d KB half way, %d KB at the end; faults %v",
		long, sessions.Load(), mailboxes, again, before.HeapAlloc>>10, after.HeapAlloc>>10, server.faults)
	server.mu.Unlock()
	if after.HeapAlloc > 2*before.HeapAlloc {
		t.Errorf("the heap has grown from %d to %d octets", before.HeapAlloc, after.HeapAlloc)
	}
	cancel()
	all.Wait()
}

// eventually reports whether ok becomes true in time.
func eventually(within time.Duration, ok func() bool) bool {
	deadline := time.After(within)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}

// live asks again and again, and gives up on a server that is silent.
func live(ctx context.Context, c *imapclient.Client, answered func()) error {
	for {
		patience := time.AfterFunc(500*time.Millisecond, func() { c.Close() })
		err := c.Noop().Wait()
		if !patience.Stop() {
			return fmt.Errorf("%w: no answer for half a second", imapdial.ErrDialAgain)
		}
		if err != nil {
			return err
		}
		answered()
		select {
		case <-time.After(50*time.Millisecond + rand.N(50*time.Millisecond)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
