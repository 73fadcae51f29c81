package exchangetest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/exoauth/exoauth/exchangetest/internal/drip"
	"github.com/exoauth/exoauth/exchangetest/internal/imapline"
	"github.com/exoauth/exoauth/exchangetest/internal/imapreply"
)

// maxLine bounds a command line of IMAP and of SMTP. Exchange's own limits are
// not documented; this one is above any token of Entra ID.
const maxLine = 64 << 10

// maxIMAPLiteral bounds a literal before a mailbox is open.
const maxIMAPLiteral = 4096

// maxFlight bounds what is held back in order to go out in one write.
const maxFlight = 32 << 10

// An imapConn is the server's end of an IMAP connection, over TLS. Answers are
// held back until the client has to be waited for, so that commands that
// arrive together are answered together.
type imapConn struct {
	net.Conn            // the wire
	wire     *drip.Conn // raw, over TLS unless the client has yet to start that
	raw      net.Conn
	plain    bool // TLS has not been started
	srv      *Server
	sess     *session
	br       *bufio.Reader

	over     bool // nothing more is read from the client
	errors   int
	mailbox  *Mailbox // set by authentication
	unusable error    // why the mailbox cannot be used after all

	filter filter

	// mu guards what go-imap's server writes from two goroutines while the
	// client is idling.
	mu      sync.Mutex
	out     bytes.Buffer
	waiting bool // for the client: what is written goes out at once
	said    bool // the last word was spoken: what is written is dropped
}

func newIMAPConn(s *Server, sess *session, raw net.Conn, plain bool) *imapConn {
	c := &imapConn{srv: s, sess: sess, raw: raw, plain: plain, filter: filter{finished: make(chan struct{})}}
	if plain {
		c.use(raw)
	} else {
		c.use(tls.Server(raw, s.pki.ServerConfig()))
	}
	return c
}

func (c *imapConn) use(conn net.Conn) {
	if c.wire == nil {
		c.wire = drip.New(conn, c.srv.clock)
	} else {
		c.wire = c.wire.Over(conn)
	}
	c.Conn = c.wire
	c.br = bufio.NewReaderSize(conn, maxLine)
}

// faulted reports whether a fault has given the answer to a command.
func (c *imapConn) faulted(tag, command string) bool {
	f := c.srv.strike(AtIMAP, command, nil)
	if f == nil {
		return false
	}
	c.slow(f)
	if f.Challenge != "" && !c.challenge(f) {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !f.replaces() || c.said {
		return c.said
	}
	c.out.WriteString(f.lines(tag))
	if f.ends() {
		c.flushLocked()
		c.over, c.said = true, true
		if f.Reset {
			reset(c.raw)
		}
	}
	return true
}

func (c *imapConn) slow(f *Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wire.Slow(f.Drip, f.struck)
}

// challenge sends the Challenge and drops what the client answers. It reports
// whether there is anybody left to answer to.
func (c *imapConn) challenge(f *Fault) bool {
	c.printf("%s", strings.TrimSuffix(f.challenge(), "\r\n"))
	_, err := c.readLine()
	return err == nil
}

// printf writes a line.
func (c *imapConn) printf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.said {
		fmt.Fprintf(&c.out, format+"\r\n", args...)
	}
}

// bye writes the last line of a session that the server ends.
func (c *imapConn) bye(text string) {
	c.printf("* BYE %s", text)
	c.over = true
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = true
}

// flush sends what was held back. With wait set nothing is held back until the
// next call.
func (c *imapConn) flush(wait bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = wait
	return c.flushLocked()
}

func (c *imapConn) flushLocked() error {
	if c.out.Len() == 0 {
		return nil
	}
	_, err := c.out.WriteTo(c.Conn)
	return err
}

// readLine returns the next line without its end. It is valid until the next
// read. io.EOF stands for the end of a session, for whatever reason.
func (c *imapConn) readLine() ([]byte, error) {
	if c.over {
		return nil, io.EOF
	}
	buffered, _ := c.br.Peek(c.br.Buffered())
	if bytes.IndexByte(buffered, '\n') < 0 {
		if err := c.flush(true); err != nil {
			return nil, err
		}
	}
	if c.expire() {
		return nil, io.EOF
	}
	line, err := c.br.ReadSlice('\n')
	c.stopWaiting()
	c.sess.hear(c.srv.Now())
	if c.expire() {
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
func (c *imapConn) stopWaiting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = false
}

// expire says goodbye where the session's token has expired, or the client was
// silent for too long.
func (c *imapConn) expire() bool {
	if !c.over && c.sess.isSilent() {
		c.sess.update(func(r *Session) { r.Reason = "the client was silent for too long" })
		c.bye(byeSilent)
		return true
	}
	if c.over || !c.sess.isExpired(c.srv.Now()) {
		return c.over
	}
	c.sess.update(func(r *Session) { r.Reason = "the token expired during the session" })
	c.bye(byeExpired)
	return true
}

// withLiterals are the commands of a session without a mailbox that a literal
// may stand in. Those that are refused anyway are refused rather than asked for
// one.
var withLiterals = map[string]bool{"LOGIN": true, "ID": true}

// readCommand returns the next command with its literals in place, for a
// session without a mailbox, which has no use for long ones.
func (c *imapConn) readCommand() (string, error) {
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
		if sync {
			c.printf("%s", imapreply.LiteralPrompt)
			if err := c.flush(true); err != nil {
				return "", err
			}
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(c.br, data); err != nil {
			return "", err
		}
		c.stopWaiting()
		command = append(command, data...)
	}
}
