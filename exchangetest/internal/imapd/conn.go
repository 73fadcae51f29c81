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
	"github.com/exoauth/exoauth/exchangetest/internal/imapreply"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
)

// maxIMAPLiteral bounds a literal before a mailbox is open.
const maxIMAPLiteral = 4096

// maxFlight bounds what is held back in order to go out in one write.
const maxFlight = 32 << 10

// A conn is the server's end of an IMAP connection, over TLS. Answers are
// held back until the client has to be waited for, so that commands that
// arrive together are answered together.
type conn struct {
	net.Conn            // the wire
	wire     *drip.Conn // raw, over TLS unless the client has yet to start that
	raw      net.Conn
	plain    bool // TLS has not been started
	srv      *Server
	*mailserver.Session
	br *bufio.Reader

	over     bool // nothing more is read from the client
	errors   int
	mailbox  *directory.Mailbox // set by authentication
	unusable error              // why the mailbox cannot be used after all

	filter filter

	// mu guards what go-imap's server writes from two goroutines while the
	// client is idling.
	mu      sync.Mutex
	out     bytes.Buffer
	waiting bool // for the client: what is written goes out at once
	said    bool // the last word was spoken: what is written is dropped
}

func newConn(s *Server, sess *mailserver.Session, raw net.Conn, plain bool) *conn {
	c := &conn{srv: s, Session: sess, raw: raw, plain: plain, filter: filter{finished: make(chan struct{})}}
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
	c.Conn = c.wire
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
	if !c.said {
		fmt.Fprintf(&c.out, format+"\r\n", args...)
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
	_, err := c.out.WriteTo(c.Conn)
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

// withLiterals are the commands of a session without a mailbox that a literal
// may stand in. Those that are refused anyway are refused rather than asked for
// one.
var withLiterals = map[string]bool{"LOGIN": true, "ID": true}

// readCommand returns the next command with its literals in place, for a
// session without a mailbox, which has no use for long ones.
func (c *conn) readCommand() (string, error) {
	var command []byte
	for {
		line, err := c.readLine()
		if err != nil {
			return "", err
		}
		command = append(command, line...)
		size, sync, ok := imapline.Literal(line)
		if _, verb, _ := imapline.Parse(string(command)); !ok || sync && !withLiterals[verb] {
			return string(command), nil
		}
		if int64(len(command))+size > maxIMAPLiteral {
			c.bye(byeErrors)
			return "", io.EOF
		}
		if c.ends(c.Listen()) {
			return "", io.EOF
		}
		if sync {
			c.printf("%s", imapreply.LiteralPrompt)
			if err := c.flush(true); err != nil {
				return "", err
			}
		}
		data := make([]byte, size)
		_, err = io.ReadFull(c.br, data)
		c.stopWaiting()
		if c.ends(c.Hear()) || err != nil {
			return "", io.EOF
		}
		command = append(command, data...)
	}
}
