package exchangetest

import (
	"errors"
	"net"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/exoauth/exoauth/exchangetest/internal/broadcast"
)

// A session is the record of a connection, and what Advance needs to end it.
type session struct {
	changed *broadcast.Signal // there is more in the records
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
	sess := &session{changed: &s.records.changed, conn: conn, heard: s.Now(), record: Session{Protocol: protocol, Start: s.Now()}}
	if protocol == "IMAP" {
		sess.idle = s.IdleTimeout
	}
	s.records.addSession(sess)
	return sess
}

func (sess *session) snapshot() Session {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	return sess.record
}

// update changes the record under its lock.
func (sess *session) update(f func(r *Session)) {
	defer sess.changed.Notify()
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
	defer sess.changed.Notify()
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
	defer sess.changed.Notify()
	sess.mu.Lock()
	defer sess.mu.Unlock()
	sess.record.Authenticated = true
	sess.expires = expires
}

// end records that the connection has ended.
func (sess *session) end() {
	sess.update(func(r *Session) { r.Closed = true })
}
