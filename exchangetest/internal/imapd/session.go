package imapd

import (
	"bytes"
	"io"
	"log/slog"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/exoauth/exoauth/exchangetest/internal/imapstore"
	"github.com/exoauth/exoauth/exchangetest/internal/mailserver"
)

// New starts the server that authenticated sessions are handed to. The caller
// must call Close.
func New(m *mailserver.Server) *Server {
	s := &Server{Server: m, handover: imapstore.NewListener()}
	s.handover.Serve(imapserver.New(&imapserver.Options{
		NewSession: func(ic *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			c := ic.NetConn().(*conn)
			return &session{c.mailbox.Box.NewSession(), c}, &imapserver.GreetingData{PreAuth: true}, nil
		},
		Caps: imap.CapSet{
			imap.CapIMAP4rev1: {}, imap.CapNamespace: {}, imap.CapUIDPlus: {},
			imap.CapMove: {}, imap.CapLiteralPlus: {}, imap.CapChildren: {},
		},
		Logger: slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	}))
	return s
}

// Close ends what New has started. No connection may be served any more.
func (s *Server) Close() {
	s.handover.Close()
	s.handover.Wait()
}

// handOver gives an authenticated connection to go-imap's server and returns
// when that has done with it. Where it gives up by itself the client is told
// that the connection ends.
func (s *Server) handOver(c *conn) {
	s.handover.HandOver(c)
	<-c.filter.finished
	if !c.over {
		c.bye(byeErrors)
	}
}

// A session is the session of one user on one mailbox.
type session struct {
	*imapstore.Session
	conn *conn
}

// Append implements imapserver.Session. It does not keep what a broken
// connection leaves of a message, as go-imap's store would, nor a message with
// something after it, which go-imap's server would keep and not answer.
func (sess *session) Append(mailbox string, r imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
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
		options.Time = sess.conn.Clock.Now()
	}
	return sess.Session.Append(mailbox, bytes.NewReader(message), options)
}

// Idle implements imapserver.Session.
func (sess *session) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	defer sess.conn.filter.idle.Done()
	return sess.Session.Idle(w, stop)
}

// Close implements imapserver.Session.
func (sess *session) Close() error {
	sess.conn.filter.idle.Wait()
	return sess.Session.Close()
}
