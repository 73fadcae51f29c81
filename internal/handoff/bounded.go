package handoff

import (
	"bytes"
	"io"
	"net"
	"slices"
	"sync/atomic"
)

// minRead is the room for one Read, enough for a reply line of SMTP.
const minRead = 512

// maxHeld is how much of a line is held back until it is whole. go-smtp refuses
// one of more than 2,000 octets.
const maxHeld = 4 << 10

// bounded is a connection that limits how much the server may say between two
// Writes. SMTP and POP3 take turns, so it need not know where replies end. It
// passes only whole lines, since net/textproto takes a line that was cut off, such
// as "250 2", for a whole one.
type bounded struct {
	net.Conn
	most     int64 // negative is no limit
	exceeded error
	said     atomic.Int64 // octets since the last Write

	buf    []byte // that were read and not passed
	whole  int    // octets of buf that are whole lines
	broken error  // for good: a server that talks on does not take turns
}

// Bound returns conn, over which the server may send no more than most octets
// between two Writes. After that, Read returns exceeded for good. A negative most
// is no limit.
func Bound(conn net.Conn, most int, exceeded error) net.Conn {
	return &bounded{Conn: conn, most: int64(most), exceeded: exceeded}
}

// Read implements net.Conn.
func (b *bounded) Read(p []byte) (int, error) {
	for b.whole == 0 {
		if err := b.fill(len(p)); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.buf[:b.whole])
	b.buf, b.whole = b.buf[n:], b.whole-n
	if len(b.buf) == 0 {
		b.buf = nil // a connection may be idle for long
	}
	return n, nil
}

// fill reads once, about as much as there is room for.
func (b *bounded) fill(room int) error {
	if b.broken != nil {
		return b.broken
	}
	b.buf = slices.Grow(b.buf, max(minRead, room))
	n, err := b.Conn.Read(b.buf[len(b.buf):cap(b.buf)])
	b.buf = b.buf[:len(b.buf)+n]
	if said := b.said.Add(int64(n)); b.most >= 0 && said > b.most {
		b.buf, b.broken = nil, b.exceeded
		return b.broken
	}
	b.whole = bytes.LastIndexByte(b.buf, '\n') + 1
	switch {
	case b.whole == 0 && len(b.buf) > maxHeld:
		b.whole = len(b.buf)
		return nil
	case b.whole > 0:
		return nil // err comes again
	case err == io.EOF && len(b.buf) > 0:
		return io.ErrUnexpectedEOF
	}
	return err
}

// Write implements net.Conn.
func (b *bounded) Write(p []byte) (int, error) {
	b.said.Store(0) // before the answer can come
	return b.Conn.Write(p)
}
