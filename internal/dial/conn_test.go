package dial

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/mailtest"
)

func dial(t *testing.T, ctx context.Context, play mailtest.Script) *Conn {
	t.Helper()
	conn, err := Dial(ctx, play.For(t), "mail.example.com:993")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestContextClosesUntilRelease(t *testing.T) {
	for name, test := range map[string]struct {
		release bool
		want    time.Duration // when a pending Read ends
	}{
		"before release": {false, time.Second},
		"after release":  {true, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				conn := dial(t, ctx, func(p *mailtest.Peer) {
					defer time.AfterFunc(time.Minute, func() { p.Close() }).Stop()
					mailtest.Silence(p)
				})
				defer conn.Close()
				if test.release && !conn.Release() {
					t.Fatal("closed before the context ended")
				}
				start := time.Now()
				conn.Read(make([]byte, 1))
				if took := time.Since(start); took != test.want {
					t.Errorf("Read took %v, want %v", took, test.want)
				}
				if open := conn.Release(); open != test.release {
					t.Errorf("Release %t, want %t", open, test.release)
				}
			})
		})
	}
}

// closer is a connection that counts its Closes. Each takes a second.
type closer struct {
	net.Conn
	begun, done atomic.Int64
}

func (c *closer) Close() error {
	c.begun.Add(1)
	time.Sleep(time.Second)
	c.done.Add(1)
	return nil
}

func (c *closer) dial(context.Context, string, string) (net.Conn, error) { return c, nil }

func TestReleaseWaitsForTheClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		inner := new(closer)
		release := Guard(ctx, inner)
		cancel()
		if release() || inner.done.Load() != 1 {
			t.Errorf("closed %d times, want once before Release", inner.done.Load())
		}
	})
}

// A connection that was closed is left alone when its context ends.
func TestCloseReleases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		inner := new(closer)
		conn, err := Dial(ctx, inner.dial, "a:1")
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		cancel()
		synctest.Wait()
		if n := inner.begun.Load(); n != 1 {
			t.Errorf("closed %d times, want once", n)
		}
	})
}

// half is a connection that takes no more than three octets.
type half struct{ net.Conn }

func (half) Write(p []byte) (int, error) { return min(len(p), 3), nil }
func (half) Close() error                { return nil }

func TestTaken(t *testing.T) {
	conn, err := Dial(t.Context(), func(context.Context, string, string) (net.Conn, error) { return half{}, nil }, "a:1")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{1, 2, 2, 3} {
		io.WriteString(conn, []string{"abc", "", "abcd", "a"}[i])
		if got := conn.Taken(); got != want {
			t.Errorf("%d Writes are taken whole after %d, want %d", got, i+1, want)
		}
	}
}

func TestDialOverTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := Dial(t.Context(), nil, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestDialWithoutConnection(t *testing.T) {
	_, err := Dial(t.Context(), func(context.Context, string, string) (net.Conn, error) { return nil, nil }, "a:1")
	if err == nil || !strings.Contains(err.Error(), "neither a connection nor an error") {
		t.Errorf("error %v", err)
	}
}

func TestStartTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := dial(t, t.Context(), mailtest.OverTLS(func(p *mailtest.Peer) { p.Say("over TLS") }))
		defer conn.Close()
		if err := conn.StartTLS(ClientTLS(mailtest.ClientTLS(), "mail.example.com:993")); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 8)
		if n, err := conn.Read(buf); string(buf[:n]) != "over TLS" || err != nil {
			t.Errorf("read %q, %v", buf[:n], err)
		}
	})
}

func TestClientTLS(t *testing.T) {
	for name, test := range map[string]struct {
		base       *tls.Config
		addr       string
		serverName string
		minimum    uint16
	}{
		"nil":              {nil, "mail.example.com:993", "mail.example.com", tls.VersionTLS12},
		"server name set":  {&tls.Config{ServerName: "other"}, "mail.example.com:993", "other", tls.VersionTLS12},
		"IPv6":             {nil, "[::1]:993", "::1", tls.VersionTLS12},
		"no port":          {nil, "mail.example.com", "mail.example.com", tls.VersionTLS12},
		"TLS 1.0 allowed":  {&tls.Config{MinVersion: tls.VersionTLS10}, "a:1", "a", tls.VersionTLS12},
		"TLS 1.3 demanded": {&tls.Config{MinVersion: tls.VersionTLS13}, "a:1", "a", tls.VersionTLS13},
	} {
		t.Run(name, func(t *testing.T) {
			got := ClientTLS(test.base, test.addr)
			if got == test.base {
				t.Error("not a copy")
			}
			if got.ServerName != test.serverName || got.MinVersion != test.minimum {
				t.Errorf("server name %q, minimum %x, want %q, %x", got.ServerName, got.MinVersion, test.serverName, test.minimum)
			}
		})
	}
}

func TestServedBy(t *testing.T) {
	imap := func(c exoauth.Cloud) string { return c.IMAP }
	for addr, want := range map[string]bool{
		"outlook.office365.com:993":     true,
		"Outlook.Office365.Com:993":     true,
		"outlook.office365.us:143":      true,
		"imap-mail.outlook.com:993":     true,
		"smtp.office365.com:587":        false,
		"outlook.office365.com.evil:99": false,
		"127.0.0.1:993":                 false,
		"":                              false,
	} {
		if got := ServedBy(addr, imap, "imap-mail.outlook.com"); got != want {
			t.Errorf("ServedBy(%q) = %t, want %t", addr, got, want)
		}
	}
}
