// Package lineconn is the server's end of a connection of SMTP or POP3, whose
// answers have no tags.
package lineconn

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/clock"
	"github.com/exoauth/exoauth/exchangetest/internal/drip"
)

// A Conn holds answers back until the client has to be waited for, so that
// pipelined commands (RFC 2920, RFC 2449) are answered together. It must be made
// by [New], and not be used by several goroutines at once.
type Conn struct {
	In   *bufio.Reader // what the client sends
	Over bool          // nothing more is read from the client

	raw     net.Conn
	wire    *drip.Conn // raw, over TLS once that is started
	out     *bufio.Writer
	max     int
	tooLong string
}

// New returns a Conn that speaks over conn, which is raw or TLS over it. A line
// of more than max bytes, its end included, is answered with tooLong.
func New(raw, conn net.Conn, clock *clock.Clock, max int, tooLong string) *Conn {
	c := &Conn{raw: raw, wire: drip.New(conn, clock), max: max, tooLong: tooLong}
	c.use(conn)
	return c
}

func (c *Conn) use(conn net.Conn) {
	c.wire = c.wire.Over(conn)
	c.In = bufio.NewReaderSize(conn, c.max)
	c.out = bufio.NewWriter(c.wire)
}

// Reply writes a reply, or one line of it. The format is that of package fmt,
// without the line's end.
func (c *Conn) Reply(format string, args ...any) {
	fmt.Fprintf(c.out, format+"\r\n", args...)
}

// WriteString writes text as it is.
func (c *Conn) WriteString(text string) { c.out.WriteString(text) }

// Flush sends what was held back.
func (c *Conn) Flush() error { return c.out.Flush() }

// Slow has the connection send slowly from now on, as [drip.Conn.Slow] does.
func (c *Conn) Slow(drip time.Duration, since time.Time) { c.wire.Slow(drip, since) }

// ReadLine returns the next line without its end. After an error nothing more is
// read.
func (c *Conn) ReadLine() (string, error) {
	line, err := c.readSlice()
	if err == bufio.ErrBufferFull {
		c.Reply("%s", c.tooLong)
	}
	if err != nil {
		c.Over = true
		return "", err
	}
	return strings.TrimSuffix(string(line[:len(line)-1]), "\r"), nil
}

func (c *Conn) readSlice() ([]byte, error) {
	if buffered, _ := c.In.Peek(c.In.Buffered()); bytes.IndexByte(buffered, '\n') < 0 {
		if err := c.Flush(); err != nil {
			return nil, err
		}
	}
	return c.In.ReadSlice('\n')
}

// StartTLS begins TLS after a reply. What the client sent together with the
// command is dropped: it was not protected (CVE-2011-0411). It returns nil where
// the session is over, with the error of the handshake if there was one.
func (c *Conn) StartTLS(reply string, config *tls.Config) (*tls.Conn, error) {
	c.Reply("%s", reply)
	if c.Over = c.Flush() != nil; c.Over {
		return nil, nil
	}
	conn := tls.Server(c.raw, config)
	if err := conn.Handshake(); err != nil {
		c.Over = true
		return nil, err
	}
	c.use(conn)
	return conn, nil
}

// Close sends what was held back, and closes the connection.
func (c *Conn) Close() error {
	c.Flush()
	return c.wire.Close()
}
