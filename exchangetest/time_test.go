package exchangetest

import (
	"testing"
	"time"
)

// sessionsThatWait are sessions whose client says nothing more, each with what
// the server ends it with: when the token has expired, and when the client was
// silent for too long. (IMAP: iroco-co/aioimaplib#83 in IDLE, node-imap#561. No
// report has the words of POP3 and SMTP: they are IMAP's, and those of Exchange
// Server for a connection that has timed out.)
var sessionsThatWait = []struct {
	name            string
	bring           func(w *world, t testing.TB, token string) *wire
	expired, silent string
}{
	{"IMAP, IDLE", func(w *world, t testing.TB, token string) *wire {
		c := w.authenticated(t, shared, token)
		c.send("A SELECT INBOX", "B IDLE")
		for c.read() != "+ IDLE accepted, awaiting DONE command.\r\n" {
			continue
		}
		return c
	}, "* BYE Session invalidated - AccessTokenExpired", "* BYE Connection is closed. 13"},
	{"IMAP, between commands", func(w *world, t testing.TB, token string) *wire {
		return w.authenticated(t, shared, token)
	}, "* BYE Session invalidated - AccessTokenExpired", "* BYE Connection is closed. 13"},
	{"IMAP, in a literal", func(w *world, t testing.TB, token string) *wire {
		c := w.authenticated(t, shared, token)
		c.send("A APPEND INBOX {9}")
		c.want("+ Ready for additional command text.")
		return c
	}, "* BYE Session invalidated - AccessTokenExpired", "* BYE Connection is closed. 13"},
	{"POP3", func(w *world, t testing.TB, token string) *wire {
		c := w.dialPOP(t)
		c.send("AUTH XOAUTH2")
		c.want("+ ")
		c.send(xoauth2IR(shared, token))
		c.want("+OK User successfully authenticated.")
		return c
	}, "-ERR Session invalidated - AccessTokenExpired", "-ERR Connection is closed. 13"},
	{"SMTP", func(w *world, t testing.TB, token string) *wire {
		c := w.dialSMTP(t)
		c.send("AUTH XOAUTH2 " + xoauth2IR(shared, token))
		c.want(smtpOK)
		return c
	}, "421 4.4.1 Connection timed out", "421 4.4.1 Connection timed out"},
	{"SMTP, in a message", func(w *world, t testing.TB, token string) *wire {
		c := w.dialSMTP(t)
		c.send("AUTH XOAUTH2 "+xoauth2IR(shared, token), "MAIL FROM:<"+shared+">", "RCPT TO:<"+shared+">", "DATA")
		c.want(smtpOK, "250 2.1.0 Sender OK", "250 2.1.5 Recipient OK", "354 Start mail input; end with <CRLF>.<CRLF>")
		return c
	}, "421 4.4.1 Connection timed out", "421 4.4.1 Connection timed out"},
}

func timedWorld(t testing.TB, lifetime, idle time.Duration) *world {
	t.Helper()
	s := NewUnstartedServer()
	t.Cleanup(s.Close)
	s.TokenLifetime, s.IdleTimeout = lifetime, idle
	s.Start()
	w := &world{Server: s, tenant: s.Tenant()}
	w.app = w.tenant.AddApp("Invoices", IMAPAccessAsApp, POPAccessAsApp, SMTPSendAsApp)
	w.mailbox = w.tenant.AddMailbox(shared)
	w.tenant.Grant(w.app, shared)
	return w
}

// A session ends by the clock while it waits for its client, by the machine's
// clock alone and when the server's is moved.
func TestSessionsEndWhileTheyWait(t *testing.T) {
	for _, row := range sessionsThatWait {
		for name, end := range map[string]struct {
			lifetime, idle time.Duration
			advance        time.Duration
			want, reason   string
		}{
			"token, in real time":  {time.Second, 0, 0, row.expired, "the token expired during the session"},
			"silent, in real time": {0, time.Second, 0, row.silent, "the client was silent for too long"},
			"token, advanced":      {time.Hour, 0, time.Hour, row.expired, "the token expired during the session"},
			"silent, advanced":     {0, time.Minute, time.Minute, row.silent, "the client was silent for too long"},
		} {
			t.Run(row.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				w := timedWorld(t, end.lifetime, end.idle)
				if end.lifetime == time.Second {
					// Tokens expire on the full second.
					w.Advance(w.Now().Truncate(time.Second).Add(time.Second).Sub(w.Now()))
				}
				c := row.bring(w, t, w.app.Token(nil))
				if end.advance > 0 {
					w.Advance(end.advance)
				}
				c.want(end.want)
				c.wantEOF()
				w.Close()
				if got := w.lastSession(t); got.Reason != end.reason || !got.Closed {
					t.Errorf("%+v", got)
				}
			})
		}
	}
}

// A client that is heard often enough is not silent.
func TestSessionsThatAreHeard(t *testing.T) {
	w := timedWorld(t, 24*time.Hour, 10*time.Minute)
	c := w.authenticated(t, shared, w.app.Token(nil))
	for range 3 {
		w.Advance(9 * time.Minute)
		c.send("A NOOP")
		c.want("A OK NOOP completed.")
	}
}
