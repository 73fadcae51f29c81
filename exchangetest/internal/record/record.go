// Package record keeps what happened: the requests for tokens, the connections
// to mail servers and the messages that were sent.
package record

import (
	"slices"
	"sync"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/broadcast"
)

// A Request is one for a token.
type Request struct {
	Time     time.Time
	Tenant   string
	Grant    string
	ClientID string
	Scope    string
	User     string
	Status   int
	AADSTS   int
	Error    string
	Claims   map[string]any
}

// A Session is one connection to a mail server.
type Session struct {
	Protocol      string
	Start         time.Time
	User          string
	ClientID      string
	Attempts      int
	Authenticated bool
	Reason        string
	Closed        bool
}

// A Message is one that a mail server accepted.
type Message struct {
	Time time.Time
	User string
	From string
	To   []string
	Data []byte
}

// Records may be used by several goroutines at once. The zero value is empty.
type Records struct {
	Changed broadcast.Signal // there is more in them

	mu       sync.Mutex
	requests []Request
	sessions []*Entry
	sent     []Message
}

// AddRequest adds a request.
func (r *Records) AddRequest(request Request) {
	defer r.Changed.Notify()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, request)
}

// AddMessage leaves it to the caller to notify of the change, when the message
// is in the mailboxes too.
func (r *Records) AddMessage(m Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, m)
}

// Requests returns the requests, oldest first.
func (r *Records) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Sent returns the messages, oldest first.
func (r *Records) Sent() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.sent)
}

// Sessions returns the connections, oldest first.
func (r *Records) Sessions() []Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]Session, len(r.sessions))
	for i, e := range r.sessions {
		list[i] = e.session
	}
	return list
}

// Forget drops what was asked and sent, for a program that does not end.
func (r *Records) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests, r.sent = nil, nil
}

// An Entry is the record of a connection that may still change.
type Entry struct {
	records *Records
	session Session // guarded by the records
}

// Begin adds a connection.
func (r *Records) Begin(s Session) *Entry {
	defer r.Changed.Notify()
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &Entry{r, s}
	r.sessions = append(r.sessions, e)
	return e
}

// Update changes the record. The function must not call back.
func (e *Entry) Update(f func(*Session)) {
	defer e.records.Changed.Notify()
	e.records.mu.Lock()
	defer e.records.mu.Unlock()
	f(&e.session)
}
