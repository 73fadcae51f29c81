package exchangetest

import (
	"bytes"
	"io"
	"log/slog"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// startIMAP makes the server that authenticated sessions are handed to.
func (s *Server) startIMAP() {
	s.handover.Serve(imapserver.New(&imapserver.Options{
		NewSession: func(conn *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			c := conn.NetConn().(*imapConn)
			return &imapSession{imapmemserver.NewUserSession(c.mailbox.store), c}, &imapserver.GreetingData{PreAuth: true}, nil
		},
		Caps: imap.CapSet{
			imap.CapIMAP4rev1: {}, imap.CapNamespace: {}, imap.CapUIDPlus: {},
			imap.CapMove: {}, imap.CapLiteralPlus: {}, imap.CapChildren: {},
		},
		Logger: slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	}))
}

// handOver gives an authenticated connection to go-imap's server and returns
// when that has done with it. Where it gives up by itself the client is told
// that the connection ends.
func (s *Server) handOver(c *imapConn) {
	s.handover.HandOver(c)
	<-c.filter.finished
	if !c.over {
		c.bye(byeErrors)
	}
}

// An imapSession is the session of one user on one mailbox.
type imapSession struct {
	*imapmemserver.UserSession
	conn *imapConn
}

// Login implements imapserver.Session. It is never called.
func (*imapSession) Login(string, string) error { return imapserver.ErrAuthFailed }

// Append implements imapserver.Session. It does not keep what a broken
// connection leaves of a message, as go-imap's store would, nor a message with
// something after it, which go-imap's server would keep and not answer.
func (sess *imapSession) Append(mailbox string, r imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	message, err := io.ReadAll(r)
	if err == nil && int64(len(message)) < r.Size() {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	if !sess.conn.endCommand() {
		return nil, &imap.Error{Type: imap.StatusResponseTypeBad, Text: strings.TrimPrefix(badArgument, "BAD ")}
	}
	if options.Time.IsZero() {
		options.Time = sess.conn.srv.Now()
	}
	defer sess.conn.mailbox.changes.Notify()
	return sess.UserSession.Append(mailbox, bytes.NewReader(message), options)
}

// Idle implements imapserver.Session. That of go-imap's store misses what
// happens before it has begun to listen, when the client has been told already
// that it does.
func (sess *imapSession) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	defer sess.conn.filter.idle.Done()
	for {
		change := sess.conn.mailbox.changes.Next()
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
	defer sess.conn.mailbox.changes.Notify()
	return sess.UserSession.Fetch(w, set, options)
}

// Store implements imapserver.Session.
func (sess *imapSession) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, options *imap.StoreOptions) error {
	defer sess.conn.mailbox.changes.Notify()
	return sess.UserSession.Store(w, set, flags, options)
}

// Expunge implements imapserver.Session.
func (sess *imapSession) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	defer sess.conn.mailbox.changes.Notify()
	return sess.UserSession.Expunge(w, uids)
}

// Copy implements imapserver.Session.
func (sess *imapSession) Copy(set imap.NumSet, to string) (*imap.CopyData, error) {
	defer sess.conn.mailbox.changes.Notify()
	return sess.UserSession.Copy(set, to)
}

// Move implements imapserver.SessionMove.
func (sess *imapSession) Move(w *imapserver.MoveWriter, set imap.NumSet, to string) error {
	defer sess.conn.mailbox.changes.Notify()
	return sess.UserSession.Move(w, set, to)
}

// Close implements imapserver.Session.
func (sess *imapSession) Close() error {
	sess.conn.filter.idle.Wait()
	return sess.UserSession.Close()
}
