// Package drip sends slowly: one byte at a time, by a clock that a test moves.
package drip

import (
	"net"
	"net/http"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/clock"
)

// A Conn sends slowly once it is told to. Of its methods that write, only one
// may be in use at a time.
type Conn struct {
	net.Conn
	clock *clock.Clock
	drip  time.Duration // zero: at once
	last  time.Time     // when the last byte was due
}

// New returns a Conn that sends at once over conn.
func New(conn net.Conn, clock *clock.Clock) *Conn { return &Conn{Conn: conn, clock: clock} }

// Slow has the connection send a byte each drip from now on, the first of them
// one drip after since. A drip of zero changes nothing.
func (c *Conn) Slow(drip time.Duration, since time.Time) {
	if drip > 0 {
		c.drip, c.last = drip, since
	}
}

// Over returns the same for the connection that conn has become, by TLS for
// example.
func (c *Conn) Over(conn net.Conn) *Conn {
	d := *c
	d.Conn = conn
	return &d
}

// Write implements [net.Conn].
func (c *Conn) Write(p []byte) (int, error) {
	if c.drip == 0 {
		return c.Conn.Write(p)
	}
	for i := range p {
		c.last = c.last.Add(c.drip)
		c.clock.Wait(c.last, nil)
		if _, err := c.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// A Writer sends an HTTP response slowly, a byte each Drip, until Gone is
// closed: then the rest goes out at once.
type Writer struct {
	http.ResponseWriter
	Clock *clock.Clock
	Drip  time.Duration
	Gone  <-chan struct{}
}

// Write implements [io.Writer].
func (w *Writer) Write(p []byte) (int, error) {
	at := w.Clock.Now()
	for i := range p {
		at = at.Add(w.Drip)
		w.Clock.Wait(at, w.Gone)
		if _, err := w.ResponseWriter.Write(p[i : i+1]); err != nil {
			return i, err
		}
		http.NewResponseController(w.ResponseWriter).Flush()
	}
	return len(p), nil
}

// Unwrap lets [http.ResponseController] through.
func (w *Writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
