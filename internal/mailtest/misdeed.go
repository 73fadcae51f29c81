package mailtest

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"
)

// DialFunc has the form of (*net.Dialer).DialContext.
type DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// MostRead is the number of octets that a server can make a dialer read in all:
// 64 KiB of a conversation, and a buffer and a record of TLS ahead, of 16 KiB
// each. The dialer keeps a line of that at a time.
const MostRead = (64 + 16 + 16) << 10

// Misdeed has dial connect to a server that does wrong, by connect, and returns
// its error. The error must come in time and contain neither control characters
// nor the secret. Dial must leave no connection and have read no more than
// MostRead. Call Misdeed in a bubble of synctest, which fails for a goroutine
// that is left.
func Misdeed(t *testing.T, connect DialFunc, secret string, dial func(context.Context, DialFunc) error) error {
	t.Helper()
	var watched Watched
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	start := time.Now()
	err := dial(ctx, watched.DialContext(connect))
	if err == nil {
		t.Fatal("no error")
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v, want no longer than the context", took)
	}
	if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < 0x20 || r == 0x7f }) || strings.Contains(err.Error(), secret) {
		t.Errorf("error %q has control characters or the token in it", err)
	}
	if watched.Dialled.Load() != watched.Closed.Load() || watched.Dialled.Load() == 0 {
		t.Errorf("%d connections, %d closed", watched.Dialled.Load(), watched.Closed.Load())
	}
	if n := watched.Read.Load(); n > MostRead {
		t.Errorf("read %d octets, want %d at the most", n, MostRead)
	}
	return err
}

// Drip sends start and then an octet each second, until the client is gone.
func Drip(p *Peer, start string) {
	p.Raw(start)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		Silence(p)
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.Raw("x")
		case <-gone:
			return
		}
	}
}

// Reset closes a connection of TCP with a reset.
func Reset(p *Peer) {
	conn := p.Conn
	if over, ok := conn.(*tls.Conn); ok {
		conn = over.NetConn()
	}
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}
