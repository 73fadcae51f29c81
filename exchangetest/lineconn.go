package exchangetest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/drip"
)

// A lineConn is the server's end of a connection of SMTP or POP3, whose answers
// have no tags. They are held back until the client has to be waited for, so
// that pipelined commands (RFC 2920, RFC 2449) are answered together.
type lineConn struct {
	srv     *Server
	sess    *session
	at      Place
	raw     net.Conn
	wire    *drip.Conn // raw, over TLS once that is started
	br      *bufio.Reader
	bw      *bufio.Writer
	tooLong string // what a line of more than maxLine is answered with
	over    bool   // nothing more is read from the client
}

func (c *lineConn) use(conn net.Conn) {
	if c.wire == nil {
		c.wire = drip.New(conn, c.srv.clock)
	} else {
		c.wire = c.wire.Over(conn)
	}
	c.br = bufio.NewReaderSize(conn, maxLine)
	c.bw = bufio.NewWriter(c.wire)
}

// reply writes a reply, or one line of it.
func (c *lineConn) reply(format string, args ...any) {
	fmt.Fprintf(c.bw, format+"\r\n", args...)
}

// readLine returns the next line without its end. After an error nothing more
// is read.
func (c *lineConn) readLine() (string, error) {
	line, err := c.readSlice()
	if err == bufio.ErrBufferFull {
		c.reply("%s", c.tooLong)
	}
	if err != nil {
		c.over = true
		return "", err
	}
	return strings.TrimSuffix(string(line[:len(line)-1]), "\r"), nil
}

func (c *lineConn) readSlice() ([]byte, error) {
	if buffered, _ := c.br.Peek(c.br.Buffered()); bytes.IndexByte(buffered, '\n') < 0 {
		if err := c.bw.Flush(); err != nil {
			return nil, err
		}
	}
	return c.br.ReadSlice('\n')
}

// serve gives each command to handle until the session is over.
func (c *lineConn) serve(greet func(), handle func(line string)) {
	defer func() {
		c.bw.Flush()
		c.wire.Close()
	}()
	if !c.faulted(Greeting) {
		greet()
	}
	for !c.over {
		line, err := c.readLine()
		if err != nil {
			return
		}
		if verb, _, _ := strings.Cut(line, " "); !c.faulted(verb) {
			handle(line)
		}
	}
}

// faulted reports whether a fault has given the answer to a command.
func (c *lineConn) faulted(command string) bool {
	f := c.srv.strike(c.at, command, nil)
	if f == nil {
		return false
	}
	c.wire.Slow(f.Drip, f.struck)
	if f.Challenge != "" {
		c.bw.WriteString(f.challenge())
		if _, err := c.readLine(); err != nil {
			return true
		}
	}
	if !f.replaces() {
		return false
	}
	c.bw.WriteString(f.lines(""))
	if f.ends() {
		c.over = true
		c.bw.Flush()
	}
	if f.Reset {
		reset(c.raw)
	}
	return true
}

// startTLS begins TLS after a reply. What the client sent together with the
// command is dropped: it was not protected (CVE-2011-0411). It returns nil
// where the session is over.
func (c *lineConn) startTLS(reply string, config *tls.Config) *tls.Conn {
	c.reply("%s", reply)
	if c.over = c.bw.Flush() != nil; c.over {
		return nil
	}
	conn := tls.Server(c.raw, config)
	if err := conn.Handshake(); err != nil {
		c.srv.Logger.Info("TLS handshake failed", "protocol", c.at, "error", err)
		c.over = true
		return nil
	}
	c.use(conn)
	return conn
}
