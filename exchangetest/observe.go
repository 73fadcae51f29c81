package exchangetest

import (
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/exoauth/exoauth/exchangetest/internal/broadcast"
)

// A Request is one request to the token endpoint or to a [Host].
type Request struct {
	Time     time.Time // by the server's clock
	Tenant   string    // as in the URL
	Grant    string    // grant_type; "managed identity" for a Host
	ClientID string
	Scope    string
	User     string // who signed in, or the username of the request; empty where there is none
	Status   int    // HTTP status of the answer; zero if the connection was dropped
	AADSTS   int    // number of the error of Entra ID; zero if there was none
	Error    string // what the error says, in short; empty if there was none

	// Claims are those of the access token that was issued, opaque ones
	// included; nil if none was. They must not be modified.
	Claims map[string]any
}

// A Session is one connection to a mail server.
type Session struct {
	Protocol string    // "IMAP", "POP" or "SMTP"
	Start    time.Time // by the server's clock
	User     string    // user= of the latest attempt to authenticate, or the name given to LOGIN; empty if it was no name
	ClientID string    // application that the token was issued to, if it could be read
	Attempts int       // how often authentication was tried

	// Authenticated reports whether the server said that authentication
	// succeeded. Exchange says so of sessions too that are of no use; see
	// Reason.
	Authenticated bool

	// Reason says in words what the latest attempt lacks, of which the wire
	// tells little or nothing. It is empty if nothing is wrong.
	Reason string

	Closed bool // the connection has ended
}

// A Message is one that the SMTP server accepted.
type Message struct {
	Time time.Time // by the server's clock
	User string    // user= of the session
	From string    // reverse path of the envelope
	To   []string  // forward paths of the envelope
	Data []byte    // as it was sent, without dot-stuffing
}

// Changed returns a channel that is closed when something happens of which
// Requests, Sessions or Sent tell, for programs that show them.
func (s *Server) Changed() <-chan struct{} { return s.records.Next() }

// Requests returns the requests for tokens so far, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Sessions returns the connections to the mail servers so far, oldest first,
// those included that have ended.
func (s *Server) Sessions() []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Session, len(s.sessions))
	for i, sess := range s.sessions {
		list[i] = sess.snapshot()
	}
	return list
}

// Sent returns the messages that the SMTP server accepted so far, oldest
// first. Their data must not be modified.
func (s *Server) Sent() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

// A session is the record of a connection, and what Advance needs to end it.
type session struct {
	records *broadcast.Signal
	mu      sync.Mutex
	record  Session
	expires time.Time // zero: never
	expired bool
	idle    time.Duration // how long the client may be silent; zero: for ever
	heard   time.Time     // when the client was heard last
	silent  bool          // it was silent for too long
	conn    net.Conn
}

func (s *Server) newSession(protocol string, conn net.Conn) *session {
	defer s.records.Notify()
	sess := &session{records: &s.records, conn: conn, heard: s.Now(), record: Session{Protocol: protocol, Start: s.Now()}}
	if protocol == "IMAP" {
		sess.idle = s.IdleTimeout
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions = append(s.sessions, sess)
	return sess
}

func (sess *session) snapshot() Session {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	return sess.record
}

// update changes the record under its lock.
func (sess *session) update(f func(r *Session)) {
	defer sess.records.Notify()
	sess.mu.Lock()
	defer sess.mu.Unlock()
	f(&sess.record)
}

// wakeIfExpired interrupts a pending read where the token has expired, or the
// client was silent for too long. The session's own goroutine finds that out
// and says goodbye, so that nothing is written into the middle of a response.
func (sess *session) wakeIfExpired(now time.Time) {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	if sess.record.Closed {
		return
	}
	sess.expired = sess.expired || !sess.expires.IsZero() && !now.Before(sess.expires)
	sess.silent = sess.silent || sess.idle > 0 && now.Sub(sess.heard) >= sess.idle
	if sess.expired || sess.silent {
		sess.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// hear notes that the client was heard.
func (sess *session) hear(now time.Time) {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	sess.heard = now
}

// isSilent reports whether the client was silent for too long.
func (sess *session) isSilent() bool {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	return sess.silent
}

// isExpired reports whether the token has expired by now.
func (sess *session) isExpired(now time.Time) bool {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	return sess.expired || !sess.expires.IsZero() && !now.Before(sess.expires)
}

// attempt records that a client tried to authenticate, and what is wrong with
// that.
func (sess *session) attempt(user string, b bearer, err error) {
	defer sess.records.Notify()
	sess.mu.Lock()
	defer sess.mu.Unlock()
	r := &sess.record
	if err != nil && !isName(user) {
		user, err = "", errNoName
	}
	r.User, r.ClientID, r.Reason = user, b.clientID, ""
	if err != nil {
		r.Reason = err.Error()
	}
	r.Attempts++
}

var errNoName = errors.New("what was given for a name is none")

// isName reports whether a text could be a name, rather than the token that a
// client gives for it. An address has 254 bytes at most (RFC 5321 section
// 4.5.3.1.3, less the brackets).
func isName(text string) bool {
	return len(text) <= 254 && !strings.ContainsFunc(text, unicode.IsControl)
}

// accept records that the server accepted the latest attempt. The session ends
// when the clock passes expires.
func (sess *session) accept(expires time.Time) {
	defer sess.records.Notify()
	sess.mu.Lock()
	defer sess.mu.Unlock()
	sess.record.Authenticated = true
	sess.expires = expires
}

// end records that the connection has ended.
func (sess *session) end() {
	sess.update(func(r *Session) { r.Closed = true })
}
