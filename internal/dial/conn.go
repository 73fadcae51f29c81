package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/exoauth/exoauth"
)

// DialFunc connects to addr. It has the form of (*net.Dialer).DialContext.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// Conn is a connection that is closed when a context ends, until Release.
type Conn struct {
	net.Conn          // over TLS once StartTLS has succeeded
	raw      *counted // for closing at once, without the goodbye of TLS
	release  func() (open bool)

	handshake time.Duration // what StartTLS took
}

// Dial connects to addr over TCP with dial, or with a net.Dialer if dial
// is nil. The connection lives no longer than ctx.
func Dial(ctx context.Context, dial DialFunc, addr string) (*Conn, error) {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", addr)
	if err == nil && conn == nil {
		err = errors.New("DialContext returned neither a connection nor an error")
	}
	if err != nil {
		return nil, lateOf(ctx, err)
	}
	raw := &counted{Conn: conn}
	return &Conn{Conn: raw, raw: raw, release: Guard(ctx, conn)}, nil
}

// counted is a connection that counts the Writes that it has taken whole.
type counted struct {
	net.Conn
	whole atomic.Int64
}

// Write implements net.Conn.
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if n == len(p) {
		c.whole.Add(1)
	}
	return n, err
}

// Taken returns the number of Writes that the connection below TLS has taken
// whole. Each is a record of TLS or more, and the server can read nothing of a
// record that was cut off.
func (c *Conn) Taken() int64 { return c.raw.whole.Load() }

// lateOf returns the error of ctx for a dial that gave up at the deadline of
// ctx, which a connection's own timer can reach before that of ctx does.
func lateOf(ctx context.Context, err error) error {
	deadline, ok := ctx.Deadline()
	if !ok || !errors.Is(err, os.ErrDeadlineExceeded) || time.Now().Before(deadline) {
		return err
	}
	<-ctx.Done()
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}

// Guard closes conn when ctx ends, which unblocks a pending Read or Write at
// once, on connections without deadlines too. Release waits for the closing
// if that has begun, and reports whether conn is still open.
func Guard(ctx context.Context, conn io.Closer) (release func() (open bool)) {
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		conn.Close()
	})
	return sync.OnceValue(func() bool {
		if stop() {
			return true
		}
		<-closed
		return false
	})
}

// StartTLS makes the handshake of a client. The settings are those of
// [ClientTLS].
func (c *Conn) StartTLS(config *tls.Config) error {
	defer since(&c.handshake, time.Now())
	conn := tls.Client(c.raw, config)
	if err := conn.Handshake(); err != nil {
		return err
	}
	c.Conn = conn
	return nil
}

// Raw returns the connection below TLS, for a caller that must break it at once
// after Release. It keeps nothing of the context alive, as c does.
func (c *Conn) Raw() net.Conn { return c.raw.Conn }

// Release ends the influence of the context. It reports whether the
// connection is still open.
func (c *Conn) Release() (open bool) { return c.release() }

// Close breaks the connection at once. It may be called more than once.
func (c *Conn) Close() error {
	c.release()
	return c.raw.Close()
}

// WithTimeout bounds a dial. The cause says whose limit it was, which nobody
// finds in the words "context deadline exceeded".
func WithTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not done within %v, the Timeout of the Dialer", timeout))
}

// ClientTLS returns the TLS settings for a server dialled as addr: a copy of
// base, which may be nil, with the host of addr as the server name and TLS
// 1.2 as the least version unless base says otherwise. A base that allows
// less than TLS 1.2 is raised to it.
func ClientTLS(base *tls.Config, addr string) *tls.Config {
	config := base.Clone()
	if config == nil {
		config = new(tls.Config)
	}
	if config.ServerName == "" {
		config.ServerName = addr
		if host, _, err := net.SplitHostPort(addr); err == nil {
			config.ServerName = host
		}
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	return config
}

// ServedBy reports whether addr is one that Microsoft's clouds serve: its host
// is that of address in one of them, or one of more.
func ServedBy(addr string, address func(exoauth.Cloud) string, more ...string) bool {
	host, _, _ := net.SplitHostPort(addr)
	for _, cloud := range exoauth.Clouds() {
		known, _, _ := net.SplitHostPort(address(cloud))
		more = append(more, known)
	}
	return slices.ContainsFunc(more, func(known string) bool { return strings.EqualFold(host, known) })
}
