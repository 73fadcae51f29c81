package exchangetest

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/broadcast"
)

// A Place is where a [Fault] strikes.
type Place string

// The places.
const (
	AtIMAP  Place = "IMAP"
	AtSMTP  Place = "SMTP"
	AtPOP   Place = "POP"
	AtEntra Place = "Entra ID"
	AtHost  Place = "host" // a [Host] with managed identities
)

// Greeting is the Command of a [Fault] that strikes before a mail server's
// first word, and EndOfMessage that of one that strikes at the end of the
// message that follows DATA.
const (
	Greeting     = "greeting"
	EndOfMessage = "."
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
	// [Greeting] and [EndOfMessage], which no line of the client's can follow.
	Challenge string

	// AADSTS has Entra ID refuse the request with the error of that number, in
	// the status, the words and the JSON that go with it; see [Refusals]. A
	// request for the sign-in page sends the browser back to the application
	// with it, or shows it where Entra ID does that instead. Zero means no
	// such refusal.
	AADSTS int

	// Status and Header are those of the HTTP response, which mail servers have
	// none of. A Status of zero means that of the refusal, or 200 with a Reply.
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

	struck time.Time
}

// replaces reports whether the usual answer is not given.
func (f *Fault) replaces() bool {
	return f != nil && (f.Reply != "" || f.AADSTS != 0 || f.Status != 0 || f.Drop || f.Reset)
}

// ends reports whether the connection ends with the Reply.
func (f *Fault) ends() bool { return f.Drop || f.Reset || f.Cut > 0 }

// wireLines ends each line in the way of the mail protocols.
func wireLines(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return strings.ReplaceAll(text, "\n", "\r\n")
}

// challenge returns the Challenge as a mail server sends it.
func (f *Fault) challenge() string { return wireLines(f.Challenge) }

// lines returns the Reply as a mail server sends it.
func (f *Fault) lines(tag string) string {
	text := wireLines(strings.ReplaceAll(f.Reply, "{tag}", tag))
	if f.Cut > 0 && f.Cut < len(text) {
		text = text[:f.Cut]
	}
	return text
}

// Inject makes something go wrong. Of several faults that fit, the one that
// was injected first strikes. It panics if the fields contradict each other.
func (s *Server) Inject(f Fault) {
	if !slices.Contains([]Place{AtIMAP, AtSMTP, AtPOP, AtEntra, AtHost}, f.At) {
		panic(fmt.Sprintf("exchangetest: Inject: the Fault is at no known Place: %q", f.At))
	}
	if f.Delay < 0 || f.Drip < 0 || f.Skip < 0 || f.Cut < 0 {
		panic("exchangetest: Inject: a negative Delay, Drip, Skip or Cut")
	}
	f.checkFields()
	if f.AADSTS != 0 {
		f.checkRefusal()
	}
	if f.Times == 0 {
		f.Times = 1
	}
	f.Header = f.Header.Clone()
	s.faults.add(&f)
}

// checkFields panics where a field is set that the Place or the Command has no
// use for.
func (f *Fault) checkFields() {
	web := f.At == AtEntra || f.At == AtHost
	switch {
	case f.Challenge != "" && (web || f.Command == "" || f.Command == Greeting || f.Command == EndOfMessage):
		panic(fmt.Sprintf("exchangetest: Inject: a Challenge is for the commands of mail protocols, not for %q at %s", f.Command, f.At))
	case !web && (f.Status != 0 || f.Header != nil):
		panic(fmt.Sprintf("exchangetest: Inject: a Fault at %s has no Status or Header; they are HTTP's", f.At))
	case f.Status != 0 && (f.Status < 200 || f.Status > 999):
		panic(fmt.Sprintf("exchangetest: Inject: there is no answer with the Status %d", f.Status))
	case f.Cut != 0 && f.Reply == "" && f.AADSTS == 0:
		panic("exchangetest: Inject: a Cut without a Reply to cut")
	}
}

func (f *Fault) checkRefusal() {
	switch _, known := aadsts.Lookup(f.AADSTS); {
	case !known:
		panic(fmt.Sprintf("exchangetest: Inject: AADSTS%d is not among the Refusals; give its JSON as the Reply", f.AADSTS))
	case f.At != AtEntra:
		panic(fmt.Sprintf("exchangetest: Inject: a Fault at %s has no AADSTS; that is said by Entra ID", f.At))
	case f.Reply != "" || f.Cut != 0:
		panic("exchangetest: Inject: a Fault has either an AADSTS or a Reply to send")
	}
}

// ClearFaults takes back what has not struck yet.
func (s *Server) ClearFaults() { s.faults.clear() }

// faults are those that have not struck yet.
type faults struct {
	struck broadcast.Signal // one has

	mu      sync.Mutex
	waiting []*Fault // those that were injected first come first
}

func (fs *faults) add(f *Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.waiting = append(fs.waiting, f)
}

func (fs *faults) clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.waiting = nil
}

// next returns the fault that strikes at a command that comes now, or nil.
func (fs *faults) next(at Place, command string, now time.Time) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, f := range fs.waiting {
		if f.At != at || f.Command != "" && !strings.EqualFold(f.Command, command) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				fs.waiting = slices.Delete(fs.waiting, i, i+1)
			}
		}
		copied := *f
		copied.struck = now
		fs.struck.Notify()
		return &copied
	}
	return nil
}

// strike returns the fault that strikes now, after its delay, or nil.
func (s *Server) strike(at Place, command string, gone <-chan struct{}) *Fault {
	f := s.faults.next(at, command, s.Now())
	if f == nil {
		return nil
	}
	s.Logger.Info("fault", "at", at, "command", command)
	s.clock.Wait(f.struck.Add(f.Delay), gone)
	return f
}

// reset makes closing the connection look like a failure to the client.
func reset(raw net.Conn) {
	if tcp, ok := raw.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	raw.Close()
}
