package wire

import (
	"bytes"
	"cmp"
	"io"
	"net"
	"sync"
)

// Tap returns a connection over conn that shows everything to the debug writer
// of c: each line of either side in one Write, in order, with the secrets of
// [Conn.Mask] masked. It shows only the beginning of a line of more than 16
// KiB, since it could not find a secret that one piece of a line begins and the
// next one ends. It shows at once the data that c has read ahead. Without a
// debug writer it returns conn.
func (c *Conn) Tap(conn net.Conn) net.Conn {
	if c.debug == nil {
		return conn
	}
	t := &tap{Conn: conn, shown: &shown{w: c.debug, scrub: c.Scrub}}
	t.shown.add(&t.heard, c.Unread())
	return t
}

// tap is a connection that is looked at. One goroutine may read while another
// one writes.
type tap struct {
	net.Conn
	shown       *shown
	heard, said []byte // the beginning of a line of either side
}

// shown is what both sides write to.
type shown struct {
	mu    sync.Mutex // guards w and the beginnings
	w     io.Writer
	scrub func(string) string
}

// cut stands for the rest of a line.
const cut = "… [the rest of the line is left out]\r\n"

// add completes the line that begins with start and shows it, and those that
// follow. If start has more than MaxLine octets, as much of the line as is
// shown has been shown already.
func (s *shown) add(start *[]byte, p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n') + 1
		part := p[:cmp.Or(end, len(p))]
		p = p[len(part):]
		if room := MaxLine + 1 - len(*start); room > 0 {
			*start = append(*start, part[:min(len(part), room)]...)
			switch {
			case len(*start) > MaxLine:
				io.WriteString(s.w, s.scrub(string((*start)[:MaxLine]))+cut)
			case end > 0:
				io.WriteString(s.w, s.scrub(string(*start)))
			}
		}
		if end > 0 {
			*start = nil // a connection may live for months
		}
	}
}

// Read implements net.Conn.
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.shown.add(&t.heard, p[:n])
	return n, err
}

// Write implements net.Conn.
func (t *tap) Write(p []byte) (int, error) {
	t.shown.add(&t.said, p) // before the answer can come
	return t.Conn.Write(p)
}

// Writer returns the connection for data that is no line of the protocol. The
// debug writer sees the data as by [Conn.Tap].
func (c *Conn) Writer() io.Writer {
	if c.debug == nil {
		return c.conn
	}
	return &text{Writer: c.conn, shown: &shown{w: c.debug, scrub: c.Scrub}}
}

// text is a writer that is looked at.
type text struct {
	io.Writer
	shown *shown
	said  []byte // the beginning of a line
}

// Write implements io.Writer.
func (t *text) Write(p []byte) (int, error) {
	t.shown.add(&t.said, p)
	return t.Writer.Write(p)
}
