package exchangetest

import (
	"net/http"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/fault"
)

// A Place is a server at which a [Fault] strikes.
type Place = fault.Place

// The places.
const (
	AtIMAP  = fault.AtIMAP
	AtSMTP  = fault.AtSMTP
	AtPOP   = fault.AtPOP
	AtEntra = fault.AtEntra
	AtHost  = fault.AtHost // a [Host] with managed identities
)

// Greeting and EndOfMessage are values for the Command of a [Fault]. Greeting
// strikes before a mail server's first line, and EndOfMessage at the end of the
// message after DATA.
const (
	Greeting     = fault.Greeting
	EndOfMessage = fault.EndOfMessage
)

// A Fault is something that goes wrong, once or several times. A zero field
// leaves that part of the answer as usual.
type Fault struct {
	At Place // required

	// Command is the command at which the Fault strikes: for a mail server one
	// such as "AUTHENTICATE", or [Greeting] or [EndOfMessage]; for Entra ID the
	// last part of the path, such as "token". Empty means any.
	Command string

	// Skip is how many times the Fault does not strike at first. Times is how
	// often it strikes after that: zero means once, and a negative number means
	// always.
	Skip, Times int

	// Delay holds the answer back until the server's clock has advanced by that
	// much, by itself or by Advance.
	Delay time.Duration

	// Reply replaces the answer. It consists of lines of the mail protocol, in
	// which {tag} stands for the tag of an IMAP command, or is the body of an
	// HTTP response.
	Reply string

	// Challenge is what a mail server sends first: "+ " or "334 " and something
	// in base64, such as the JSON with which Gmail refuses a token. The server
	// waits for a line from the client and ignores it. Then it sends the Reply,
	// or the usual answer. A Challenge needs a Command other than [Greeting]
	// and [EndOfMessage], after which a client sends no line.
	Challenge string

	// AADSTS makes Entra ID refuse the request with the error of that number,
	// and with its status, text and JSON; see [Refusals]. The sign-in page
	// sends the browser back to the application with the error, or shows it if
	// Entra ID does that. Zero means no such refusal.
	AADSTS int

	// Status and Header are for an HTTP response, not for a mail server. A zero
	// Status means the status of the refusal, or 200 with a Reply. With a
	// Status and no Reply, the body is empty.
	Status int
	Header http.Header

	// Cut ends the connection after that many bytes of the Reply. Zero means
	// that nothing is cut off.
	Cut int

	// Drop closes the connection, after the Reply if there is one. Reset resets
	// it, as a firewall does, so the client sees an error.
	Drop, Reset bool

	// Drip is the time between two bytes, on the server's clock, of everything
	// that the server sends on the connection from then on.
	Drip time.Duration
}

// Inject adds a fault. If several faults fit, the one that was injected first
// strikes. Inject panics if the fields contradict each other, or if no client
// can send the Command. If a fault has never struck, Close logs it, and [Run]
// fails the test.
func (s *Server) Inject(f Fault) {
	inner := fault.Fault(f)
	check("Inject", inner.Check())
	s.faults.Add(inner)
}

// ClearFaults removes all faults, including those that have not struck yet.
func (s *Server) ClearFaults() { s.faults.Clear() }

// Refusals returns the numbers that [Fault.AADSTS] accepts, in ascending order:
// those on Microsoft's list that keep a client from a token for mail.
// (https://learn.microsoft.com/entra/identity-platform/reference-error-codes)
func Refusals() []int { return aadsts.Codes() }
