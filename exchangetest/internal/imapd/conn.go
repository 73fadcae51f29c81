package imapd

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/drip"
	"github.com/exoauth/exoauth/exchangetest/internal/fault"
	"github.com/exoauth/exoauth/exchangetest/internal/imapline"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
	"github.com/exoauth/exoauth/exchangetest/internal/mailstore"
)

// What bounds a command with its literals: before a mailbox is open, after that,
// and one that brings a message.
const (
	maxEarly   = 4096
	maxCommand = mailserver.MaxLine
	maxAppend  = 100 << 20
)

// maxFlight bounds what is held back in order to go out in one write.
const maxFlight = 32 << 10

// A conn is the server's end of an IMAP connection, over TLS. Answers are
// held back until the client has to be waited for, so that commands that
// arrive together are answered together.
type conn struct {
	wire  *drip.Conn // raw, over TLS unless the client has yet to start that
	raw   net.Conn
	plain bool // TLS has not been started
	srv   *Server
	*mailserver.Session
	br *bufio.Reader

	over     bool // nothing more is read from the client
	errors   int
	mailbox  *directory.Mailbox // set by authentication
	unusable error              // why the mailbox cannot be used after all
	view     *mailstore.View    // of the selected folder; nil if there is none

	// mu guards what is written from two goroutines while the client is idling.
	mu      sync.Mutex
	out     bytes.Buffer
	waiting bool // for the client: what is written goes out at once
	said    bool // the last word was spoken: what is written is dropped
}

func newConn(s *Server, sess *mailserver.Session, raw net.Conn, plain bool) *conn {
	c := &conn{srv: s, Session: sess, raw: raw, plain: plain}
	if plain {
		c.use(raw)
	} else {
		c.use(tls.Server(raw, s.TLS()))
	}
	return c
}

func (c *conn) use(conn net.Conn) {
	if c.wire == nil {
		c.wire = drip.New(conn, c.Clock)
	} else {
		c.wire = c.wire.Over(conn)
	}
	c.br = bufio.NewReaderSize(conn, mailserver.MaxLine)
}

// faulted reports whether a fault has given the answer to a command, or the
// session has ended meanwhile.
func (c *conn) faulted(tag, command string) bool {
	struck := c.Faults.Strike(fault.AtIMAP, command, target{c, tag}, nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	return struck || c.said
}

// A target is what a fault strikes at.
type target struct {
	*conn
	tag string
}

// Slow implements [fault.Target].
func (t target) Slow(drip time.Duration, since time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wire.Slow(drip, since)
}

// Challenge implements [fault.Target].
func (t target) Challenge(text string) bool {
	t.printf("%s", strings.TrimSuffix(text, "\r\n"))
	_, err := t.readLine()
	return err == nil
}

// Replace implements [fault.Target].
func (t target) Replace(f *fault.Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.said {
		t.out.WriteString(f.Lines(t.tag))
	}
}

// End implements [fault.Target].
func (t target) End(f *fault.Fault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flushLocked()
	t.over, t.said = true, true
	if f.Reset {
		fault.Reset(t.raw)
	}
}

// printf writes a line.
func (c *conn) printf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said {
		return
	}
	fmt.Fprintf(&c.out, format+"\r\n", args...)
	if c.waiting || c.out.Len() >= maxFlight {
		c.flushLocked()
	}
}

// bye writes the last line of a session that the server ends.
func (c *conn) bye(text string) {
	c.printf("* BYE %s", text)
	c.over = true
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = true
}

// flush sends what was held back. With wait set nothing is held back until the
// next call.
func (c *conn) flush(wait bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = wait
	return c.flushLocked()
}

func (c *conn) flushLocked() error {
	if c.out.Len() == 0 {
		return nil
	}
	_, err := c.out.WriteTo(c.wire)
	return err
}

// readLine returns the next line without its end. It is valid until the next
// read. io.EOF stands for the end of a session, for whatever reason.
func (c *conn) readLine() ([]byte, error) {
	if c.over {
		return nil, io.EOF
	}
	// Before the client can know its answer: it is silent from now on.
	if c.ends(c.Listen()) {
		return nil, io.EOF
	}
	buffered, _ := c.br.Peek(c.br.Buffered())
	if bytes.IndexByte(buffered, '\n') < 0 {
		if err := c.flush(true); err != nil {
			return nil, err
		}
	}
	line, err := c.br.ReadSlice('\n')
	c.stopWaiting()
	if c.ends(c.Hear()) {
		return nil, io.EOF
	}
	if err == bufio.ErrBufferFull {
		c.bye(byeErrors)
		return nil, io.EOF
	}
	if err != nil {
		c.over = true
		return nil, io.EOF
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

// stopWaiting holds back what is written from now on.
func (c *conn) stopWaiting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = false
}

// ends says goodbye if the session has ended.
func (c *conn) ends(end mailserver.End) bool {
	if c.over || end == mailserver.Open {
		return c.over
	}
	c.Because(end.String())
	c.bye(map[mailserver.End]string{mailserver.Expired: byeExpired, mailserver.Silent: byeSilent}[end])
	return true
}

// complete returns a command with its literals in place, which begins with a
// line. It is not ok if that was answered already, or nothing more is to be.
func (c *conn) complete(line string) (command string, ok bool) {
	tag, verb, _ := imapline.Parse(line)
	limit := c.limit(verb)
	text := []byte(line)
	for {
		size, sync, literal := imapline.Literal([]byte(line))
		if !literal || sync && !c.asksFor(verb) {
			return string(text), true
		}
		if int64(len(text))+size > int64(limit) {
			c.refuse(tag, limit, size, sync)
			return "", false
		}
		if sync {
			c.printf("%s", literalPrompt)
		}
		data, err := c.readLiteral(size)
		if err != nil {
			return "", false
		}
		rest, err := c.readLine()
		if err != nil {
			return "", false
		}
		line = string(rest)
		text = append(append(text, data...), line...)
	}
}

// limit is how long a command may be.
func (c *conn) limit(verb string) int {
	switch {
	case c.mailbox == nil:
		return maxEarly
	case verb == "APPEND":
		return maxAppend
	}
	return maxCommand
}

// asksFor reports whether the client is asked for a literal. One in a command
// that is refused anyway is not.
func (c *conn) asksFor(verb string) bool {
	switch {
	case verb == "ID":
		return true
	case c.mailbox == nil:
		return verb == "LOGIN"
	}
	_, takes := commands[verb]
	return (takes || verb == "UID") && !commands[verb].bare
}

// refuse answers a command that is longer than the limit.
func (c *conn) refuse(tag string, limit int, size int64, sync bool) {
	if c.mailbox == nil {
		c.bye(byeErrors)
		return
	}
	c.printf("%s NO [TOOBIG] Literals are limited to %d bytes for this command", tag, limit)
	if !sync {
		c.skip(size)
	}
}

// skip drops what is left of a command: so many bytes of a literal that the
// client does not wait to be asked for, and what follows.
func (c *conn) skip(size int64) {
	for again := true; again; {
		if c.read(io.Discard, size) != nil {
			return
		}
		line, err := c.readLine()
		if err != nil {
			return
		}
		var sync bool
		size, sync, again = imapline.Literal(line)
		again = again && !sync
	}
}

// skipLiterals drops the literals of a command that is answered already.
func (c *conn) skipLiterals(line string) {
	if size, sync, ok := imapline.Literal([]byte(line)); ok && !sync && !c.over {
		c.skip(size)
	}
}

func (c *conn) readLiteral(size int64) ([]byte, error) {
	var data bytes.Buffer
	err := c.read(&data, size)
	return data.Bytes(), err
}

// read reads so many bytes.
func (c *conn) read(w io.Writer, size int64) error {
	if c.ends(c.Listen()) {
		return io.EOF
	}
	if int64(c.br.Buffered()) < size {
		if err := c.flush(true); err != nil {
			c.over = true
			return err
		}
	}
	_, err := io.CopyN(w, c.br, size)
	c.stopWaiting()
	if c.ends(c.Hear()) {
		return io.EOF
	}
	c.over = c.over || err != nil
	return err
}
