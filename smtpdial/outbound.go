package smtpdial

import (
	"context"
	"net"
	"sync/atomic"

	"github.com/exoauth/exoauth/internal/dial"
)

// outbound is a connection that counts the Writes that it has taken whole.
// Beneath TLS each Write is one record or more, and the server can read nothing
// of a record that was cut off.
type outbound struct {
	net.Conn
	whole atomic.Int64
}

// dial returns a function like dial, which may be nil, that makes o the
// connection.
func (o *outbound) dial(dial dial.DialFunc) dial.DialFunc {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil || conn == nil {
			return nil, err
		}
		o.Conn = conn
		return o, nil
	}
}

// Write implements net.Conn.
func (o *outbound) Write(p []byte) (int, error) {
	n, err := o.Conn.Write(p)
	if n == len(p) {
		o.whole.Add(1)
	}
	return n, err
}
