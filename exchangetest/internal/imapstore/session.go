package imapstore

import (
	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// A Session is one on a mailbox, for go-imap's server. Unlike those of go-imap's
// store it tells the others at once of what it does.
type Session struct {
	*imapmemserver.UserSession
	box *Box
}

// NewSession returns a session that is authenticated.
func (b *Box) NewSession() *Session {
	return &Session{imapmemserver.NewUserSession(b.user), b}
}

// Login implements imapserver.Session. It is never called.
func (*Session) Login(string, string) error { return imapserver.ErrAuthFailed }

// Append implements imapserver.Session.
func (sess *Session) Append(mailbox string, r imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	defer sess.box.changes.Notify()
	return sess.UserSession.Append(mailbox, r, options)
}

// Idle implements imapserver.Session. That of go-imap's store misses what
// happens before it has begun to listen, when the client has been told already
// that it does.
func (sess *Session) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	for {
		change := sess.box.changes.Next()
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
func (sess *Session) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	defer sess.box.changes.Notify()
	return sess.UserSession.Fetch(w, set, options)
}

// Store implements imapserver.Session.
func (sess *Session) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, options *imap.StoreOptions) error {
	defer sess.box.changes.Notify()
	return sess.UserSession.Store(w, set, flags, options)
}

// Expunge implements imapserver.Session.
func (sess *Session) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	defer sess.box.changes.Notify()
	return sess.UserSession.Expunge(w, uids)
}

// Copy implements imapserver.Session.
func (sess *Session) Copy(set imap.NumSet, to string) (*imap.CopyData, error) {
	defer sess.box.changes.Notify()
	return sess.UserSession.Copy(set, to)
}

// Move implements imapserver.SessionMove.
func (sess *Session) Move(w *imapserver.MoveWriter, set imap.NumSet, to string) error {
	defer sess.box.changes.Notify()
	return sess.UserSession.Move(w, set, to)
}
