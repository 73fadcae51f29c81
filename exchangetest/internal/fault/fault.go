// Package fault keeps what shall go wrong, and says what becomes of a command
// or a request that it strikes at.
package fault

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/broadcast"
	"github.com/exoauth/exoauth/exchangetest/internal/clock"
)

// A Place is where a fault strikes.
type Place string

// The places.
const (
	AtIMAP  Place = "IMAP"
	AtSMTP  Place = "SMTP"
	AtPOP   Place = "POP"
	AtEntra Place = "Entra ID"
	AtHost  Place = "host"
)

// Commands that no client sends: before the first word of a mail server, and at
// the end of a message.
const (
	Greeting     = "greeting"
	EndOfMessage = "."
)

// commands are those that a client can send.
var commands = map[Place][]string{
	AtIMAP: {
		Greeting, "APPEND", "AUTHENTICATE", "CAPABILITY", "CHECK", "CLOSE", "COPY", "CREATE", "DELETE", "EXAMINE", "EXPUNGE",
		"FETCH", "ID", "IDLE", "LIST", "LOGIN", "LOGOUT", "LSUB", "MOVE", "NAMESPACE", "NOOP", "RENAME", "SEARCH", "SELECT",
		"STARTTLS", "STATUS", "STORE", "SUBSCRIBE", "UID", "UNSELECT", "UNSUBSCRIBE", "ENABLE",
	},
	AtPOP:   {Greeting, "APOP", "AUTH", "CAPA", "DELE", "LIST", "NOOP", "PASS", "QUIT", "RETR", "RSET", "STAT", "STLS", "TOP", "UIDL", "USER"},
	AtSMTP:  {Greeting, EndOfMessage, "AUTH", "BDAT", "DATA", "EHLO", "EXPN", "HELO", "HELP", "MAIL", "NOOP", "QUIT", "RCPT", "RSET", "STARTTLS", "VRFY"},
	AtEntra: {"token", "devicecode", "authorize", "adminconsent", "deviceauth", "openid-configuration", "keys", "instance", "UserRealm"},
	AtHost:  {"token", "auth"},
}

// A Fault is something that goes wrong. See exchangetest.Fault.
type Fault struct {
	At          Place
	Command     string
	Skip, Times int
	Delay       time.Duration
	Reply       string
	Challenge   string
	AADSTS      int
	Status      int
	Header      http.Header
	Cut         int
	Drop, Reset bool
	Drip        time.Duration
}

// Check says what is wrong with the fields.
func (f *Fault) Check() error {
	known, ok := commands[f.At]
	if !ok {
		return fmt.Errorf("the Fault is at no known Place: %q", f.At)
	}
	if f.Command != "" && !slices.ContainsFunc(known, func(c string) bool { return strings.EqualFold(c, f.Command) }) {
		return fmt.Errorf("no client can send %q at %s, so the Fault would never strike; there are %s", f.Command, f.At, strings.Join(known, ", "))
	}
	if f.Delay < 0 || f.Drip < 0 || f.Skip < 0 || f.Cut < 0 {
		return errors.New("a negative Delay, Drip, Skip or Cut")
	}
	web := f.At == AtEntra || f.At == AtHost
	switch {
	case f.Challenge != "" && (web || f.Command == "" || f.Command == Greeting || f.Command == EndOfMessage):
		return fmt.Errorf("a Challenge is for the commands of mail protocols, not for %q at %s", f.Command, f.At)
	case !web && (f.Status != 0 || f.Header != nil):
		return fmt.Errorf("a Fault at %s has no Status or Header; they are HTTP's", f.At)
	case f.Status != 0 && (f.Status < 200 || f.Status > 999):
		return fmt.Errorf("there is no answer with the Status %d", f.Status)
	case f.Cut != 0 && f.Reply == "" && f.AADSTS == 0:
		return errors.New("a Cut without a Reply to cut")
	case f.AADSTS != 0:
		return f.checkRefusal()
	}
	return nil
}

func (f *Fault) checkRefusal() error {
	switch _, known := aadsts.Lookup(f.AADSTS); {
	case !known:
		return fmt.Errorf("AADSTS%d is not among the Refusals; give its JSON as the Reply", f.AADSTS)
	case f.At != AtEntra:
		return fmt.Errorf("a Fault at %s has no AADSTS; that is said by Entra ID", f.At)
	case f.Reply != "" || f.Cut != 0:
		return errors.New("a Fault has either an AADSTS or a Reply to send")
	}
	return nil
}

// String names the fault by what it strikes at.
func (f *Fault) String() string {
	if f.Command == "" {
		return fmt.Sprintf("Fault{%s, any command}", f.At)
	}
	return fmt.Sprintf("Fault{%s, %s}", f.At, f.Command)
}

// Wire is the Reply, or another text of a fault, as a mail server sends it.
func Wire(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return strings.ReplaceAll(text, "\n", "\r\n")
}

// Faults are those that have not struck yet. They may be used by several
// goroutines at once.
type Faults struct {
	Struck broadcast.Signal // one has
	Clock  *clock.Clock
	Logger *slog.Logger

	mu      sync.Mutex
	waiting []*waiting // those that were added first come first
}

// A waiting fault has struck so many times.
type waiting struct {
	Fault
	struck int
}

// Add adds a fault that Check finds nothing wrong with.
func (fs *Faults) Add(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	f.Header = f.Header.Clone()
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.waiting = append(fs.waiting, &waiting{Fault: f})
}

// Clear takes back those that wait.
func (fs *Faults) Clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.waiting = nil
}

// Waiting returns how many have still to strike.
func (fs *Faults) Waiting() int {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return len(fs.waiting)
}

// Never returns the faults that have not struck once.
func (fs *Faults) Never() []string {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var list []string
	for _, f := range fs.waiting {
		if f.struck == 0 {
			list = append(list, f.String())
		}
	}
	return list
}

// next returns the fault that strikes at a command, or nil.
func (fs *Faults) next(at Place, command string) *Fault {
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
		f.struck++
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				fs.waiting = slices.Delete(fs.waiting, i, i+1)
			}
		}
		fs.Struck.Notify()
		copied := f.Fault
		return &copied
	}
	return nil
}

// A Target is what a fault strikes at: an answer to be, on a connection.
type Target interface {
	// Slow has all that the connection is sent from now on drip.
	Slow(drip time.Duration, since time.Time)
	// Challenge sends a challenge and drops the answer. It reports whether
	// there is anybody left to answer to.
	Challenge(text string) bool
	// Replace gives the answer of the fault.
	Replace(f *Fault)
	// End ends the connection.
	End(f *Fault)
}

// Strike lets a fault strike at a command, after its delay, if there is one. It
// reports whether the answer has been given.
func (fs *Faults) Strike(at Place, command string, to Target, gone <-chan struct{}) bool {
	f := fs.next(at, command)
	if f == nil {
		return false
	}
	since := fs.Clock.Now()
	fs.Logger.Info("fault", "at", at, "command", command)
	fs.Clock.Wait(since.Add(f.Delay), gone)
	if f.Drip > 0 {
		to.Slow(f.Drip, since)
	}
	if f.Challenge != "" && !to.Challenge(Wire(f.Challenge)) {
		return true
	}
	if f.Reply == "" && f.AADSTS == 0 && f.Status == 0 && !f.Drop && !f.Reset {
		return false
	}
	to.Replace(f)
	if f.Drop || f.Reset || f.Cut > 0 {
		to.End(f)
	}
	return true
}

// Lines is the Reply as a mail server sends it.
func (f *Fault) Lines(tag string) string {
	text := Wire(strings.ReplaceAll(f.Reply, "{tag}", tag))
	if f.Cut > 0 && f.Cut < len(text) {
		text = text[:f.Cut]
	}
	return text
}

// Reset makes closing the connection look like a failure to the client.
func Reset(raw net.Conn) {
	if tcp, ok := raw.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	raw.Close()
}
