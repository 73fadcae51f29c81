package wire

import (
	"bytes"
	"io"
	"net"
	"sync"
)

// Tap returns conn with what goes through it shown to the debug writer of c:
// each line of either side in one Write, in order, with what [Conn.Mask] names
// masked. What c has read ahead is shown at once. Without a debug writer it
// returns conn.
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

// add completes the line that begins with start and shows it, and those that
// follow. A line that is too long is shown in parts.
func (s *shown) add(start *[]byte, p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*start = append(*start, p...)
	for len(*start) > 0 {
		end := bytes.IndexByte(*start, '\n') + 1
		if end == 0 && len(*start) < MaxLine {
			return
		} else if end == 0 {
			end = len(*start)
		}
		io.WriteString(s.w, s.scrub(string((*start)[:end])))
		*start = (*start)[end:]
	}
	*start = nil // a connection may live for months
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
