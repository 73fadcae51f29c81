package exchangetest

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"sync"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

const (
	literalPrompt = "+ Ready for additional command text."
	idlePrompt    = "+ IDLE accepted, awaiting DONE command."
)

// mailboxCommands are those that are left to go-imap's server.
var mailboxCommands = map[string]bool{
	"APPEND": true, "CHECK": true, "CLOSE": true, "COPY": true, "CREATE": true, "DELETE": true,
	"EXAMINE": true, "EXPUNGE": true, "FETCH": true, "IDLE": true, "LIST": true, "LSUB": true,
	"MOVE": true, "NAMESPACE": true, "NOOP": true, "RENAME": true, "SEARCH": true, "SELECT": true,
	"STATUS": true, "STORE": true, "SUBSCRIBE": true, "UID": true, "UNSELECT": true, "UNSUBSCRIBE": true,
}

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

	// Guarded by the mutex of imapConn.
	greeted bool   // the server's own greeting was dropped
	tag     string // of the command that is being answered
	asked   bool   // the server asked for a literal
	idling  bool
}

// startIMAP makes the server that authenticated sessions are handed to.
func (s *Server) startIMAP() {
	s.imap = imapserver.New(&imapserver.Options{
		NewSession: func(conn *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			c := conn.NetConn().(*imapConn)
			return &imapSession{imapmemserver.NewUserSession(c.mailbox.store), c}, &imapserver.GreetingData{PreAuth: true}, nil
		},
		Caps: imap.CapSet{
			imap.CapIMAP4rev1: {}, imap.CapNamespace: {}, imap.CapUIDPlus: {},
			imap.CapMove: {}, imap.CapLiteralPlus: {}, imap.CapChildren: {},
		},
		Logger: slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	})
	s.handover.serve(s.imap)
}

// handOver gives an authenticated connection to go-imap's server and returns
// when that has done with it.
func (s *Server) handOver(c *imapConn) {
	s.handover.conns <- c
	<-c.filter.finished
}

// An imapSession is the session of one user on one mailbox.
type imapSession struct {
	*imapmemserver.UserSession
	conn *imapConn
}

// Login implements imapserver.Session. It is never called.
func (*imapSession) Login(string, string) error { return imapserver.ErrAuthFailed }

// Append implements imapserver.Session. It does not keep what a broken
// connection leaves of a message, as go-imap's store would.
func (sess *imapSession) Append(mailbox string, r imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	message, err := io.ReadAll(r)
	if err == nil && int64(len(message)) < r.Size() {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	if options.Time.IsZero() {
		options.Time = sess.conn.srv.Now()
	}
	defer sess.conn.mailbox.changes.notify()
	return sess.UserSession.Append(mailbox, bytes.NewReader(message), options)
}

// Idle implements imapserver.Session. That of go-imap's store misses what
// happens before it has begun to listen, when the client has been told already
// that it does.
func (sess *imapSession) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	defer sess.conn.filter.idle.Done()
	for {
		change := sess.conn.mailbox.changes.next()
		if err := sess.Poll(w, true); err != nil {
			return err
		}
		select {
		case <-change:
		case <-stop:
			return nil
		}
	}
}

// Fetch implements imapserver.Session. It changes flags.
func (sess *imapSession) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	defer sess.conn.mailbox.changes.notify()
	return sess.UserSession.Fetch(w, set, options)
}

// Store implements imapserver.Session.
func (sess *imapSession) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, options *imap.StoreOptions) error {
	defer sess.conn.mailbox.changes.notify()
	return sess.UserSession.Store(w, set, flags, options)
}

// Expunge implements imapserver.Session.
func (sess *imapSession) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	defer sess.conn.mailbox.changes.notify()
	return sess.UserSession.Expunge(w, uids)
}

// Copy implements imapserver.Session.
func (sess *imapSession) Copy(set imap.NumSet, to string) (*imap.CopyData, error) {
	defer sess.conn.mailbox.changes.notify()
	return sess.UserSession.Copy(set, to)
}

// Move implements imapserver.SessionMove.
func (sess *imapSession) Move(w *imapserver.MoveWriter, set imap.NumSet, to string) error {
	defer sess.conn.mailbox.changes.notify()
	return sess.UserSession.Move(w, set, to)
}

// Close implements imapserver.Session.
func (sess *imapSession) Close() error {
	sess.conn.filter.idle.Wait()
	return sess.UserSession.Close()
}

// Close implements net.Conn for go-imap's server.
func (c *imapConn) Close() error {
	c.filter.finish.Do(func() { close(c.filter.finished) })
	return nil
}

// Read implements net.Conn for go-imap's server.
func (c *imapConn) Read(p []byte) (int, error) {
	f := &c.filter
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

func (c *imapConn) readLiteral(p []byte) (int, error) {
	if c.br.Buffered() == 0 {
		if err := c.flush(true); err != nil {
			return 0, io.EOF
		}
	}
	n, err := c.br.Read(p[:min(int64(len(p)), c.filter.literal)])
	c.filter.literal -= int64(n)
	c.stopWaiting()
	if c.expire() || err != nil {
		return n, io.EOF
	}
	return n, nil
}

// takeAsked reports whether the server asked for a literal, rather than refuse
// the command that has it, since the last call.
func (c *imapConn) takeAsked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := c.filter.asked
	c.filter.asked = false
	return asked
}

// take decides what becomes of a line: it is answered here or it is left
// pending for go-imap's server.
func (c *imapConn) take(line []byte) {
	f := &c.filter
	if !f.partial && !c.start(string(line)) {
		return
	}
	size, sync, ok := literalAt(line)
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
func (c *imapConn) start(line string) bool {
	c.mu.Lock()
	idling := c.filter.idling
	tag, verb, _ := parseIMAP(line)
	if idling && line == "DONE" {
		c.filter.idling = false
		c.mu.Unlock()
		return true
	}
	if !idling {
		c.filter.tag = tag
	}
	c.mu.Unlock()
	switch {
	case tag == "":
		c.fail("*", badCommand)
	case idling:
		c.fail(tag, badState)
	case c.faulted(tag, verb):
		c.skipLiteral(line)
	case verb == "CAPABILITY":
		c.capability(tag)
	case verb == "LOGOUT":
		c.logout(tag)
	case verb == "ID":
		c.id(tag)
	case verb == "AUTHENTICATE", verb == "LOGIN":
		c.fail(tag, badState)
	case !mailboxCommands[verb]:
		c.fail(tag, badCommand)
	default:
		if verb == "IDLE" && len(line) == len(tag)+len(" IDLE") {
			c.startIdle()
		}
		return true
	}
	return false
}

// skipLiteral drops what the client sends with a command, without waiting to
// be asked for it, that has been answered.
func (c *imapConn) skipLiteral(line string) {
	size, sync, ok := literalAt([]byte(line))
	if !ok || sync || c.over {
		return
	}
	if _, err := io.CopyN(io.Discard, c.br, size); err != nil {
		c.over = true
		return
	}
	c.readLine()
}

func (c *imapConn) startIdle() {
	// go-imap's server starts a goroutine for this command that it does not
	// wait for where the connection breaks.
	c.filter.idle.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.filter.idling = true
}

// Write implements net.Conn for go-imap's server, which writes each response
// at once. It does not fail: a broken connection shows at the next read.
func (c *imapConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said {
		return len(p), nil
	}
	if !c.filter.greeted {
		c.filter.greeted = bytes.HasSuffix(p, []byte("\n"))
		return len(p), nil
	}
	c.out.Write(c.rewordLocked(p))
	if c.waiting || c.out.Len() >= maxFlight {
		c.flushLocked()
	}
	return len(p), nil
}

// rewordLocked puts a response of go-imap's server into Exchange's words.
func (c *imapConn) rewordLocked(p []byte) []byte {
	switch {
	case string(p) == "+ idling\r\n":
		return []byte(idlePrompt + "\r\n")
	case string(p) == "+ Ready for literal data\r\n":
		c.filter.asked = true
		return []byte(literalPrompt + "\r\n")
	case bytes.HasPrefix(p, []byte(c.filter.tag+" OK ")):
		if stem, ok := bytes.CutSuffix(p, []byte(" completed\r\n")); ok {
			return append(bytes.Clone(stem), " completed.\r\n"...)
		}
	}
	return p
}

// A handoverListener gives connections to go-imap's server, which only takes
// them from a listener.
type handoverListener struct {
	conns chan net.Conn
	wg    sync.WaitGroup
}

func newHandoverListener() *handoverListener {
	return &handoverListener{conns: make(chan net.Conn)}
}

func (l *handoverListener) serve(server *imapserver.Server) {
	l.wg.Go(func() { server.Serve(l) })
}

// Accept implements net.Listener.
func (l *handoverListener) Accept() (net.Conn, error) {
	conn, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

// Close implements net.Listener. No connection may be handed over any more.
func (l *handoverListener) Close() error {
	close(l.conns)
	return nil
}

// Addr implements net.Listener.
func (*handoverListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
