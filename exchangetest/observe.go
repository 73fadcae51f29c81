package exchangetest

import (
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/record"
)

// A Request is one request to the token endpoint or to a [Host].
type Request struct {
	Time     time.Time // by the server's clock
	Tenant   string    // as in the URL
	Grant    string    // grant_type; "managed identity" for a Host
	ClientID string
	Scope    string
	User     string // the user who signed in, or the username of the request; empty if there is none
	Status   int    // HTTP status of the answer; zero if the connection was dropped
	AADSTS   int    // number of the error of Entra ID; zero if there was none
	Error    string // the error, in short; empty if there was none

	// Claims are the claims of the access token that was issued, even of an
	// opaque one; nil if none was issued. Do not modify them.
	Claims map[string]any
}

// A Session is one connection to a mail server.
type Session struct {
	Protocol string    // "IMAP", "POP" or "SMTP"
	Start    time.Time // by the server's clock
	User     string    // user= of the latest authentication, or the name sent with LOGIN; empty if there was none
	ClientID string    // application that the token was issued to, if it could be read
	Attempts int       // how often authentication was tried

	// Authenticated reports whether the server said that authentication
	// succeeded. Exchange says so even if the mailbox does not open; see
	// Reason.
	Authenticated bool

	// Reason says why the latest attempt failed, which the server does not tell
	// the client. It is empty if nothing is wrong.
	Reason string

	Closed bool // the connection has ended
}

// A Message is a message that the SMTP server accepted.
type Message struct {
	Time time.Time // by the server's clock
	User string    // user= of the session
	From string    // reverse path of the envelope
	To   []string  // forward paths of the envelope
	Data []byte    // as it was sent, without dot-stuffing
}

// Changed returns a channel that is closed when Requests, Sessions or Sent next
// change, for programs that show them.
func (s *Server) Changed() <-chan struct{} { return s.records.Changed.Next() }

// Requests returns the requests for tokens so far, oldest first.
func (s *Server) Requests() []Request {
	return convert(s.records.Requests(), func(r record.Request) Request { return Request(r) })
}

// Sessions returns the connections to the mail servers so far, including those
// that have ended, oldest first.
func (s *Server) Sessions() []Session {
	return convert(s.records.Sessions(), func(r record.Session) Session { return Session(r) })
}

// Sent returns the messages that the SMTP server accepted so far, oldest first.
// Do not modify their Data.
func (s *Server) Sent() []Message {
	return convert(s.records.Sent(), func(r record.Message) Message { return Message(r) })
}

func convert[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = f(a)
	}
	return out
}
