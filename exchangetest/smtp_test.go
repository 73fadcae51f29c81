package exchangetest

import (
	"errors"
	"io"
	"net/smtp"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
)

// stamp matches what Exchange ends a refusal with.
const stamp = ` \[TE0P000CA0001\.TESTP000\.PROD\.OUTLOOK\.COM \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z 08DC[0-9A-F]{12}\]`

const note = "From: invoices@contoso.com\r\nTo: anna@contoso.com\r\nSubject: Paid\r\n\r\nThank you.\r\n"

func TestSMTPGreetingAndEHLO(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t, "smtp.office365.com:587")
	c.wantMatch(`220 TE0P000CA0001\.outlook\.office365\.com Microsoft ESMTP MAIL Service ready at (Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d+ \w{3} \d{4} \d\d:\d\d:\d\d \+0000 \[08DC[0-9A-F]{12}\]`)
	list := func(security string) []string {
		return []string{
			"250-TE0P000CA0001.outlook.office365.com Hello [127.0.0.1]",
			"250-SIZE 157286400", "250-PIPELINING", "250-DSN", "250-ENHANCEDSTATUSCODES",
			security, "250-8BITMIME", "250-BINARYMIME", "250-CHUNKING", "250 SMTPUTF8",
		}
	}
	c.send("EHLO client.example.com")
	c.want(list("250-STARTTLS")...)
	c.send("AUTH XOAUTH2 " + xoauth2IR(shared, w.app.Token(nil)))
	c.wantMatch("504 5.7.4 Unrecognized authentication type" + stamp)
	c.send("MAIL FROM:<invoices@contoso.com>")
	c.wantMatch("530 5.7.57 Client not authenticated to send mail." + stamp)
	c.send("STARTTLS")
	c.want("220 2.0.0 SMTP server ready")
	c.startTLS(w.Server, "smtp.office365.com")
	c.send("AUTH XOAUTH2 " + xoauth2IR(shared, w.app.Token(nil)))
	c.want("503 5.5.2 Send hello first")
	c.send("EHLO client.example.com")
	c.want(list("250-AUTH LOGIN XOAUTH2")...)
	c.send("STARTTLS")
	c.want("503 5.5.2 Only one STARTTLS command can be issued per session")
}

// A command that was sent in the clear together with STARTTLS must not be
// answered under TLS.
func TestSMTPCommandInjection(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t, "smtp.office365.com:587")
	c.read()
	c.send("STARTTLS", "NOOP")
	c.want("220 2.0.0 SMTP server ready")
	c.startTLS(w.Server, "smtp.office365.com")
	c.send("RSET")
	c.want("250 2.0.0 Resetting")
}

func TestSMTPAuth(t *testing.T) {
	w := newWorld(t)
	good := xoauth2IR(shared, w.app.Token(nil))
	for _, row := range []struct {
		name string
		send []string
		want []string // patterns
	}{
		{"initial response", []string{"AUTH XOAUTH2 " + good}, []string{"235 2.7.0 Authentication successful"}},
		{"two steps, lower case", []string{"auth xoauth2", good}, []string{"334 ", "235 2.7.0 Authentication successful"}},
		{"twice", []string{"AUTH XOAUTH2 " + good, "AUTH XOAUTH2 " + good}, []string{"235 2.7.0 Authentication successful", "503 5.5.2 Already authenticated"}},
		{"cancelled", []string{"AUTH XOAUTH2", "*"}, []string{"334 ", smtpNO + stamp}},
		{"not base64", []string{"AUTH XOAUTH2 %%%"}, []string{smtpNO + stamp}},
		{"not XOAUTH2", []string{"AUTH XOAUTH2 aGVsbG8="}, []string{smtpNO + stamp}},
		{"token of 16 KB", []string{"AUTH XOAUTH2 " + xoauth2IR(shared, strings.Repeat("E", 16<<10))}, []string{smtpNO + stamp}},
		{"refused and tried again", []string{"AUTH XOAUTH2 " + xoauth2IR(shared, "garbage"), "AUTH XOAUTH2 " + good}, []string{smtpNO + stamp, "235 2.7.0 Authentication successful"}},
		{"PLAIN", []string{"AUTH PLAIN AHVzZXIAeHh4"}, []string{"504 5.7.4 Unrecognized authentication type" + stamp}},
		{"LOGIN", []string{"AUTH LOGIN", "dXNlckBleGFtcGxlLmNvbQ==", "ZXhhbXBsZQ=="}, []string{
			"334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "535 5.7.139 Authentication unsuccessful, basic authentication is disabled." + stamp,
		}},
		{"LOGIN with the name inline", []string{"AUTH LOGIN dXNlckBleGFtcGxlLmNvbQ==", "ZXhhbXBsZQ=="}, []string{
			"334 UGFzc3dvcmQ6", "535 5.7.139 Authentication unsuccessful, basic authentication is disabled." + stamp,
		}},
		{"LOGIN cancelled", []string{"AUTH LOGIN", "*"}, []string{"334 VXNlcm5hbWU6", smtpNO + stamp}},
		{"unknown command", []string{"XYZZY"}, []string{`500 5\.3\.3 Unrecognized command 'unknown'` + stamp}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := w.dialSMTP(t)
			c.send(row.send...)
			for _, want := range row.want {
				c.wantMatch(want)
			}
		})
	}
}

// submit authenticates for shared and sends one message.
func (c *wire) submit(user, token, from, to, message string) string {
	c.t.Helper()
	c.send("AUTH XOAUTH2 " + xoauth2IR(user, token))
	c.want(smtpOK)
	c.send("MAIL FROM:<"+from+"> SIZE=100", "RCPT TO:<"+to+">", "DATA")
	c.want("250 2.1.0 Sender OK", "250 2.1.5 Recipient OK", "354 Start mail input; end with <CRLF>.<CRLF>")
	c.sendRaw(message + ".\r\n")
	return strings.TrimSuffix(c.read(), "\r\n")
}

func TestSMTPDelivery(t *testing.T) {
	w := newWorld(t)
	anna := w.tenant.AddUser("anna@contoso.com")
	reader := w.authenticated(t, anna.UPN, w.app.Token(&TokenOptions{User: anna}))
	reader.send("1 SELECT INBOX")
	for !strings.HasPrefix(reader.read(), "1 OK") {
	}
	reader.send("2 IDLE")
	reader.want(idlePrompt)
	c := w.dialSMTP(t)
	message := note + "..dot-stuffed\r\n"
	if got := c.submit(shared, w.app.Token(nil), shared, "Anna@contoso.com", message); !strings.HasPrefix(got, "250 2.0.0 OK <") {
		t.Fatal(got)
	}
	reader.want("* 1 EXISTS")
	want := note + ".dot-stuffed\r\n"
	for name, list := range map[string][][]byte{
		"INBOX of the recipient":   anna.Mailbox.Messages("INBOX"),
		"Sent Items of the sender": w.mailbox.Messages("Sent Items"),
	} {
		if len(list) != 1 || string(list[0]) != want {
			t.Errorf("%s: %q", name, list)
		}
	}
	sent := w.Sent()
	if len(sent) != 1 || sent[0].User != shared || sent[0].From != shared || !slices.Equal(sent[0].To, []string{"Anna@contoso.com"}) || string(sent[0].Data) != want {
		t.Errorf("Sent = %+v", sent)
	}
	c.send("QUIT")
	c.want("221 2.0.0 Service closing transmission channel")
	c.wantEOF()
}

func TestSMTPSendAs(t *testing.T) {
	const sales = "sales@contoso.com"
	from := func(address string) string { return strings.Replace(note, shared, address, 1) }
	for _, row := range []struct {
		name     string
		prepare  func(w *world, anna *User) attempt
		envelope string
		message  string
		refused  string // the sender
	}{
		{"app as the mailbox", nil, shared, note, ""},
		{"app as the mailbox in another case", nil, "Invoices@Contoso.com", note, ""},
		{"app as another mailbox in the envelope", nil, sales, note, sales},
		{"app as another mailbox in From", nil, shared, from(sales), sales},
		{"app as an address outside", nil, shared, from("ceo@example.com"), "ceo@example.com"},
		{"null reverse path", nil, "", note, ""},
		{"no header", nil, shared, "hello\r\n", ""},
		{"SendAs for the service principal", func(w *world, _ *User) attempt {
			must(w.tenant.AddRecipientPermission(sales, w.app.ServicePrincipalID))
			return attempt{shared, w.app.Token(nil)}
		}, sales, from(sales), ""},
		{"SendAs for the mailbox", func(w *world, _ *User) attempt {
			must(w.tenant.AddRecipientPermission(sales, shared))
			return attempt{shared, w.app.Token(nil)}
		}, sales, from(sales), ""},
		{"SendAs taken away", func(w *world, _ *User) attempt {
			must(w.tenant.AddRecipientPermission(sales, shared))
			w.do("Remove-RecipientPermission " + sales + " -Trustee invoices@contoso.com -AccessRights SendAs -Confirm:$false")
			return attempt{shared, w.app.Token(nil)}
		}, sales, from(sales), sales},
		{"user with SendAs as the shared mailbox", func(w *world, anna *User) attempt {
			must(w.tenant.AddRecipientPermission(shared, anna.UPN))
			return attempt{anna.UPN, w.app.Token(&TokenOptions{User: anna})}
		}, shared, note, ""},
		{"user with FullAccess alone", func(w *world, anna *User) attempt {
			must(w.tenant.AddMailboxPermission(shared, anna.UPN))
			return attempt{anna.UPN, w.app.Token(&TokenOptions{User: anna})}
		}, shared, note, shared},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			w.tenant.AddMailbox(sales)
			anna := w.tenant.AddUser("anna@contoso.com")
			a := attempt{shared, w.app.Token(nil)}
			if row.prepare != nil {
				a = row.prepare(w, anna)
			}
			got := w.dialSMTP(t).submit(a.user, a.token, row.envelope, anna.UPN, row.message)
			want := "250 2.0.0 OK <"
			if row.refused != "" {
				want = "554 5.2.252 SendAsDenied; " + a.user + " not allowed to send as " + row.refused + "; STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; "
			}
			if !strings.HasPrefix(got, want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if delivered := len(anna.Mailbox.Messages("INBOX")); (delivered == 1) != (row.refused == "") || len(w.Sent()) != delivered {
				t.Errorf("%d messages were delivered", delivered)
			}
		})
	}
}

func TestSMTPMailboxLogonFailure(t *testing.T) {
	w := newWorld(t)
	w.do("Remove-MailboxPermission invoices@contoso.com -User {sp} -AccessRights FullAccess -Confirm:$false")
	got := w.dialSMTP(t).submit(shared, w.app.Token(nil), shared, "bert@example.com", note)
	const want = "430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed; Failed to process message due to a transient exception with message [BeginDiagnosticData]Cannot open mailbox. Server = "
	if !strings.HasPrefix(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(w.Sent()) != 0 {
		t.Error("the message was accepted")
	}
}

func TestSMTPDialogue(t *testing.T) {
	const ok = "250 2.1.0 Sender OK"
	for _, row := range []struct {
		name string
		send []string
		want []string
	}{
		{"RCPT first", []string{"RCPT TO:<a@example.com>"}, []string{"503 5.5.2 Need mail command"}},
		{"DATA first", []string{"DATA"}, []string{"503 5.5.2 Need mail command"}},
		{"DATA without recipients", []string{"MAIL FROM:<invoices@contoso.com>", "DATA"}, []string{ok, "503 5.5.2 Need rcpt command"}},
		{"MAIL twice", []string{"MAIL FROM:<invoices@contoso.com>", "MAIL FROM:<invoices@contoso.com>"}, []string{ok, "503 5.5.2 Sender already specified"}},
		{"RSET between", []string{"MAIL FROM:<invoices@contoso.com>", "RSET", "MAIL FROM:<invoices@contoso.com>"}, []string{ok, "250 2.0.0 Resetting", ok}},
		{"MAIL without brackets", []string{"MAIL FROM:invoices@contoso.com"}, []string{"501 5.5.4 Invalid arguments"}},
		{"RCPT without domain", []string{"MAIL FROM:<>", "RCPT TO:<anna>"}, []string{ok, "501 5.1.3 Invalid address"}},
		{"size at the limit", []string{"MAIL FROM:<> SIZE=157286400"}, []string{ok}},
		{"size over the limit", []string{"MAIL FROM:<> SIZE=157286401"}, []string{"552 5.3.4 Message size exceeds fixed maximum message size"}},
		{"size that fits no integer", []string{"MAIL FROM:<> SIZE=99999999999999999999"}, []string{"552 5.3.4 Message size exceeds fixed maximum message size"}},
		{"chunks", []string{
			"MAIL FROM:<invoices@contoso.com>", "RCPT TO:<a@example.com>", "BDAT 6", "A: b\r\nBDAT 2 LAST", "",
		}, []string{ok, "250 2.1.5 Recipient OK", "250 2.6.0 CHUNK received OK, 6 octets"}},
		{"HELO", []string{"HELO client.example.com"}, []string{"250 TE0P000CA0001.outlook.office365.com Hello [127.0.0.1]"}},
		{"EHLO without a name", []string{"EHLO"}, []string{"501 5.5.4 Invalid domain name"}},
		{"EHLO forgets the message", []string{"MAIL FROM:<>", "HELO a", "DATA"}, []string{
			ok, "250 TE0P000CA0001.outlook.office365.com Hello [127.0.0.1]", "503 5.5.2 Need mail command",
		}},
		{"NOOP", []string{"NOOP"}, []string{"250 2.0.0 OK"}},
		{"chunk without recipients", []string{"BDAT 4", "ab"}, []string{"503 5.5.2 Need mail command"}},
		{"chunk of no size", []string{"MAIL FROM:<>", "RCPT TO:<a@example.com>", "BDAT 1", "xBDAT -1"}, []string{
			ok, "250 2.1.5 Recipient OK", "250 2.6.0 CHUNK received OK, 1 octets", "501 5.5.4 Invalid arguments",
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			c := w.dialSMTP(t)
			c.send("AUTH XOAUTH2 " + xoauth2IR(shared, w.app.Token(nil)))
			c.want(smtpOK)
			c.send(row.send...)
			c.want(row.want...)
			if row.name == "chunks" {
				c.wantMatch("250 2.0.0 OK .*")
				if got := w.Sent(); len(got) != 1 || string(got[0].Data) != "A: b\r\n\r\n" {
					t.Errorf("Sent = %q", got)
				}
			}
		})
	}
}

// A message is as long as it is, whatever was announced.
func TestSMTPMessageTooBig(t *testing.T) {
	const ok, tooBig = "250 2.0.0 OK <", "552 5.3.4 Message size exceeds fixed maximum message size"
	for _, row := range []struct{ name, send, want string }{
		{"DATA at the limit", "DATA\r\n" + strings.Repeat("x", 98) + "\r\n.\r\n", ok},
		{"DATA over the limit", "DATA\r\n" + strings.Repeat("x", 99) + "\r\n.\r\n", tooBig},
		{"chunk at the limit", "BDAT 100 LAST\r\n" + strings.Repeat("x", 100), ok},
		{"chunk over the limit", "BDAT 101 LAST\r\n" + strings.Repeat("x", 101), tooBig},
		{"last chunk after one over the limit", "BDAT 101\r\n" + strings.Repeat("x", 101) + "BDAT 1 LAST\r\nx", tooBig},
		{"chunks over the limit", "BDAT 100\r\n" + strings.Repeat("x", 100) + "BDAT 1 LAST\r\nx", tooBig},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := NewUnstartedServer()
			s.maxMessage = 100
			s.Start()
			defer s.Close()
			w := &world{Server: s, tenant: s.Tenant(), app: s.Tenant().AddApp("Invoices", SMTPSendAsApp)}
			s.Tenant().AddMailbox(shared)
			s.Tenant().Grant(w.app, shared)
			c := w.dialSMTP(t)
			c.send("AUTH XOAUTH2 "+xoauth2IR(shared, w.app.Token(nil)), "MAIL FROM:<>", "RCPT TO:<a@example.com>")
			c.want(smtpOK, "250 2.1.0 Sender OK", "250 2.1.5 Recipient OK")
			c.sendRaw(row.send)
			c.send("NOOP")
			var last string
			for line := c.read(); !strings.HasPrefix(line, "250 2.0.0 OK\r"); line = c.read() {
				last = line
			}
			if !strings.HasPrefix(last, row.want) {
				t.Errorf("got %q, want %q", last, row.want)
			}
		})
	}
}

func TestSMTPEndlessLine(t *testing.T) {
	w := newWorld(t)
	c := w.dialSMTP(t)
	go io.WriteString(c.conn, strings.Repeat("A", maxLine+1))
	c.want("500 5.5.2 Line too long")
	c.wantEOF()
}

// Two clients that other people wrote.
func TestSMTPClients(t *testing.T) {
	w := newWorld(t)
	config := w.TLSConfig()
	config.ServerName = "localhost"
	t.Run("go-smtp", func(t *testing.T) {
		conn, err := w.DialContext(t.Context(), "tcp", w.Cloud().SMTP)
		if err != nil {
			t.Fatal(err)
		}
		c, err := gosmtp.NewClientStartTLS(conn, config)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Auth(clientOf{shared, w.app.Token(nil)}); err != nil {
			t.Fatal(err)
		}
		if err := c.SendMail(shared, []string{"anna@example.com"}, strings.NewReader(note)); err != nil {
			t.Fatal(err)
		}
		if err := c.Quit(); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("net/smtp", func(t *testing.T) {
		c, err := smtp.Dial(w.Cloud().SMTP)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.StartTLS(config); err != nil {
			t.Fatal(err)
		}
		if err := c.Auth(smtp.PlainAuth("", shared, "password", "127.0.0.1")); err == nil || !strings.Contains(err.Error(), "5.7.4 Unrecognized") {
			t.Fatalf("PLAIN: %v", err)
		}
	})
	if len(w.Sent()) != 1 {
		t.Errorf("Sent = %v", w.Sent())
	}
}

type clientOf struct{ user, token string }

var _ sasl.Client = clientOf{}

func (c clientOf) Start() (string, []byte, error) {
	return "XOAUTH2", []byte("user=" + c.user + "\x01auth=Bearer " + c.token + "\x01\x01"), nil
}

func (clientOf) Next([]byte) ([]byte, error) { return nil, errors.New("unexpected challenge") }
