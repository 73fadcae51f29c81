package exchangetest

import (
	"net"
	"net/http"
	"time"
)

// A dripConn sends slowly once it is told to.
type dripConn struct {
	net.Conn
	srv  *Server
	drip time.Duration // zero: at once
	last time.Time     // when the last byte was due
}

// slow has the connection send slowly from now on, if the fault is such a one.
func (c *dripConn) slow(f *Fault) {
	if f.Drip > 0 {
		c.drip, c.last = f.Drip, f.struck
	}
}

// over returns the same for the connection that conn has become.
func (c *dripConn) over(conn net.Conn) *dripConn {
	d := *c
	d.Conn = conn
	return &d
}

func (c *dripConn) Write(p []byte) (int, error) {
	if c.drip == 0 {
		return c.Conn.Write(p)
	}
	for i := range p {
		c.last = c.last.Add(c.drip)
		c.srv.clock.Wait(c.last, nil)
		if _, err := c.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// reset makes closing the connection look like a failure to the client.
func reset(raw net.Conn) {
	if tcp, ok := raw.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	raw.Close()
}

// A dripWriter sends a response slowly.
type dripWriter struct {
	http.ResponseWriter
	srv  *Server
	drip time.Duration
	gone <-chan struct{}
}

func (w *dripWriter) Write(p []byte) (int, error) {
	at := w.srv.Now()
	for i := range p {
		at = at.Add(w.drip)
		w.srv.clock.Wait(at, w.gone)
		if _, err := w.ResponseWriter.Write(p[i : i+1]); err != nil {
			return i, err
		}
		http.NewResponseController(w.ResponseWriter).Flush()
	}
	return len(p), nil
}

// Unwrap lets [http.ResponseController] through.
func (w *dripWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
