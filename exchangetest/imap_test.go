package exchangetest

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

const (
	idlePrompt    = "+ IDLE accepted, awaiting DONE command."
	literalPrompt = "+ Ready for additional command text."
)

const greetingHost = `[VABFADAAUAAwADAAMABDAEEAMAAwADAAMQAuAFQARQBTAFQAUAAwADAAMAAuAFAAUgBPAEQALgBPAFUAVABMAE8ATwBLAC4AQwBPAE0A]`

func TestIMAPBeforeAuthentication(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t, "outlook.office365.com:993")
	c.startTLS(w.Server, "outlook.office365.com")
	c.want("* OK The Microsoft Exchange IMAP4 service is ready. " + greetingHost)
	for _, row := range []struct {
		name string
		send string
		want []string
	}{
		{"capability", "A0 CAPABILITY", []string{
			"* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
			"A0 OK CAPABILITY completed.",
		}},
		{"lower case", "a0 noop", []string{"a0 OK NOOP completed."}},
		{"id", `A2 ID ("name" "client")`, []string{
			`* ID ("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.20")`,
			"A2 OK ID completed",
		}},
		{"LOGIN quoted", `A1 LOGIN "user@example.com" "xxx"`, []string{"A1 NO LOGIN failed."}},
		{"LOGIN literals", "A1 LOGIN {4+}\r\nuser {3+}\r\nxxx", []string{"A1 NO LOGIN failed."}},
		{"PLAIN", "A3 AUTHENTICATE PLAIN AHVzZXIAeHh4", []string{"A3 NO AUTHENTICATE failed."}},
		{"another mechanism", "A3 AUTHENTICATE OAUTHBEARER", []string{"A3 BAD Command Argument Error. 11"}},
		{"mailbox command", "A4 SELECT INBOX", []string{"A4 BAD Command received in Invalid state."}},
		{"unknown command", "A5 XYZZY", []string{"A5 BAD Command Error. 12"}},
		{"empty line", "", []string{"* BAD Command Error. 12"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c.send(row.send)
			c.want(row.want...)
		})
	}
	c.send("A9 LOGOUT")
	c.want("* BYE Microsoft Exchange Server 2016 IMAP4 server signing off.", "A9 OK LOGOUT completed.")
	c.wantEOF()
}

func TestIMAPAuthenticate(t *testing.T) {
	w := newWorld(t)
	token := w.app.Token(nil)
	good := xoauth2IR(shared, token)
	for _, row := range []struct {
		name string
		send []string
		want []string
	}{
		{"initial response", []string{"A AUTHENTICATE XOAUTH2 " + good}, []string{"A OK AUTHENTICATE completed."}},
		{"mechanism in lower case", []string{"A authenticate xoauth2 " + good}, []string{"A OK AUTHENTICATE completed."}},
		{"two steps", []string{"A AUTHENTICATE XOAUTH2", good}, []string{"+", "A OK AUTHENTICATE completed."}},
		{"address in another case", []string{"A AUTHENTICATE XOAUTH2 " + xoauth2IR("Invoices@Contoso.com", token)}, []string{"A OK AUTHENTICATE completed."}},
		{"cancelled", []string{"A AUTHENTICATE XOAUTH2", "*"}, []string{"+", "A BAD Command Argument Error. 11"}},
		{"not base64", []string{"A AUTHENTICATE XOAUTH2 %%%"}, []string{"A BAD Command Argument Error. 11"}},
		{"not XOAUTH2", []string{"A AUTHENTICATE XOAUTH2 aGVsbG8="}, []string{"A NO AUTHENTICATE failed."}},
		{"empty", []string{"A AUTHENTICATE XOAUTH2 ="}, []string{"A BAD Command Argument Error. 11"}},
		{"garbage token", []string{"A AUTHENTICATE XOAUTH2 " + xoauth2IR(shared, "garbage")}, []string{"A NO AUTHENTICATE failed."}},
		{"opaque token of 16 KB", []string{"A AUTHENTICATE XOAUTH2 " + xoauth2IR(shared, strings.Repeat("E", 16<<10))}, []string{"A NO AUTHENTICATE failed."}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := w.dialIMAP(t)
			c.send(row.send...)
			c.want(row.want...)
		})
	}
}

// Commands that arrive together are answered together, and what is sent after
// the OK gets the capabilities that a session has then.
func TestIMAPFlights(t *testing.T) {
	w := newWorld(t)
	c := w.dialIMAP(t)
	c.send("1 AUTHENTICATE XOAUTH2 "+xoauth2IR(shared, w.app.Token(nil)), "2 CAPABILITY", "3 NAMESPACE")
	want := strings.Join([]string{
		"1 OK AUTHENTICATE completed.",
		"* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CLIENTACCESSRULES CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+",
		"2 OK CAPABILITY completed.",
		`* NAMESPACE (("" "/")) NIL NIL`,
		"3 OK NAMESPACE completed.", "",
	}, "\r\n")
	buf := make([]byte, 4096)
	n, err := c.conn.Read(buf) // one TLS record
	if err != nil || string(buf[:n]) != want {
		t.Errorf("one read gave %q, %v\nwant %q", buf[:n], err, want)
	}
}

func TestIMAPAfterAuthentication(t *testing.T) {
	w := newWorld(t)
	c := w.authenticated(t, shared, w.app.Token(nil))
	for _, row := range []struct {
		name string
		send string
		want []string
	}{
		{"id", `2 ID NIL`, []string{`* ID ("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.20")`, "2 OK ID completed"}},
		{"noop", "3 NOOP", []string{"3 OK NOOP completed."}},
		{"list", `4 LIST "" "Sent*"`, []string{`* LIST (\HasNoChildren \Sent) "/" "Sent Items"`, "4 OK LIST completed."}},
		{"authenticate again", "5 AUTHENTICATE XOAUTH2", []string{"5 BAD Command received in Invalid state."}},
		{"unknown", "6 XYZZY", []string{"6 BAD Command Error. 12"}},
		{"append asked for", "7 APPEND INBOX {8}", []string{"+ Ready for additional command text."}},
		{"append given", "A: b\r\n\r\n", []string{"7 OK [APPENDUID 1 1] APPEND completed."}},
		{"append refused and a command", "8 APPEND INBOX {4000000000}\r\n9 NOOP", []string{
			"8 NO [TOOBIG] Literals are limited to 104857600 bytes for this command", "9 OK NOOP completed.",
		}},
		{"empty literal asked for", "9 STATUS {0}", []string{"+ Ready for additional command text."}},
		{"empty literal given", " (MESSAGES)", []string{"9 NO  doesn't exist."}},
		{"literal that looks like a command", "10 APPEND INBOX {12+}\r\n\r\n1 LOGOUT\r\n", []string{"10 OK [APPENDUID 1 2] APPEND completed."}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c.send(row.send)
			c.want(row.want...)
		})
	}
	if got := w.mailbox.Messages("INBOX"); len(got) != 2 || string(got[0]) != "A: b\r\n\r\n" || string(got[1]) != "\r\n1 LOGOUT\r\n" {
		t.Errorf("Messages = %q", got)
	}
	c.send("11 LOGOUT")
	c.want("* BYE Microsoft Exchange Server 2016 IMAP4 server signing off.", "11 OK LOGOUT completed.")
	c.wantEOF()
}

func TestIMAPIdle(t *testing.T) {
	w := newWorld(t)
	c := w.authenticated(t, shared, w.app.Token(nil))
	c.send("1 EXAMINE INBOX")
	for !strings.HasPrefix(c.read(), "1 OK") {
	}
	c.send("TAG7 IDLE")
	c.want("+ IDLE accepted, awaiting DONE command.")
	w.mailbox.Append("INBOX", []byte("Subject: 1\r\n\r\n"))
	c.want("* 1 EXISTS")
	c.send("TAG8 NOOP")
	c.want("TAG8 BAD Command received in Invalid state.")
	w.mailbox.Append("INBOX", []byte("Subject: 2\r\n\r\n"))
	c.want("* 2 EXISTS")
	c.send("DONE")
	c.want("TAG7 OK IDLE completed.")
	c.send("TAG9 NOOP")
	c.want("TAG9 OK NOOP completed.")
}

// What one client does to a message is seen by another that is idling.
func TestIMAPIdleSeesOtherClients(t *testing.T) {
	w := newWorld(t)
	w.mailbox.Append("INBOX", []byte("Subject: 1\r\n\r\n"))
	w.mailbox.Append("INBOX", []byte("Subject: 2\r\n\r\n"))
	open := func() *wire {
		c := w.authenticated(t, shared, w.app.Token(nil))
		c.send("1 SELECT INBOX")
		for !strings.HasPrefix(c.read(), "1 OK") {
		}
		return c
	}
	idle, other := open(), open()
	idle.send("2 IDLE")
	idle.want(idlePrompt)
	for _, row := range []struct {
		name, send string
		want       []string
	}{
		{"STORE", "2 STORE 1 +FLAGS.SILENT (\\Deleted)", []string{`* 1 FETCH (FLAGS (\Deleted))`}},
		{"FETCH", "3 FETCH 2 BODY[TEXT]", []string{`* 2 FETCH (FLAGS (\Seen))`}},
		{"APPEND", "5 APPEND INBOX {4+}\r\n\r\nxx", []string{"* 3 EXISTS"}},
		{"EXPUNGE", "6 EXPUNGE", []string{"* 1 EXPUNGE"}},
		{"MOVE", "7 MOVE 1 Archive", []string{"* 1 EXPUNGE"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			other.send(row.send)
			for tag := row.send[:2]; !strings.HasPrefix(other.read(), tag); {
			}
			idle.want(row.want...)
		})
	}
}

func TestIMAPTooManyErrors(t *testing.T) {
	w := newWorld(t)
	c := w.dialIMAP(t)
	for range 9 {
		c.send("A AUTHENTICATE XOAUTH2 " + xoauth2IR(shared, "garbage"))
		c.want("A NO AUTHENTICATE failed.")
	}
	c.send("A AUTHENTICATE XOAUTH2 " + xoauth2IR(shared, "garbage"))
	c.want("A NO AUTHENTICATE failed.", "* BYE Connection closed. 14")
	c.wantEOF()
}

func TestIMAPRetryOnSameConnection(t *testing.T) {
	w := newWorld(t)
	c := w.dialIMAP(t)
	c.send("A AUTHENTICATE XOAUTH2 " + xoauth2IR(shared, w.app.Token(&TokenOptions{Lifetime: -time.Minute})))
	c.want("A NO AUTHENTICATE failed.")
	c.send("B AUTHENTICATE XOAUTH2 " + xoauth2IR(shared, w.app.Token(nil)))
	c.want("B OK AUTHENTICATE completed.")
	if got := w.lastSession(t); got.Attempts != 2 || !got.Authenticated || got.Reason != "" {
		t.Errorf("session %+v", got)
	}
}

func TestIMAPEndlessInput(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct{ name, send string }{
		{"line", strings.Repeat("A", maxLine+1)},
		{"literal", "A LOGIN {4000}\r\n" + strings.Repeat("A", 4000) + " {4000}\r\n"},
		{"literal that would not fit into an int64", "A LOGIN {999999999999999999}\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := w.dialIMAP(t)
			go io.WriteString(c.conn, row.send)
			for line := c.read(); ; line = c.read() {
				if line == "* BYE Connection closed. 14\r\n" {
					break
				}
			}
			c.wantEOF()
		})
	}
}

func TestIMAPTokenExpires(t *testing.T) {
	const bye = "* BYE Session invalidated - AccessTokenExpired"
	selected := func(c *wire) {
		c.send("1 SELECT INBOX")
		for !strings.HasPrefix(c.read(), "1 OK") {
		}
	}
	for _, row := range []struct {
		name    string
		prepare func(*wire)
	}{
		{"waiting for a command", func(*wire) {}},
		{"in IDLE", func(c *wire) {
			selected(c)
			c.send("2 IDLE")
			c.want("+ IDLE accepted, awaiting DONE command.")
		}},
		{"in a literal", func(c *wire) {
			c.send("2 APPEND INBOX {10}")
			c.want("+ Ready for additional command text.")
			c.sendRaw("abc")
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			token := w.app.Token(&TokenOptions{Lifetime: time.Hour})
			c := w.authenticated(t, shared, token)
			row.prepare(c)
			w.Advance(time.Hour - time.Minute)
			if got := w.lastSession(t); got.Reason != "" {
				t.Fatalf("one minute early: %+v", got)
			}
			w.Advance(time.Minute)
			c.want(bye)
			c.wantEOF()
			c = w.dialIMAP(t)
			c.send("A AUTHENTICATE XOAUTH2 " + xoauth2IR(shared, token))
			c.want("A NO AUTHENTICATE failed.")
		})
	}
}

// A session outlives the expiry of a token that was refused in it.
func TestIMAPRefusedTokenExpires(t *testing.T) {
	w := newWorld(t)
	c := w.dialIMAP(t)
	c.send("A AUTHENTICATE XOAUTH2 " + xoauth2IR("nobody@contoso.com", w.app.Token(&TokenOptions{Lifetime: time.Hour})))
	c.want("A NO AUTHENTICATE failed.")
	w.Advance(2 * time.Hour)
	c.send("A NOOP")
	c.want("A OK NOOP completed.")
}

// The client that most Go programs use finds its way about.
func TestIMAPClient(t *testing.T) {
	w := newWorld(t)
	large := []byte("Subject: large\r\n\r\n" + strings.Repeat("0123456789\r\n", 20000))
	w.mailbox.Append("INBOX", large, imap.FlagSeen)
	conn := w.authenticated(t, shared, w.app.Token(nil)).conn
	c := imapclient.New(preauth(conn), nil)
	defer c.Close()
	data, err := c.Select("INBOX", nil).Wait()
	if err != nil || data.NumMessages != 1 {
		t.Fatalf("Select = %+v, %v", data, err)
	}
	section := &imap.FetchItemBodySection{Peek: true}
	list, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{Flags: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil || len(list) != 1 || string(list[0].FindBodySection(section)) != string(large) {
		t.Fatalf("Fetch: %d messages, %v", len(list), err)
	}
	if _, err := c.Move(imap.SeqSetNum(1), "Archive").Wait(); err != nil {
		t.Fatal(err)
	}
	if len(w.mailbox.Messages("INBOX")) != 0 || len(w.mailbox.Messages("Archive")) != 1 {
		t.Error("the message was not moved")
	}
	cmd := c.Append("Drafts", int64(len(large)), nil)
	cmd.Write(large)
	cmd.Close()
	if _, err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select("No such folder", nil).Wait(); err == nil {
		t.Error("Select of a folder that is not there succeeded")
	} else if _, ok := errors.AsType[*imap.Error](err); !ok {
		t.Errorf("Select: %v", err)
	}
	if err := c.Logout().Wait(); err != nil {
		t.Error(err)
	}
}

// preauth makes imapclient believe that it was greeted as an authenticated
// client.
func preauth(conn net.Conn) net.Conn {
	return &prefixed{conn, strings.NewReader("* PREAUTH [CAPABILITY IMAP4rev1 MOVE UIDPLUS NAMESPACE IDLE LITERAL+] ready\r\n")}
}

type prefixed struct {
	net.Conn
	prefix *strings.Reader
}

func (p *prefixed) Read(b []byte) (int, error) {
	if p.prefix.Len() > 0 {
		return p.prefix.Read(b)
	}
	return p.Conn.Read(b)
}
