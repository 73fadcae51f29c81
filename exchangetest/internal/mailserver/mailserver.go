// Package mailserver has what the IMAP, POP3 and SMTP servers share: a session
// with its end, the SASL mechanisms, and a connection that speaks in lines.
package mailserver

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/exoauth/exoauth/exchangetest/internal/access"
	"github.com/exoauth/exoauth/exchangetest/internal/broadcast"
	"github.com/exoauth/exoauth/exchangetest/internal/clock"
	"github.com/exoauth/exoauth/exchangetest/internal/fault"
	"github.com/exoauth/exoauth/exchangetest/internal/record"
)

// MaxLine bounds a command line. Exchange's own limits are not documented; this
// one is above any token of Entra ID.
const MaxLine = 64 << 10

// A Server is what the servers work with.
type Server struct {
	Access      *access.Access
	Faults      *fault.Faults
	Records     *record.Records
	Clock       *clock.Clock
	Logger      *slog.Logger
	TLS         func() *tls.Config
	IdleTimeout time.Duration // zero: for ever
}

// An End is how the server ends a session.
type End int

// The ends.
const (
	Open    End = iota // it has not ended
	Expired            // its token has
	Silent             // the client was silent for too long
)

func (e End) String() string {
	return [...]string{"open", "the token expired during the session", "the client was silent for too long"}[e]
}

// A Session is a connection to one of the servers. It ends by the clock when its
// token expires, or when the client is silent for too long: a read that waits
// for the client is interrupted, so that nothing is written into the middle of a
// response.
type Session struct {
	*Server
	Conn net.Conn

	entry   *record.Entry
	changed broadcast.Signal // what follows calls for another look at the clock
	done    chan struct{}    // closed when nobody looks at it any more

	mu        sync.Mutex
	closed    bool
	end       End
	expires   time.Time // zero: never
	listening time.Time // since when the client is waited for; zero: it is not
}

// Begin begins a session. The caller must call Close.
func (s *Server) Begin(protocol string, conn net.Conn) *Session {
	sess := &Session{
		Server: s, Conn: conn, done: make(chan struct{}),
		entry: s.Records.Begin(record.Session{Protocol: protocol, Start: s.Clock.Now()}),
	}
	go sess.watch()
	return sess
}

// Close ends the record of the session.
func (sess *Session) Close() {
	sess.mu.Lock()
	sess.closed = true
	sess.mu.Unlock()
	sess.changed.Notify()
	<-sess.done
	sess.entry.Update(func(r *record.Session) { r.Closed = true })
}

// watch interrupts the session when its time has come.
func (sess *Session) watch() {
	defer close(sess.done)
	for {
		changed := sess.changed.Next()
		due, over := sess.due()
		if over {
			return
		}
		if due.IsZero() {
			<-changed
			continue
		}
		sess.Clock.Wait(due, changed)
		select {
		case <-sess.Clock.Stopped():
			return
		default:
		}
	}
}

// due returns when to look again, the zero time if that may not be before
// something changes. over reports whether there is nothing left to look for.
func (sess *Session) due() (at time.Time, over bool) {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	if sess.closed {
		return at, true
	}
	now := sess.Clock.Now()
	if sess.endLocked(now) != Open {
		sess.Conn.SetReadDeadline(time.Unix(1, 0))
		return at, true
	}
	at = sess.expires
	if sess.IdleTimeout > 0 {
		idle := sess.listening
		if idle.IsZero() {
			idle = now
		}
		if idle = idle.Add(sess.IdleTimeout); at.IsZero() || idle.Before(at) {
			at = idle
		}
	}
	return at, false
}

func (sess *Session) endLocked(now time.Time) End {
	switch {
	case sess.end != Open:
	case !sess.expires.IsZero() && !now.Before(sess.expires):
		sess.end = Expired
	case sess.IdleTimeout > 0 && !sess.listening.IsZero() && now.Sub(sess.listening) >= sess.IdleTimeout:
		sess.end = Silent
	}
	return sess.end
}

// Listen notes that the server waits for the client from now on. It returns how
// the session has ended, if it has.
func (sess *Session) Listen() End { return sess.listen(true) }

// Hear notes that the client was heard.
func (sess *Session) Hear() End { return sess.listen(false) }

func (sess *Session) listen(on bool) End {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	now := sess.Clock.Now()
	end := sess.endLocked(now)
	sess.listening = time.Time{}
	if on {
		sess.listening = now
	}
	return end
}

// Because records what is wrong with the session.
func (sess *Session) Because(reason string) {
	sess.entry.Update(func(r *record.Session) { r.Reason = reason })
}

// Named records the name that the client gives, if it is one.
func (sess *Session) Named(user string) {
	if isName(user) {
		sess.entry.Update(func(r *record.Session) { r.User = user })
	}
}

var errNoName = errors.New("what was given for a name is none")

// isName reports whether a text could be a name, rather than the token that a
// client gives for it. An address has 254 bytes at most (RFC 5321 section
// 4.5.3.1.3, less the brackets).
func isName(text string) bool {
	return len(text) <= 254 && !strings.ContainsFunc(text, unicode.IsControl)
}

// Attempt records that a client tried to authenticate, and what is wrong with
// that.
func (sess *Session) Attempt(user string, b access.Bearer, err error) {
	if err != nil && !isName(user) {
		user, err = "", errNoName
	}
	sess.entry.Update(func(r *record.Session) {
		r.User, r.ClientID, r.Reason = user, b.ClientID, ""
		if err != nil {
			r.Reason = err.Error()
		}
		r.Attempts++
	})
}

// Accept records that the server accepted the latest attempt. The session ends
// when the clock passes expires.
func (sess *Session) Accept(expires time.Time) {
	sess.entry.Update(func(r *record.Session) { r.Authenticated = true })
	sess.mu.Lock()
	sess.expires = expires
	sess.mu.Unlock()
	sess.changed.Notify()
}
