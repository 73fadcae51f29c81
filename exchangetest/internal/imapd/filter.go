package imapd

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/imapline"
	"github.com/exoauth/exoauth/exchangetest/internal/imapreply"
)

const done = "DONE"

// mailboxCommands are those that are left to go-imap's server.
var mailboxCommands = map[string]bool{
	"APPEND": true, "CHECK": true, "CLOSE": true, "COPY": true, "CREATE": true, "DELETE": true,
	"EXAMINE": true, "EXPUNGE": true, "FETCH": true, "IDLE": true, "LIST": true, "LSUB": true,
	"MOVE": true, "NAMESPACE": true, "NOOP": true, "RENAME": true, "SEARCH": true, "SELECT": true,
	"STATUS": true, "STORE": true, "SUBSCRIBE": true, "UID": true, "UNSELECT": true, "UNSUBSCRIBE": true,
}

// uidCommands are those that UID goes before.
var uidCommands = map[string]bool{"COPY": true, "EXPUNGE": true, "FETCH": true, "MOVE": true, "SEARCH": true, "STORE": true}

// A filter stands between the client and go-imap's server, which cannot be
// told its greeting, capabilities and texts. It hands over one command at a
// time: the server asks for the next when it has answered the last.
type filter struct {
	pending  []byte         // handed over at the next Read
	literal  int64          // bytes of a literal still to be handed over
	awaiting bool           // whether the client, if asked, will send a literal
	awaited  int64          // the size of that literal
	partial  bool           // the next line continues a command
	idle     sync.WaitGroup // the goroutine that go-imap's server idles in

	finished chan struct{} // closed when go-imap's server is done
	finish   sync.Once

	replies imapreply.Rewriter // guarded by the mutex of conn
}

// Close implements net.Conn for go-imap's server.
func (c *conn) Close() error {
	c.filter.finish.Do(func() { close(c.filter.finished) })
	return nil
}

// SetReadDeadline implements net.Conn for go-imap's server, whose limits are not
// those of this one.
func (*conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn for go-imap's server.
func (*conn) SetWriteDeadline(time.Time) error { return nil }

// Read implements net.Conn for go-imap's server.
func (c *conn) Read(p []byte) (int, error) {
	f := &c.filter
	c.dropAnswered()
	for len(f.pending) == 0 {
		if c.over {
			return 0, io.EOF
		}
		if f.awaiting {
			f.awaiting = false
			f.partial = c.takeAsked()
			if f.partial {
				f.literal = f.awaited
			}
		}
		if f.literal > 0 {
			return c.readLiteral(p)
		}
		line, err := c.readLine()
		if err != nil {
			return 0, io.EOF
		}
		c.take(line)
	}
	n := copy(p, f.pending)
	f.pending = f.pending[n:]
	return n, nil
}

// dropAnswered drops the rest of a command that go-imap's server has answered
// without reading all of it. It would take that for the next command.
func (c *conn) dropAnswered() {
	f := &c.filter
	c.mu.Lock()
	answered, bad := f.replies.TakeAnswer()
	c.mu.Unlock()
	if bad {
		c.erred()
	}
	if !answered {
		return
	}
	f.pending = nil
	if f.partial {
		c.skip(f.literal)
	}
	f.partial, f.literal, f.awaiting = false, 0, false
}

// readLiteral hands over bytes of a literal. The last of them wait for the line
// that ends the command: a message is not taken before.
func (c *conn) readLiteral(p []byte) (int, error) {
	if c.ends(c.Listen()) {
		return 0, io.EOF
	}
	if c.br.Buffered() == 0 {
		if err := c.flush(true); err != nil {
			return 0, io.EOF
		}
	}
	n, err := c.br.Read(p[:min(int64(len(p)), c.filter.literal)])
	c.filter.literal -= int64(n)
	c.stopWaiting()
	if c.ends(c.Hear()) || err != nil {
		return n, io.EOF
	}
	if c.filter.literal == 0 {
		line, err := c.readLine()
		if err != nil {
			return 0, io.EOF
		}
		c.take(line)
	}
	if c.over {
		return 0, io.EOF
	}
	return n, nil
}

// takeAsked reports whether the server asked for a literal, rather than refuse
// the command that has it, since the last call.
func (c *conn) takeAsked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.filter.replies.TakeAsked()
}

// take decides what becomes of a line: it is answered here or it is left
// pending for go-imap's server.
func (c *conn) take(line []byte) {
	f := &c.filter
	if bytes.EqualFold(line, []byte(done)) {
		line = []byte(done)
	}
	if f.partial && imapline.QuoteIsOpen(string(line)) {
		c.bye(byeErrors)
		return
	}
	if !f.partial && !c.start(string(line)) {
		return
	}
	size, sync, ok := imapline.Literal(line)
	f.partial = ok && !sync
	switch {
	case ok && sync:
		f.awaiting, f.awaited = true, size
	case ok:
		f.literal = size
	}
	f.pending = append(append(f.pending[:0], line...), "\r\n"...)
}

// start begins a command. It reports whether go-imap's server is to answer it.
func (c *conn) start(line string) bool {
	tag, verb, args := imapline.Parse(line)
	idling := c.begin(tag)
	switch {
	case idling && line == done:
		c.setIdling(false)
		return true
	case idling && tag == "":
		c.fail("*", badCommand)
		return false
	case idling:
		c.fail(tag, badState)
		return false
	case tag == "":
		c.fail("*", badCommand)
	case c.faulted(tag, verb), c.perform(tag, verb):
	case !mailboxCommands[verb], verb == "UID" && !uidCommands[strings.ToUpper(firstWord(args))]:
		c.fail(tag, badCommand)
	case imapline.QuoteIsOpen(line):
		c.fail(tag, badArgument)
	default:
		if verb == "IDLE" && len(line) == len(tag)+len(" IDLE") {
			c.startIdle()
		}
		return true
	}
	if size, sync, ok := imapline.Literal([]byte(line)); ok && !sync {
		c.skip(size)
	}
	return false
}

func firstWord(s string) string {
	word, _, _ := strings.Cut(s, " ")
	return word
}

// begin notes the tag of a command, and reports whether the client was idling.
func (c *conn) begin(tag string) (idling bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.filter.replies.Begin(tag)
}

// perform answers a command that go-imap's server is not asked for, if it is
// such a one.
func (c *conn) perform(tag, verb string) bool {
	switch verb {
	case "CAPABILITY":
		c.capability(tag)
	case "LOGOUT":
		c.logout(tag)
	case "ID":
		c.id(tag)
	case "AUTHENTICATE", "LOGIN":
		c.fail(tag, badState)
	default:
		return false
	}
	return true
}

// skip drops what is left of a command that has been answered: so many bytes of
// a literal that the client does not wait to be asked for, and what follows.
func (c *conn) skip(size int64) {
	for again := true; again && !c.over; {
		if c.ends(c.Listen()) {
			return
		}
		if int64(c.br.Buffered()) < size && c.flush(true) != nil {
			c.over = true
			return
		}
		_, err := io.CopyN(io.Discard, c.br, size)
		c.stopWaiting()
		if c.ends(c.Hear()) {
			return
		}
		if err != nil {
			c.over = true
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

func (c *conn) startIdle() {
	// go-imap's server starts a goroutine for this command that it does not
	// wait for where the connection breaks.
	c.filter.idle.Add(1)
	c.setIdling(true)
}

// endCommand has go-imap's server believe that a command ends here. It reports
// whether it does.
func (c *conn) endCommand() bool {
	ends := string(c.filter.pending) == "\r\n"
	c.filter.pending = append(c.filter.pending[:0], "\r\n"...)
	return ends
}

func (c *conn) setIdling(idling bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.filter.replies.Idle(idling)
}

// Write implements net.Conn for go-imap's server, which writes each response
// at once. It does not fail: a broken connection shows at the next read.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said {
		return len(p), nil
	}
	text, ok := c.filter.replies.Reword(p)
	if !ok {
		return len(p), nil
	}
	c.out.Write(text)
	if c.waiting || c.out.Len() >= maxFlight {
		c.flushLocked()
	}
	return len(p), nil
}
