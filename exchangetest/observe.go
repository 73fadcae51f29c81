package exchangetest

import (
	"slices"
	"sync"
	"time"

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

// records are what was asked and sent so far.
type records struct {
	changed broadcast.Signal // there is more in them

	mu       sync.Mutex
	requests []Request
	sessions []*session
	sent     []Message
}

func (r *records) addRequest(request Request) {
	defer r.changed.Notify()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, request)
}

func (r *records) addSession(sess *session) {
	defer r.changed.Notify()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions = append(r.sessions, sess)
}

// addMessage leaves it to the caller to notify of the change, when the message
// is in the mailboxes too.
func (r *records) addMessage(m Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, m)
}

// wakeExpired wakes the sessions that the clock has ended.
func (r *records) wakeExpired(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, sess := range r.sessions {
		sess.wakeIfExpired(now)
	}
}

// Changed returns a channel that is closed when something happens of which
// Requests, Sessions or Sent tell, for programs that show them.
func (s *Server) Changed() <-chan struct{} { return s.records.changed.Next() }

// Requests returns the requests for tokens so far, oldest first.
func (s *Server) Requests() []Request {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	return slices.Clone(s.records.requests)
}

// Sessions returns the connections to the mail servers so far, oldest first,
// those included that have ended.
func (s *Server) Sessions() []Session {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	list := make([]Session, len(s.records.sessions))
	for i, sess := range s.records.sessions {
		list[i] = sess.snapshot()
	}
	return list
}

// Sent returns the messages that the SMTP server accepted so far, oldest
// first. Their data must not be modified.
func (s *Server) Sent() []Message {
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	return slices.Clone(s.records.sent)
}
