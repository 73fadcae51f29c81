package exchangetest

import (
	"net/http"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/fault"
)

// A Place is where a [Fault] strikes.
type Place = fault.Place

// The places.
const (
	AtIMAP  = fault.AtIMAP
	AtSMTP  = fault.AtSMTP
	AtPOP   = fault.AtPOP
	AtEntra = fault.AtEntra
	AtHost  = fault.AtHost // a [Host] with managed identities
)

// Greeting is the Command of a [Fault] that strikes before a mail server's
// first word, and EndOfMessage that of one that strikes at the end of the
// message that follows DATA.
const (
	Greeting     = fault.Greeting
	EndOfMessage = fault.EndOfMessage
)

// A Fault is something that goes wrong, once or several times. The zero fields
// say that the answer is the usual one.
type Fault struct {
	At Place // required

	// Command is the mail protocol's command that it strikes at, such as
	// "AUTHENTICATE", or [Greeting] or [EndOfMessage]; for Entra ID it is the
	// last part of the path, such as "token". Empty means any.
	Command string

	// Skip lets so many pass first. Times is how often it strikes after
	// that: zero means once, a negative number for ever.
	Skip, Times int

	// Delay holds the answer back until the server's clock has advanced by
	// so much, by itself or by Advance.
	Delay time.Duration

	// Reply is sent in place of the answer: lines of the mail protocol, in
	// which {tag} stands for the tag of an IMAP command, or the body of an
	// HTTP response.
	Reply string

	// Challenge is sent first, by a mail server: "+ " or "334 " and something
	// in base64, such as the JSON with which Gmail refuses a token. The client
	// is waited for, and the line that it sends is dropped, whatever it is.
	// Then comes the Reply, or the usual answer. It wants a Command, other than
	// [Greeting] and [EndOfMessage]: no line of the client's can follow these.
	Challenge string

	// AADSTS has Entra ID refuse the request with the error of that number, in
	// the status, the words and the JSON that go with it; see [Refusals]. A
	// request for the sign-in page sends the browser back to the application
	// with it, or shows it where Entra ID does that instead. Zero means no
	// such refusal.
	AADSTS int

	// Status and Header are those of the HTTP response. Mail servers have none. A Status of zero means that of the refusal, or 200 with a Reply.
	// An empty Reply with a Status is an empty body.
	Status int
	Header http.Header

	// Cut ends the connection after so many bytes of the Reply. Zero means
	// that nothing is cut off.
	Cut int

	// Drop closes the connection, after the Reply if there is one. Reset does
	// so in the way of a firewall, so that the client sees an error.
	Drop, Reset bool

	// Drip is the time between one byte and the next of all that the
	// connection is sent from then on, on the server's clock.
	Drip time.Duration
}

// Inject makes something go wrong. Of several faults that fit, the one that
// was injected first strikes. It panics if the fields contradict each other, or
// if no client can send the Command. Close tells the Logger of a fault that has
// never struck, and [Run] the test.
func (s *Server) Inject(f Fault) {
	inner := fault.Fault(f)
	check("Inject", inner.Check())
	s.faults.Add(inner)
}

// ClearFaults takes back what has not struck yet.
func (s *Server) ClearFaults() { s.faults.Clear() }

// Refusals returns the numbers that [Fault.AADSTS] takes, in ascending order:
// those of Microsoft's list that keep a client from a token for mail.
// (https://learn.microsoft.com/entra/identity-platform/reference-error-codes)
func Refusals() []int { return aadsts.Codes() }
