package mailtest

import (
	"errors"
	"net"
	"sync"
	"syscall"
)

// Faulty is the client's end of a connection that carries only so many octets.
// Like a client library it expects one goroutine to read and write.
type Faulty struct {
	net.Conn
	// Up and Down are how many octets can be written and read. Negative is
	// no limit.
	Up, Down int
	// Stalls makes whatever is beyond Up and Down wait until Close, as if the
	// server had stopped. Otherwise the connection breaks there.
	Stalls bool

	Sent, Heard int   // octets so far
	Writes      []int // Sent after each Write
	HeardAt     []int // Heard before each Write

	once   sync.Once
	closed chan struct{}
}

// NewFaulty returns a connection over conn.
func NewFaulty(conn net.Conn, up, down int, stalls bool) *Faulty {
	return &Faulty{Conn: conn, Up: up, Down: down, Stalls: stalls, closed: make(chan struct{})}
}

// Write implements net.Conn.
func (f *Faulty) Write(p []byte) (int, error) {
	n := len(p)
	if f.Up >= 0 {
		n = min(n, f.Up-f.Sent)
	}
	if n > 0 {
		if _, err := f.Conn.Write(p[:n]); err != nil {
			return 0, f.end("write")
		}
	}
	f.Sent += n
	f.Writes = append(f.Writes, f.Sent)
	f.HeardAt = append(f.HeardAt, f.Heard)
	if !f.Stalls && f.Sent == f.Up {
		f.Close()
	}
	if n < len(p) {
		return n, f.end("write")
	}
	return n, nil
}

// Read implements net.Conn.
func (f *Faulty) Read(p []byte) (int, error) {
	if f.Down >= 0 {
		p = p[:min(len(p), f.Down-f.Heard)]
		if len(p) == 0 {
			return 0, f.end("read")
		}
	}
	n, err := f.Conn.Read(p)
	f.Heard += n
	if errors.Is(err, net.ErrClosed) {
		err = f.end("read")
	}
	return n, err
}

// end is what comes beyond the last octet.
func (f *Faulty) end(op string) error {
	if f.Stalls {
		<-f.closed
		return net.ErrClosed
	}
	f.Close()
	return &net.OpError{Op: op, Net: "tcp", Err: syscall.ECONNRESET}
}

// Close implements net.Conn.
func (f *Faulty) Close() error {
	f.once.Do(func() { close(f.closed) })
	return f.Conn.Close()
}
