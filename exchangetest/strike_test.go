package exchangetest

import (
	"strings"
	"testing"
	"time"
)

// A strike is a command that a fault can strike at, as it is sent, and how its
// usual answer begins.
type strike struct {
	command, send, usual string
	bring                func(*world, testing.TB) *wire
}

var imapStrikes = []strike{
	{"CAPABILITY", "A CAPABILITY\r\n", "* CAPABILITY", (*world).dialIMAP},
	{"ID", "A ID {3+}\r\nNIL\r\n", "* ID", (*world).dialIMAP},
	{"NOOP", "A NOOP\r\n", "A OK", (*world).dialIMAP},
	{"LOGIN", "A LOGIN {1+}\r\na {1+}\r\nb\r\n", "A NO LOGIN failed.", (*world).dialIMAP},
	{"AUTHENTICATE", "A AUTHENTICATE PLAIN AGEAYg==\r\n", "A NO AUTHENTICATE failed.", (*world).dialIMAP},
	{"SELECT", "A SELECT INBOX\r\n", "A BAD", (*world).dialIMAP},
	{"LOGOUT", "A LOGOUT\r\n", "* BYE", (*world).dialIMAP},
	{"STARTTLS", "A STARTTLS\r\n", "A OK Begin TLS", func(w *world, t testing.TB) *wire {
		c := w.dial(t, "outlook.office365.com:143")
		c.read()
		return c
	}},
	{"NAMESPACE", "A NAMESPACE\r\n", "A BAD User is authenticated but not connected.", inUnusable},
	{"CAPABILITY", "A CAPABILITY\r\n", "* CAPABILITY", inIMAP},
	{"NAMESPACE", "A NAMESPACE\r\n", "* NAMESPACE", inIMAP},
	{"select", "A SELECT INBOX\r\n", "* ", inIMAP},
	{"LIST", "A LIST {0+}\r\n {5+}\r\nINBOX\r\n", "* LIST", inIMAP},
	{"UID", "A UID FETCH 1 (FLAGS)\r\n", "A BAD", inIMAP},
	{"APPEND", "A APPEND Drafts {2+}\r\n\r\n\r\n", "A OK", inIMAP},
	{"APPEND", "A APPEND Drafts {2}\r\n", "+ Ready", inIMAP},
	{"IDLE", "A IDLE\r\n", "+ IDLE accepted", inIMAP},
	{"LOGOUT", "A LOGOUT\r\n", "* BYE", inIMAP},
}

var smtpStrikes = []strike{
	{"EHLO", "EHLO a\r\n", "250-", (*world).dialSMTP},
	{"helo", "HELO a\r\n", "250 ", (*world).dialSMTP},
	{"AUTH", "AUTH LOGIN %\r\n", "535 ", (*world).dialSMTP},
	{"STARTTLS", "STARTTLS\r\n", "503 ", (*world).dialSMTP},
	{"MAIL", "MAIL FROM:<>\r\n", "530 ", (*world).dialSMTP},
	{"RCPT", "RCPT TO:<a@example.com>\r\n", "250 ", inSMTP},
	{"RSET", "RSET\r\n", "250 ", inSMTP},
	{"NOOP", "NOOP\r\n", "250 ", inSMTP},
	{"DATA", "DATA\r\n", "354 ", inSMTP},
	{EndOfMessage, "BDAT 2 LAST\r\n\r\n", "250 2.0.0 OK <", inSMTP},
	{"QUIT", "QUIT\r\n", "221 ", inSMTP},
}

var popStrikes = []strike{
	{"CAPA", "CAPA\r\n", "+OK", (*world).dialPOP},
	{"USER", "USER x\r\n", "+OK", (*world).dialPOP},
	{"PASS", "PASS x\r\n", "-ERR Logon failure", (*world).dialPOP},
	{"AUTH", "AUTH XOAUTH2\r\n", "+ ", (*world).dialPOP},
	{"STLS", "STLS\r\n", "-ERR Command is not valid", (*world).dialPOP},
	{"STAT", "STAT\r\n", "+OK", (*world).popLogin},
	{"LIST", "LIST 1\r\n", "+OK", (*world).popLogin},
	{"UIDL", "UIDL 1\r\n", "+OK", (*world).popLogin},
	{"RETR", "RETR 9\r\n", "-ERR The specified", (*world).popLogin},
	{"DELE", "DELE 9\r\n", "-ERR The specified", (*world).popLogin},
	{"noop", "NOOP\r\n", "+OK", (*world).popLogin},
	{"QUIT", "QUIT\r\n", "+OK", (*world).popLogin},
}

// A fault strikes at any command, once: its reply is all that the command is
// answered, the next of the kind is answered as usual, and where the connection
// is dropped instead nothing is answered at all.
func TestFaultAtEveryCommand(t *testing.T) {
	for _, protocol := range []struct {
		at      Place
		strikes []strike
		reply   string
		next    string // a command after it
		answer  string // pattern of its answer
	}{
		{AtIMAP, imapStrikes, "A NO struck", "Z X", "Z BAD .*"},
		{AtSMTP, smtpStrikes, "451 4.7.0 struck", "X", "500 .*"},
		{AtPOP, popStrikes, "-ERR struck", "X", "-ERR .*"},
	} {
		for _, s := range protocol.strikes {
			t.Run(string(protocol.at)+" "+s.command, func(t *testing.T) {
				w := newFullWorld(t)
				c := s.bring(w, t)
				w.Inject(Fault{At: protocol.at, Command: s.command, Reply: strings.Replace(protocol.reply, "A ", "{tag} ", 1)})
				c.sendRaw(s.send)
				c.want(protocol.reply)
				if s.command != EndOfMessage {
					c.send(protocol.next)
					c.wantMatch(protocol.answer)
					c.sendRaw(s.send)
					if got := c.read(); !strings.HasPrefix(got, s.usual) {
						t.Errorf("the second time it is answered %q, not %q", got, s.usual)
					}
				}

				c = s.bring(w, t)
				w.Inject(Fault{At: protocol.at, Command: s.command, Drop: true})
				c.sendRaw(s.send)
				c.wantEOF()
				w.Close()
				if got := w.lastSession(t); !got.Closed {
					t.Errorf("%+v", got)
				}
			})
		}
	}
}

func newFullWorld(t testing.TB) *world {
	w := newWorld(t)
	w.app = w.tenant.AddApp("Everything", IMAPAccessAsApp, SMTPSendAsApp, POPAccessAsApp)
	w.tenant.Grant(w.app, shared)
	w.tenant.AddUser("adele@contoso.com")
	w.mailbox.Append("INBOX", []byte("Subject: 1\r\n\r\n"))
	return w
}

// A command is delayed until the clock shows the time, and no other session is.
func TestFaultDelaysOneCommand(t *testing.T) {
	for _, s := range []struct {
		at     Place
		strike strike
	}{
		{AtIMAP, strike{"NAMESPACE", "A NAMESPACE\r\n", "* NAMESPACE", inIMAP}},
		{AtIMAP, strike{"CAPABILITY", "A CAPABILITY\r\n", "* CAPABILITY", (*world).dialIMAP}},
		{AtSMTP, strike{"NOOP", "NOOP\r\n", "250 ", inSMTP}},
		{AtPOP, strike{"STAT", "STAT\r\n", "+OK", (*world).popLogin}},
	} {
		t.Run(string(s.at)+" "+s.strike.command, func(t *testing.T) {
			w := newFullWorld(t)
			delayed, other := s.strike.bring(w, t), s.strike.bring(w, t)
			w.Inject(Fault{At: s.at, Command: s.strike.command, Delay: time.Hour})
			struck := w.faults.Struck.Next()
			delayed.sendRaw(s.strike.send)
			<-struck
			other.sendRaw(s.strike.send)
			if got := other.read(); !strings.HasPrefix(got, s.strike.usual) {
				t.Errorf("the other session is answered %q", got)
			}
			w.Advance(time.Hour)
			if got := delayed.read(); !strings.HasPrefix(got, s.strike.usual) {
				t.Errorf("answered %q", got)
			}
		})
	}
}
