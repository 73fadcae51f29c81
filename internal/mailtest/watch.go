package mailtest

import (
	"context"
	"net"
	"sync/atomic"
)

// Watched counts what a dialer does with the connections that it is given.
type Watched struct {
	Dialled, Closed atomic.Int64
	Read            atomic.Int64 // octets, those of TLS included
}

// DialContext returns a function like dial that counts in w.
func (w *Watched) DialContext(dial func(ctx context.Context, network, addr string) (net.Conn, error)) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		w.Dialled.Add(1)
		return &watchedConn{Conn: conn, w: w}, nil
	}
}

type watchedConn struct {
	net.Conn
	w      *Watched
	closed atomic.Bool
}

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.w.Read.Add(int64(n))
	return n, err
}

func (c *watchedConn) Close() error {
	if !c.closed.Swap(true) {
		c.w.Closed.Add(1)
	}
	return c.Conn.Close()
}
