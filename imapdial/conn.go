package imapdial

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/exoauth/exoauth/internal/handoff"
)

const (
	byeGrace    = 10 * time.Second      // how long a server may stay after its goodbye
	answerGrace = 10 * time.Minute      // how long a server of Keep may take to answer
	closeGrace  = 50 * time.Millisecond // for the goodbye of TLS
)

// writePiece is how much the server has to take in the time that imapclient
// allows.
const writePiece = 16 << 10

// errSilent ends a session of Keep whose server does not answer.
var errSilent error = silence{}

type silence struct{}

func (silence) Error() string   { return "no answer within " + answerGrace.String() }
func (silence) Timeout() bool   { return true }
func (silence) Temporary() bool { return true }

// conn is imapclient's connection. It remembers a BYE, which imapclient drops,
// and reports it when the connection ends: from Read in place of io.EOF, from
// Write in place of the error of a closed connection. A BYE after the client's
// own LOGOUT is only the answer to that.
type conn struct {
	handoff.Conn
	raw   io.Closer           // breaks the connection at once
	scrub func(string) string // hides the tokens that were tried
	// ended, if not nil, is called once if the connection ends other than by
	// Close or LOGOUT, on the goroutine that finds out.
	ended func(err error)

	watcher watcher
	written written
	reads   allowance
	writes  allowance
	words   atomic.Pointer[error] // to report in place of a broken connection's error

	alarmed sync.Mutex  // guards the alarm and what follows
	alarm   *time.Timer // breaks the connection of a server that is late; nil if it never was set
	asked   bool        // the server owes an answer
	reading bool        // somebody waits for it
	open    int         // commands without a tagged response

	leaving atomic.Bool // the client has sent LOGOUT
	closing atomic.Bool // Close or shut was called
	mine    atomic.Bool // shut was called first
	cut     atomic.Bool // Read has ended because of closing
	over    atomic.Bool // ended was called
}

// newConn returns the connection of s for imapclient, which is made to read
// greeting first. Hold and ended are as in handoff.Conn and conn.
func (s *session) newConn(greeting string, hold <-chan struct{}, ended func(error)) *conn {
	return &conn{
		Conn: handoff.Conn{
			Conn:     s.wire.Tap(s.Conn.Conn),
			Greeting: []byte(greeting),
			Hold:     hold,
			Rest:     s.wire.Unread(),
		},
		raw:   s.Raw(),
		scrub: s.scrub,
		ended: ended,
	}
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	c.reads.renew(c.Conn.SetReadDeadline)
	c.listens()
	n, err := c.watcher.read(&c.Conn, p, c.heard)
	c.answered(c.watcher.answers())
	if err != nil && c.closing.Load() {
		c.cut.Store(true)
	}
	return n, c.judge(err)
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (n int, err error) {
	commands, logout := c.written.feed(p)
	if logout {
		c.leaving.Store(true)
	}
	for piece := range slices.Chunk(p, writePiece) {
		c.asks(commands)
		commands = 0
		c.writes.renew(c.Conn.SetWriteDeadline)
		taken, err := c.Conn.Write(piece)
		if n += taken; err != nil {
			return n, c.judge(err)
		}
	}
	return n, nil
}

// asks is called before something is written that the server has to answer.
func (c *conn) asks(commands int) {
	c.alarmed.Lock()
	defer c.alarmed.Unlock()
	c.asked = true
	c.open += commands
	c.setAlarm()
}

// listens is called before each Read.
func (c *conn) listens() {
	c.alarmed.Lock()
	defer c.alarmed.Unlock()
	c.reading = true
	c.setAlarm()
}

// answered is called after each Read. The server owes nothing more if each
// command has its tagged response, or if it waits for the client, as it does
// while that idles.
func (c *conn) answered(tagged int, waits bool) {
	c.alarmed.Lock()
	defer c.alarmed.Unlock()
	c.reading = false
	c.open = max(0, c.open-tagged)
	if waits || c.open == 0 && tagged > 0 {
		c.asked = false
	}
	c.setAlarm()
}

// setAlarm is called with the lock. While nobody reads, it is not the server
// that is late.
func (c *conn) setAlarm() {
	switch {
	case c.ended == nil || c.words.Load() != nil:
	case c.asked && c.reading:
		c.ring(answerGrace)
	default:
		c.hush()
	}
}

// ring sets the alarm. It is called with the lock.
func (c *conn) ring(after time.Duration) {
	if c.alarm == nil {
		c.alarm = time.AfterFunc(after, c.late)
		return
	}
	c.alarm.Reset(after)
}

// hush stops the alarm. It is called with the lock.
func (c *conn) hush() {
	if c.alarm != nil {
		c.alarm.Stop()
	}
}

// SetReadDeadline implements net.Conn. The time up to t is for each Read that
// follows, see allowance.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.reads.set(t)
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn. The time up to t is for each piece of
// each Write that follows, see allowance.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writes.set(t)
	return c.Conn.SetWriteDeadline(t)
}

// judge returns the error to report for one of the connection's own.
func (c *conn) judge(err error) error {
	if err == nil || c.leaving.Load() {
		return err
	}
	closing := c.closing.Load()
	switch words := c.words.Load(); {
	case words != nil:
		err = *words
	case closing:
		err = net.ErrClosed // some connections say io.EOF
	}
	if !closing {
		c.end(err)
	}
	return err
}

func (c *conn) end(err error) {
	if c.ended == nil || c.over.Swap(true) {
		return
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	c.ended(err)
}

// heard is told each goodbye.
func (c *conn) heard(bye string) {
	r, ok := parseResponse(bye)
	if !ok {
		return
	}
	r.hide(c.scrub)
	var words error = r.err()
	c.alarmed.Lock()
	defer c.alarmed.Unlock()
	c.words.Store(&words)
	c.ring(byeGrace)
}

// late breaks a connection whose server has not answered, or has not gone
// after its goodbye.
func (c *conn) late() {
	c.words.CompareAndSwap(nil, &errSilent)
	c.judge(errSilent)
	c.raw.Close()
}

// Close implements net.Conn. It does not wait for a server that does not read.
func (c *conn) Close() error {
	c.closing.Store(true)
	c.alarmed.Lock()
	c.hush()
	c.alarmed.Unlock()
	defer time.AfterFunc(closeGrace, func() { c.raw.Close() }).Stop()
	c.Conn.Close() // its error says no more than that the goodbye of TLS was not taken
	return nil
}

// shut is Close by Keep.
func (c *conn) shut() {
	if !c.closing.Swap(true) {
		c.mine.Store(true)
	}
	c.Close()
}

// errGaveUp ends a session whose client closes without saying why.
var errGaveUp = errors.New("imapclient has closed the connection")

// fate returns why a client has closed whose Close returns broken. It is nil if
// its user or Keep closed it, or if ended was told.
func (c *conn) fate(broken error) error {
	switch cut := c.cut.Load(); {
	case c.over.Load(), c.leaving.Load(), c.mine.Load():
		return nil
	case cut && broken != nil: // imapclient knows that its Close was called
		return nil
	case cut:
		return errGaveUp
	}
	return broken // such as a parse error
}
