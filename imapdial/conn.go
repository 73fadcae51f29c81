package imapdial

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/internal/handoff"
)

// byeGrace is how long a server may stay after it has said goodbye.
const byeGrace = 10 * time.Second

// conn is the connection that imapclient has. It remembers a BYE, which
// imapclient drops, and reports it where the connection ends: from Read in
// place of io.EOF, from Write in place of what a closed connection says. A
// goodbye that is followed by a tagged response answers LOGOUT, or its reason
// is in that response, and the end is then an ordinary one.
type conn struct {
	handoff.Conn
	// ended, if not nil, is called once when the connection ends in another
	// way than by Close or LOGOUT, on the goroutine that reads or writes.
	ended func(err error)

	watcher watcher
	leaving bool // the deadline of byeGrace is set
	bye     atomic.Pointer[imap.Error]
	over    atomic.Bool // closed, left by LOGOUT, or ended was called
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	if !c.leaving && c.bye.Load() != nil {
		c.leaving = true
		c.Conn.SetReadDeadline(time.Now().Add(byeGrace))
	}
	n, err := c.Conn.Read(p)
	c.watcher.feed(p[:n], c.heard)
	if err == nil {
		return n, nil
	}
	if bye := c.bye.Load(); bye != nil && !errors.Is(err, net.ErrClosed) {
		err = bye
	}
	c.end(err)
	return n, err
}

func (c *conn) end(err error) {
	if c.over.Swap(true) || c.ended == nil {
		return
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	c.ended(err)
}

// heard is told each goodbye, and with "" each response that is tagged.
func (c *conn) heard(bye string) {
	if bye == "" {
		if c.bye.Swap(nil) != nil {
			c.over.Store(true)
		}
		return
	}
	if r, ok := parseResponse(bye); ok {
		c.bye.Store(r.err())
	}
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err == nil {
		return n, nil
	}
	if bye := c.bye.Load(); bye != nil {
		err = bye
	}
	c.end(err)
	return n, err
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	if c.bye.Load() != nil {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.over.Store(true)
	return c.Conn.Close()
}
