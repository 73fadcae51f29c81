package imapdial_test

import (
	"context"
	"crypto/tls"
	"net"
	"runtime"
	"testing"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/xoauth2"
)

// idler plays a server with an open mailbox in which nothing happens.
func idler(p *mailtest.Peer) {
	for tag, verb := p.TagVerb(); tag != ""; tag, verb = p.TagVerb() {
		switch verb {
		case "CAPABILITY":
			p.Say(postAuth, tag+" OK CAPABILITY completed.")
		case "NAMESPACE":
			p.Say(namespace, tag+" OK NAMESPACE completed.")
		case "IDLE":
			p.Say("+ IDLE accepted, awaiting DONE command.")
		default:
			p.Say(tag + " OK completed.")
		}
	}
}

var exchangeLike = mailtest.OverTLS(func(p *mailtest.Peer) {
	p.Say(greeting)
	idler(p)
})

// plain is go-imap's own way to the same session.
func plain(ctx context.Context, connect func(context.Context, string, string) (net.Conn, error), config *tls.Config) (*imapclient.Client, error) {
	conn, err := connect(ctx, "tcp", mailtest.Host)
	if err != nil {
		return nil, err
	}
	over := tls.Client(conn, config)
	if err := over.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	c := imapclient.New(over, nil)
	return c, c.Authenticate(xoauth2.NewClient(mailbox, secretToken))
}

// footprint is what the process keeps: heap and stacks, and goroutines.
func footprint() (bytes, goroutines int) {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse), runtime.NumGoroutine()
}

// idleSessions opens n sessions and lets them idle. The server, which is in
// the same process, is the same for every way to dial.
func idleSessions(t testing.TB, n int, dial func() (*imapclient.Client, error)) (bytes, goroutines float64) {
	clients := make([]*imapclient.Client, n)
	idles := make([]*imapclient.IdleCommand, n)
	before, goroutinesBefore := footprint()
	for i := range clients {
		c, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		c.Caps() // go-imap asks for them in the background
		idle, err := c.Idle()
		if err != nil {
			t.Fatal(err)
		}
		clients[i], idles[i] = c, idle
	}
	after, goroutinesAfter := footprint()
	for i, c := range clients {
		c.Close()
		idles[i].Close()
	}
	return float64(after-before) / float64(n), float64(goroutinesAfter-goroutinesBefore) / float64(n)
}

func overhead(t testing.TB, n int) (plainBytes, ourBytes, plainGoroutines, ourGoroutines float64) {
	d := &imapdial.Dialer{TokenSource: staticSource(secretToken), TLSConfig: mailtest.ClientTLS(), DialContext: exchangeLike.For(t)}
	config := mailtest.ClientTLS()
	config.ServerName = mailtest.Host
	config.ClientSessionCache = tls.NewLRUClientSessionCache(0) // as a Dialer has
	plainly := func() (*imapclient.Client, error) { return plain(t.Context(), exchangeLike.For(t), config) }
	ours := func() (*imapclient.Client, error) { return d.Dial(t.Context(), mailbox) }
	idleSessions(t, 50, plainly) // what is made once
	idleSessions(t, 50, ours)
	plainBytes, plainGoroutines = idleSessions(t, n, plainly)
	ourBytes, ourGoroutines = idleSessions(t, n, ours)
	return
}

// BenchmarkIdle prints what a session that idles costs, the server's side of
// it included, here and with go-imap alone.
func BenchmarkIdle(b *testing.B) {
	for b.Loop() {
		plainBytes, ourBytes, plainGoroutines, ourGoroutines := overhead(b, 2000)
		b.ReportMetric(plainBytes, "B/session-go-imap")
		b.ReportMetric(ourBytes, "B/session")
		b.ReportMetric(plainGoroutines, "goroutines/session-go-imap")
		b.ReportMetric(ourGoroutines, "goroutines/session")
	}
}

// raceDetector is set where its own memory would be measured too.
var raceDetector bool

// An idle mailbox costs 1 KB more than with go-imap alone at the most, and no
// goroutine more.
func TestIdleOverhead(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("opens a thousand sessions, and is of no use with the race detector")
	}
	plainBytes, ourBytes, plainGoroutines, ourGoroutines := overhead(t, 500)
	const rounds = 4 // their mean counts, as the rest of the process comes and goes
	for range rounds - 1 {
		again, oursAgain, _, _ := overhead(t, 500)
		plainBytes, ourBytes = plainBytes+again, ourBytes+oursAgain
	}
	plainBytes, ourBytes = plainBytes/rounds, ourBytes/rounds
	t.Logf("go-imap %.0f B and %.2f goroutines, here %.0f B and %.2f", plainBytes, plainGoroutines, ourBytes, ourGoroutines)
	if ourBytes > plainBytes+1024 {
		t.Errorf("%.0f B a session, want no more than go-imap's %.0f and 1024", ourBytes, plainBytes)
	}
	if ourGoroutines > plainGoroutines+0.01 {
		t.Errorf("%.2f goroutines a session, want go-imap's %.2f", ourGoroutines, plainGoroutines)
	}
}

// BenchmarkDial is a full dial but for the network: TLS, authentication, and the
// mailbox proven and the capabilities fresh, which is more than Authenticate of
// go-imap does. The server's side of it is the same for all.
func BenchmarkDial(b *testing.B) {
	config := mailtest.ClientTLS()
	config.ServerName = mailtest.Host
	run := func(name string, dial func(ctx context.Context) (*imapclient.Client, error)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c, err := dial(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				c.Close()
			}
		})
	}
	d := &imapdial.Dialer{TokenSource: staticSource(secretToken), TLSConfig: mailtest.ClientTLS(), DialContext: exchangeLike.For(b)}
	quick := &imapdial.Dialer{TokenSource: d.TokenSource, TLSConfig: mailtest.ClientTLS(), DialContext: exchangeLike.For(b), SkipProbe: true}
	run("exoauth", func(ctx context.Context) (*imapclient.Client, error) { return d.Dial(ctx, mailbox) })
	run("exoauth, no probe", func(ctx context.Context) (*imapclient.Client, error) {
		return quick.Dial(ctx, mailbox)
	})
	run("go-imap, the same", func(ctx context.Context) (*imapclient.Client, error) {
		c, err := plain(ctx, exchangeLike.For(b), config)
		if err != nil {
			return nil, err
		}
		c.Caps()
		_, err = c.Namespace().Wait()
		return c, err
	})
	run("go-imap, authenticated", func(ctx context.Context) (*imapclient.Client, error) {
		return plain(ctx, exchangeLike.For(b), config)
	})
	cached := config.Clone()
	cached.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	run("go-imap, the same, TLS session cached", func(ctx context.Context) (*imapclient.Client, error) {
		c, err := plain(ctx, exchangeLike.For(b), cached)
		if err != nil {
			return nil, err
		}
		c.Caps()
		_, err = c.Namespace().Wait()
		return c, err
	})
}
