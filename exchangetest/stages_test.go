package exchangetest

import (
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/fault"
)

// A stage is a point in a session at which it may end.
type stage struct {
	name  string
	bring func(w *world, t testing.TB) *wire
}

func says(dial func(*world, testing.TB) *wire, send string, want ...string) func(*world, testing.TB) *wire {
	return func(w *world, t testing.TB) *wire {
		t.Helper()
		c := dial(w, t)
		c.sendRaw(send)
		for _, line := range want {
			c.wantMatch(line)
		}
		return c
	}
}

func port(addr string, send string, lines int) func(*world, testing.TB) *wire {
	return func(w *world, t testing.TB) *wire {
		t.Helper()
		c := w.dial(t, addr)
		c.sendRaw(send)
		for range lines {
			c.read()
		}
		return c
	}
}

func inIMAP(w *world, t testing.TB) *wire { return w.authenticated(t, shared, w.app.Token(nil)) }

func inSMTP(w *world, t testing.TB) *wire {
	c := w.dialSMTP(t)
	c.send("AUTH XOAUTH2 "+xoauth2IR(shared, w.app.Token(nil)), "MAIL FROM:<"+shared+">", "RCPT TO:<"+shared+">")
	c.want(smtpOK, "250 2.1.0 Sender OK", "250 2.1.5 Recipient OK")
	return c
}

// inUnusable is a session that is authenticated but not connected.
func inUnusable(w *world, t testing.TB) *wire {
	user := w.user("adele@contoso.com")
	return w.authenticated(t, shared, w.app.Token(&TokenOptions{User: user}))
}

func faulty(f Fault, bring func(*world, testing.TB) *wire, send string) func(*world, testing.TB) *wire {
	return func(w *world, t testing.TB) *wire {
		t.Helper()
		c := bring(w, t)
		w.Inject(f)
		struck := w.faults.Struck.Next()
		c.sendRaw(send)
		<-struck
		return c
	}
}

// clientHello is the first half of one.
const clientHello = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"

const literalAsked = `\+ Ready for additional command text\.`

var stages = []stage{
	{"IMAP, no handshake", port("outlook.office365.com:993", "", 0)},
	{"IMAP, half a handshake", port("outlook.office365.com:993", clientHello, 0)},
	{"IMAP, no TLS at all", port("outlook.office365.com:993", "A NOOP\r\n", 0)},
	{"IMAP, greeted", (*world).dialIMAP},
	{"IMAP, half a command", says((*world).dialIMAP, "A NO")},
	{"IMAP, response awaited", says((*world).dialIMAP, "A AUTHENTICATE XOAUTH2\r\n", `\+`)},
	{"IMAP, half a response", says((*world).dialIMAP, "A AUTHENTICATE XOAUTH2\r\ndXN", `\+`)},
	{"IMAP, literal awaited", says((*world).dialIMAP, "A LOGIN {5}\r\n", literalAsked)},
	{"IMAP, half a literal", says((*world).dialIMAP, "A LOGIN {5+}\r\nab")},
	{"IMAP, not connected", inUnusable},
	{"IMAP, authenticated", inIMAP},
	{"IMAP, half a command, authenticated", says(inIMAP, "A SELE")},
	{"IMAP, message awaited", says(inIMAP, "A APPEND INBOX {10}\r\n", literalAsked)},
	{"IMAP, half a message", says(inIMAP, "A APPEND INBOX {10}\r\nabc", literalAsked)},
	{"IMAP, half a message that was not asked for", says(inIMAP, "A APPEND INBOX {10+}\r\nabc")},
	{"IMAP, a message without the command's end", says(inIMAP, "A APPEND INBOX {3+}\r\nabc")},
	{"IMAP, half a literal of a refused command", says(inIMAP, "A X {10+}\r\nabc", `A BAD Command Error\. 12`)},
	{"IMAP, half a literal that no parser takes", says(inIMAP, "A NOOP {10+}\r\nabc", bad11)},
	{"IMAP, idling", says(inIMAP, "A IDLE\r\n", `\+ IDLE accepted, awaiting DONE command\.`)},
	{"IMAP, idling, half of DONE", says(inIMAP, "A IDLE\r\nDO", `\+ IDLE accepted, awaiting DONE command\.`)},
	{"IMAP, answer delayed", faulty(Fault{At: AtIMAP, Command: "NOOP", Delay: time.Hour}, (*world).dialIMAP, "A NOOP\r\n")},
	{"IMAP, answer delayed, authenticated", faulty(Fault{At: AtIMAP, Command: "NOOP", Delay: time.Hour}, inIMAP, "A NOOP\r\n")},
	{"IMAP, answer that drips", faulty(Fault{At: AtIMAP, Command: "NOOP", Drip: time.Minute}, inIMAP, "A NOOP\r\n")},
	{"IMAP, challenged", faulty(Fault{At: AtIMAP, Command: "NOOP", Challenge: "+ "}, inIMAP, "A NOOP\r\n")},
	{"IMAP in the clear", port("outlook.office365.com:143", "", 1)},
	{"IMAP, STARTTLS and no handshake", port("outlook.office365.com:143", "A STARTTLS\r\n", 2)},
	{"SMTP, greeted", port("smtp.office365.com:587", "", 1)},
	{"SMTP, STARTTLS and no handshake", port("smtp.office365.com:587", "STARTTLS\r\n", 2)},
	{"SMTP, half a command", says((*world).dialSMTP, "MAI")},
	{"SMTP, name awaited", says((*world).dialSMTP, "AUTH LOGIN\r\n", "334 .*")},
	{"SMTP, password awaited", says((*world).dialSMTP, "AUTH LOGIN YQ==\r\n", "334 .*")},
	{"SMTP, half a response", says((*world).dialSMTP, "AUTH XOAUTH2\r\ndXN", "334 ")},
	{"SMTP, recipients known", inSMTP},
	{"SMTP, message awaited", says(inSMTP, "DATA\r\n", "354 .*")},
	{"SMTP, half a message", says(inSMTP, "DATA\r\nSubject: x\r\n\r\nx\r\n.", "354 .*")},
	{"SMTP, message without its last LF", says(inSMTP, "DATA\r\nSubject: x\r\n\r\nx\r\n.\r", "354 .*")},
	{"SMTP, half a chunk", says(inSMTP, "BDAT 10 LAST\r\nabc")},
	{"SMTP, all chunks but the last", says(inSMTP, "BDAT 3\r\nabc", `250 2\.6\.0 .*`)},
	{"SMTP, chunk out of order", says((*world).dialSMTP, "BDAT 99\r\nabc", `503 5\.5\.2 Need mail command`)},
	{"SMTP, end of message delayed", faulty(Fault{At: AtSMTP, Command: EndOfMessage, Delay: time.Hour, Reply: "451 no"}, inSMTP, "DATA\r\n\r\n.\r\n")},
	{"SMTP, challenged", faulty(Fault{At: AtSMTP, Command: "NOOP", Challenge: "334 "}, inSMTP, "NOOP\r\n")},
	{"POP3, no handshake", port("outlook.office365.com:995", "", 0)},
	{"POP3, greeted", (*world).dialPOP},
	{"POP3, password awaited", says((*world).dialPOP, "USER x\r\n", `\+OK`)},
	{"POP3, response awaited", says((*world).dialPOP, "AUTH PLAIN\r\n", `\+ `)},
	{"POP3, logged on", (*world).popLogin},
	{"POP3, message marked", func(w *world, t testing.TB) *wire {
		c := w.popLogin(t)
		c.send("DELE 1")
		c.want("+OK")
		return c
	}},
	{"POP3, answer that drips", faulty(Fault{At: AtPOP, Command: "NOOP", Drip: time.Minute}, (*world).popLogin, "NOOP\r\n")},
	{"POP3 in the clear", port("outlook.office365.com:110", "", 1)},
	{"POP3, STLS and no handshake", port("outlook.office365.com:110", "STLS\r\n", 2)},
}

// A session may end at any stage, by the client or by the server. It leaves no
// goroutine, no half of a message, and a record that says that it is over.
func TestEndAtEveryStage(t *testing.T) {
	for name, end := range map[string]func(*wire){
		"the client closes":      func(c *wire) { c.conn.Close() },
		"the client resets":      func(c *wire) { fault.Reset(rawConn(c.conn)) },
		"the client half closes": func(c *wire) { rawConn(c.conn).(*net.TCPConn).CloseWrite() },
		"the server closes":      nil,
	} {
		t.Run(name, func(t *testing.T) {
			w := newFullWorld(t)
			var clients []*wire
			for _, s := range stages {
				clients = append(clients, s.bring(w, t))
			}
			if end != nil {
				for _, c := range clients {
					end(c)
				}
				w.Advance(2 * time.Hour) // beyond what is delayed, and drips
				w.awaitClosed(t)
			}
			w.Close()
			w.awaitClosed(t)
			for i := 0; goroutines() != ""; i++ {
				if i == 1000 {
					t.Fatalf("left over:\n%s", goroutines())
				}
				runtime.Gosched()
			}
			if inbox := w.mailbox.Messages("INBOX"); len(inbox) != 1 || len(w.Sent()) != 0 {
				t.Errorf("%q in the mailbox, %d messages sent", inbox, len(w.Sent()))
			}
		})
	}
}

// awaitClosed waits until every session is over.
func (w *world) awaitClosed(t testing.TB) {
	t.Helper()
	for {
		changed := w.Changed()
		var open []string
		for i, s := range w.Sessions() {
			if !s.Closed {
				open = append(open, stages[i].name)
			}
		}
		if len(open) == 0 {
			return
		}
		select {
		case <-changed:
		case <-time.After(20 * time.Second):
			t.Fatalf("not over: %s", strings.Join(open, "; "))
		}
	}
}

// rawConn returns the connection beneath TLS.
func rawConn(conn net.Conn) net.Conn {
	if over, ok := conn.(interface{ NetConn() net.Conn }); ok {
		return over.NetConn()
	}
	return conn
}
