// Package imapguard is the connection beneath a client. It bounds what a
// response can cost, keeps the goodbye that a client drops, and ends a session
// whose server does not answer.
package imapguard

import (
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/exoauth/exoauth/internal/handoff"
	"github.com/exoauth/exoauth/internal/imapwire"
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

// Config is what a [Conn] is made of.
type Config struct {
	handoff.Conn
	Raw   io.Closer // breaks the connection at once
	Renew bool      // deadlines are those of imapclient, see allowance
	// Exceeded returns the error for a limit that a response has exceeded.
	Exceeded func(*LimitError) error
	// Scrub hides the secrets in the words of a goodbye.
	Scrub func(text string) string
	// Ended, if not nil, is called once if the connection ends other than by
	// Close or LOGOUT, on the goroutine that finds out.
	Ended func(err error)
}

// Conn is a client's connection. It remembers a BYE, which imapclient drops,
// and reports it when the connection ends: from Read in place of io.EOF, from
// Write in place of the error of a closed connection. A BYE after the client's
// own LOGOUT is only the answer to that.
type Conn struct {
	Config
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
	closing atomic.Bool // Close or Shut was called
	mine    atomic.Bool // Shut was called first
	cut     atomic.Bool // Read has ended because of closing
	over    atomic.Bool // Ended was called
}

// New returns a connection with limits.
func New(config Config, limits Limits) *Conn {
	return &Conn{Config: config, watcher: watcher{bounds: limits.bounds()}}
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	c.reads.renew(c.Conn.SetReadDeadline)
	c.turn(func() { c.reading = true })
	n, err := c.watcher.read(&c.Config.Conn, p, c.heard)
	if limit, ok := errors.AsType[*LimitError](err); ok {
		err = c.Exceeded(limit)
	}
	c.turn(c.answered)
	if err != nil && c.closing.Load() {
		c.cut.Store(true)
	}
	return n, c.judge(err)
}

// Write implements net.Conn.
func (c *Conn) Write(p []byte) (n int, err error) {
	commands, logout := c.written.feed(p)
	if logout {
		c.leaving.Store(true)
	}
	for piece := range slices.Chunk(p, writePiece) {
		c.turn(func() { c.asked, c.open = true, c.open+commands })
		commands = 0
		c.writes.renew(c.Conn.SetWriteDeadline)
		taken, err := c.Conn.Write(piece)
		if n += taken; err != nil {
			return n, c.judge(err)
		}
	}
	return n, nil
}

// turn notes a change of who owes what, and sets the alarm by it. While nobody
// reads, it is not the server that is late.
func (c *Conn) turn(change func()) {
	c.alarmed.Lock()
	defer c.alarmed.Unlock()
	change()
	switch {
	case c.Ended == nil || c.words.Load() != nil:
	case c.asked && c.reading:
		c.ring(answerGrace)
	default:
		c.hush()
	}
}

// answered is called after each Read, with the lock. The server owes nothing
// more if each command has its tagged response, or if it waits for the client,
// as it does while that idles.
func (c *Conn) answered() {
	tagged, waits := c.watcher.answers()
	c.reading = false
	c.open = max(0, c.open-tagged)
	if waits || c.open == 0 && tagged > 0 {
		c.asked = false
	}
}

// ring sets the alarm. It is called with the lock.
func (c *Conn) ring(after time.Duration) {
	if c.alarm == nil {
		c.alarm = time.AfterFunc(after, c.late)
		return
	}
	c.alarm.Reset(after)
}

// hush stops the alarm. It is called with the lock.
func (c *Conn) hush() {
	if c.alarm != nil {
		c.alarm.Stop()
	}
}

// SetReadDeadline implements net.Conn. With Renew, the time up to t is for each
// Read that follows.
func (c *Conn) SetReadDeadline(t time.Time) error {
	if c.Renew {
		c.reads.set(t)
	}
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn. With Renew, the time up to t is for each
// piece of each Write that follows.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	if c.Renew {
		c.writes.set(t)
	}
	return c.Conn.SetWriteDeadline(t)
}

// judge returns the error to report for one of the connection's own.
func (c *Conn) judge(err error) error {
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
		c.End(err)
	}
	return err
}

// End tells Ended, unless that was told before.
func (c *Conn) End(err error) {
	if c.Ended == nil || c.over.Swap(true) {
		return
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	c.Ended(err)
}

// heard is told each goodbye.
func (c *Conn) heard(bye string) {
	r, ok := imapwire.Parse(bye)
	if !ok {
		return
	}
	r.Hide(c.Scrub)
	var words error = r.Err()
	c.alarmed.Lock()
	defer c.alarmed.Unlock()
	c.words.Store(&words)
	c.ring(byeGrace)
}

// late breaks a connection whose server has not answered, or has not gone
// after its goodbye.
func (c *Conn) late() {
	c.words.CompareAndSwap(nil, &errSilent)
	c.judge(errSilent)
	c.Raw.Close()
}

// Close implements net.Conn. It does not wait for a server that does not read.
func (c *Conn) Close() error {
	c.closing.Store(true)
	c.alarmed.Lock()
	c.hush()
	c.alarmed.Unlock()
	defer time.AfterFunc(closeGrace, func() { c.Raw.Close() }).Stop()
	c.Conn.Close() // its error says no more than that the goodbye of TLS was not taken
	return nil
}

// Over reports whether Ended was called.
func (c *Conn) Over() bool { return c.over.Load() }

// Shut is Close by Keep.
func (c *Conn) Shut() {
	if !c.closing.Swap(true) {
		c.mine.Store(true)
	}
	c.Close()
}

// ErrGaveUp ends a session whose client closes without saying why.
var ErrGaveUp = errors.New("imapclient has closed the connection")

// Fate returns why a client has closed whose Close returns broken. It is nil if
// its user or Keep closed it, or if Ended was called.
func (c *Conn) Fate(broken error) error {
	switch cut := c.cut.Load(); {
	case c.over.Load(), c.leaving.Load(), c.mine.Load():
		return nil
	case cut && broken != nil: // imapclient knows that its Close was called
		return nil
	case cut:
		return ErrGaveUp
	}
	return broken // such as a parse error
}
