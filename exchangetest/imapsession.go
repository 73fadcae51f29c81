package exchangetest

import (
	"bytes"
	"io"
	"log/slog"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/exoauth/exoauth/exchangetest/internal/imapstore"
)

// startIMAP makes the server that authenticated sessions are handed to.
func (s *Server) startIMAP() {
	s.handover.Serve(imapserver.New(&imapserver.Options{
		NewSession: func(conn *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			c := conn.NetConn().(*imapConn)
			return &imapSession{c.mailbox.box.NewSession(), c}, &imapserver.GreetingData{PreAuth: true}, nil
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
	*imapstore.Session
	conn *imapConn
}

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
	return sess.Session.Append(mailbox, bytes.NewReader(message), options)
}

// Idle implements imapserver.Session.
func (sess *imapSession) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	defer sess.conn.filter.idle.Done()
	return sess.Session.Idle(w, stop)
}

// Close implements imapserver.Session.
func (sess *imapSession) Close() error {
	sess.conn.filter.idle.Wait()
	return sess.Session.Close()
}
