package exchangetest

import (
	"strings"
	"testing"
)

// dialPOP connects over TLS and reads the greeting.
func (w *world) dialPOP(t testing.TB) *wire {
	t.Helper()
	c := w.dial(t, "outlook.office365.com:995")
	c.startTLS(w.Server, "outlook.office365.com")
	c.wantMatch(`\+OK The Microsoft Exchange POP3 service is ready\. \[[A-Za-z0-9+/=]+\]`)
	return c
}

func newPOPWorld(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.app = w.tenant.AddApp("POP", POPAccessAsApp)
	w.tenant.Grant(w.app, shared)
	return w
}

func (w *world) popLogin(t testing.TB) *wire {
	t.Helper()
	c := w.dialPOP(t)
	c.send("AUTH XOAUTH2")
	c.want("+ ")
	c.send(xoauth2IR(shared, w.app.Token(nil)))
	c.want("+OK User successfully authenticated.")
	return c
}

func TestPOP(t *testing.T) {
	w := newPOPWorld(t)
	w.mailbox.Append("INBOX", []byte("Subject: one\r\n\r\nfirst\r\n.dot\r\n"))
	w.mailbox.Append("INBOX", []byte("Subject: two\r\n\r\nsecond\r\n"))
	c := w.popLogin(t)
	for _, row := range []struct {
		send string
		want []string
	}{
		{"NOOP", []string{"+OK"}},
		{"STAT", []string{"+OK 2 53"}},
		{"LIST", []string{"+OK", "1 29", "2 24", "."}},
		{"LIST 2", []string{"+OK 2 24"}},
		{"UIDL", []string{"+OK", "1 1", "2 2", "."}},
		{"uidl 1", []string{"+OK 1 1"}},
		{"RETR 1", []string{"+OK", "Subject: one", "", "first", "..dot", "."}},
		{"TOP 1 0", []string{"+OK", "Subject: one", "", "."}},
		{"TOP 1 1", []string{"+OK", "Subject: one", "", "first", "."}},
		{"TOP 1 x", []string{"-ERR Protocol error. 19"}},
		{"RETR 0", []string{"-ERR The specified message is out of range."}},
		{"RETR 3", []string{"-ERR The specified message is out of range."}},
		{"DELE 1", []string{"+OK"}},
		{"RETR 1", []string{"-ERR The specified message is out of range."}},
		{"STAT", []string{"+OK 1 24"}},
		{"LIST", []string{"+OK", "2 24", "."}},
		{"RSET", []string{"+OK"}},
		{"STAT", []string{"+OK 2 53"}},
		{"DELE 1", []string{"+OK"}},
		{"AUTH XOAUTH2", []string{popState}},
		{"QUIT", []string{"+OK Microsoft Exchange Server 2016 POP3 server signing off."}},
	} {
		c.send(row.send)
		c.want(row.want...)
	}
	c.wantEOF()
	if left := w.mailbox.Messages("INBOX"); len(left) != 1 || !strings.Contains(string(left[0]), "two") {
		t.Errorf("%d messages are left", len(left))
	}
	// A session that breaks off deletes nothing.
	c = w.popLogin(t)
	c.send("DELE 1")
	c.want("+OK")
	c.conn.Close()
	c = w.popLogin(t)
	c.send("STAT")
	c.want("+OK 1 24")
}

func TestPOPRefuses(t *testing.T) {
	w := newPOPWorld(t)
	for _, row := range []struct {
		name   string
		before func()
		token  *TokenOptions
		user   string
		reason string
	}{
		{"no role", func() {}, &TokenOptions{Roles: []string{IMAPAccessAsApp}}, shared, "the token has no role POP.AccessAsApp"},
		{"another mailbox", func() {}, nil, "x@contoso.com", "there is no mailbox"},
		{"switched off", func() { w.admin(t, "Set-CASMailbox invoices@contoso.com -PopEnabled $false") }, nil, shared, "POP is switched off"},
		{"no FullAccess", func() {
			w.admin(t, "Set-CASMailbox invoices@contoso.com -PopEnabled $true; Remove-MailboxPermission invoices@contoso.com -User {app} -AccessRights FullAccess -Confirm:$false")
		}, nil, shared, "no FullAccess"},
	} {
		row.before()
		c := w.dialPOP(t)
		c.send("AUTH XOAUTH2")
		c.want("+ ")
		c.send(xoauth2IR(row.user, w.app.Token(row.token)))
		c.want(popAuthFailed)
		if got := w.lastSession(t); !strings.Contains(got.Reason, row.reason) || got.Protocol != "POP" || got.Authenticated {
			t.Errorf("%s: %+v", row.name, got)
		}
	}
}

func TestPOPLines(t *testing.T) {
	w := newPOPWorld(t)
	c := w.dialPOP(t)
	for send, want := range map[string]string{
		"STAT": popState, "NOOP": popState, "X": popUnknown, "AUTH": popUnknown, "AUTH NTLM": popUnknown, "STLS": popState,
	} {
		c.send(send)
		c.want(want)
	}
	c.send("AUTH PLAIN", "AGEAYg==")
	c.want("+ ", popAuthFailed)
	c.send("AUTH XOAUTH2", "*")
	c.want("+ ", popAuthFailed)
	c.send("AUTH XOAUTH2", "eA==")
	c.want("+ ", popAuthFailed)
	c.send("USER a", "PASS b")
	c.want("+OK", popLogonFailed)
	c.send("AUTH XOAUTH2 " + xoauth2IR(shared, w.app.Token(nil)))
	c.want(popOneLine)
	c.wantEOF()
}

// What is sent together with the command that starts TLS is not believed.
func TestStartTLSDropsWhatWasNotProtected(t *testing.T) {
	w := newPOPWorld(t)
	c := w.dial(t, "outlook.office365.com:110")
	c.read()
	c.send("AUTH XOAUTH2")
	c.want(popState)
	c.send("STLS", "NOOP")
	c.want("+OK Begin TLS negotiation.")
	c.startTLS(w.Server, "outlook.office365.com")
	c.send("CAPA")
	c.want("+OK", "TOP", "UIDL", "SASL PLAIN XOAUTH2", "USER", ".")

	c = w.dial(t, "outlook.office365.com:143")
	c.read()
	c.send("A LOGIN x y")
	c.want("A " + badState)
	c.send("B STARTTLS", "C NOOP")
	c.want("B OK Begin TLS negotiation now.")
	c.startTLS(w.Server, "outlook.office365.com")
	c.send("D CAPABILITY")
	c.want("* CAPABILITY "+capsBefore, "D OK CAPABILITY completed.")
	c.send("E STARTTLS")
	c.want("E " + badCommand)
}
