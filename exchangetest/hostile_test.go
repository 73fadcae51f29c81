package exchangetest

import (
	"strings"
	"testing"
)

// A hostile is input that no good client sends, byte for byte, and what comes
// of it.
type hostile struct {
	name   string
	send   string
	want   []string // patterns, one a line; EOF is the end of the connection
	reason string   // how that of the session begins; empty: none is recorded
}

// EOF stands for the end of the connection.
const EOF = "EOF"

func playHostile(t *testing.T, rows []hostile, dial func(w *world, t testing.TB) *wire) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			c := dial(w, t)
			go c.conn.Write([]byte(row.send))
			for _, want := range row.want {
				if want == EOF {
					c.wantEOF()
				} else {
					c.wantMatch(want)
				}
			}
			got := w.lastSession(t)
			if !strings.HasPrefix(got.Reason, row.reason) || row.reason == "" && got.Reason != "" {
				t.Errorf("session %+v", got)
			}
			w.Close()
			if got := w.lastSession(t); !got.Closed {
				t.Errorf("open: %+v", got)
			}
		})
	}
}

const (
	bad12   = `A BAD Command Error\. 12`
	untag12 = `\* BAD Command Error\. 12`
	bad11   = `A BAD Command Argument Error\. 11`
	state   = `BAD Command received in Invalid state\.`
	bNoop   = `B OK NOOP completed\.`
	bye14   = `\* BYE Connection closed\. 14`
	bye     = `\* BYE Microsoft Exchange Server 2016 IMAP4 server signing off\.`
)

func TestHostileIMAP(t *testing.T) {
	fill := strings.Repeat("x", maxLine-len("A NOOP \r\n"))
	playHostile(t, []hostile{
		{"NUL in the command", "A NO\x00OP\r\nB NOOP\r\n", []string{bad12, bNoop}, ""},
		{"NUL in the tag", "A\x00 NOOP\r\nB NOOP\r\n", []string{untag12, bNoop}, ""},
		{"NUL alone", "\x00\r\nB NOOP\r\n", []string{untag12, bNoop}, ""},
		{"bare LF", "A NOOP\nB NOOP\n", []string{`A OK NOOP completed\.`, bNoop}, ""},
		{"bare CR", "A NOOP\rB NOOP\r\nB NOOP\r\n", []string{bad12, bNoop}, ""},
		{"two CRs", "A NOOP\r\r\nB NOOP\r\n", []string{bad12, bNoop}, ""},
		{"eight bits", "A NO\xffOP\r\nB NOOP\r\n", []string{bad12, bNoop}, ""},
		{"tag alone", "A\r\nB NOOP\r\n", []string{untag12, bNoop}, ""},
		{"space first", " A NOOP\r\nB NOOP\r\n", []string{untag12, bNoop}, ""},
		{"two spaces", "A  NOOP\r\nB NOOP\r\n", []string{untag12, bNoop}, ""},
		{"plus as the tag", "+ NOOP\r\nB NOOP\r\n", []string{untag12, bNoop}, ""},
		{"TLS in TLS", "\x16\x03\x01\x00\x05\x01\r\nB NOOP\r\n", []string{untag12, bNoop}, ""},
		{"HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\nB NOOP\r\n", []string{"GET BAD Command Error. 12", "Host: BAD Command Error. 12", untag12, bNoop}, ""},
		{"longest line", "A NOOP " + fill + "\r\nB NOOP\r\n", []string{`A OK NOOP completed\.`, bNoop}, ""},
		{"longer line", "A NOOP x" + fill + "\r\nB NOOP\r\n", []string{bye14, EOF}, ""},
		{"after LOGOUT", "A LOGOUT\r\nB NOOP\r\n", []string{bye, `A OK LOGOUT completed\.`, EOF}, ""},
		{"ten errors and a command", strings.Repeat("A X\r\n", 10) + "B NOOP\r\n", append(slicesRepeat(bad12, 10), bye14, EOF), ""},
		{"literal of an unknown command", "A X {3+}\r\nabc\r\nB NOOP\r\n", []string{bad12, bNoop}, ""},
		{"literal with a command in it", "A X {8+}\r\nC NOOP\r\n\r\nB NOOP\r\n", []string{bad12, bNoop}, ""},
		{"literal for the tag", "{1+}\r\nA NOOP\r\nB NOOP\r\n", []string{untag12, bNoop}, ""},
		{"literal that is asked for", "A ID {3}\r\nNIL\r\nB NOOP\r\n", []string{`\+ Ready for additional command text\.`, `\* ID .*`, "A OK ID completed", bNoop}, ""},
		{"literal of an unknown command, to be asked for", "A X {3}\r\nB NOOP\r\n", []string{bad12, bNoop}, ""},
		{"message before login", "A APPEND INBOX {351553}\r\nB NOOP\r\n", []string{"A " + state, bNoop}, ""},
		{"response to be asked for in a literal", "A AUTHENTICATE XOAUTH2 {4}\r\nB NOOP\r\n", []string{bad11, bNoop}, "the exchange was cancelled or is not in base64"},
		{"longest literal", "A LOGIN {" + "4082}\r\n" + strings.Repeat("x", 4082) + "\r\nB NOOP\r\n", []string{`\+ Ready for additional command text\.`, bad11, bNoop}, ""},
		{"longer literal", "A LOGIN {" + "4083}\r\n", []string{bye14, EOF}, ""},
		{"literals without end", strings.Repeat("A X {1000+}\r\n"+strings.Repeat("x", 1000), 5), []string{bye14, EOF}, ""},
		{"no mechanism", "A AUTHENTICATE\r\nB NOOP\r\n", []string{bad11, bNoop}, ""},
		{"mechanism and a NUL", "A AUTHENTICATE XOAUTH2\x00\r\nB NOOP\r\n", []string{bad11, bNoop}, ""},
		{"response in a literal", "A AUTHENTICATE XOAUTH2 {4+}\r\naGVs\r\nB NOOP\r\n", []string{bad11, bNoop}, "the exchange was cancelled or is not in base64"},
		{"two responses", "A AUTHENTICATE XOAUTH2 aGVs aGVs\r\nB NOOP\r\n", []string{bad11, bNoop}, "the exchange was cancelled or is not in base64"},
		{"empty response", "A AUTHENTICATE XOAUTH2 \r\nB NOOP\r\n", []string{`A NO AUTHENTICATE failed\.`, bNoop}, "xoauth2: "},
		{"abort", "A AUTHENTICATE XOAUTH2\r\n*\r\nB NOOP\r\n", []string{`\+`, bad11, bNoop}, "the exchange was cancelled or is not in base64"},
		{"response that looks like a literal", "A AUTHENTICATE XOAUTH2\r\n{5}\r\nB NOOP\r\n", []string{`\+`, bad11, bNoop}, "the exchange was cancelled or is not in base64"},
		{"response that looks like a command", "A AUTHENTICATE PLAIN\r\nB NOOP\r\nB NOOP\r\n", []string{`\+`, bad11, bNoop}, "the exchange was cancelled or is not in base64"},
		{"response longer than a line", "A AUTHENTICATE XOAUTH2\r\n" + strings.Repeat("A", maxLine+1) + "\r\n", []string{`\+`, bye14, EOF}, ""},
		{"end within the response", "A AUTHENTICATE PLAIN\r\nAGE", []string{`\+`}, ""},
		{"STARTTLS under TLS", "A STARTTLS\r\nB NOOP\r\n", []string{bad12, bNoop}, ""},
		{"DONE without IDLE", "DONE\r\nB NOOP\r\n", []string{untag12, bNoop}, ""},
	}, (*world).dialIMAP)
}

func slicesRepeat(s string, n int) []string {
	return strings.Split(strings.Repeat(s+"\n", n-1)+s, "\n")
}

// Whatever an authenticated client sends, it is clear where a command ends.
func TestHostileIMAPAuthenticated(t *testing.T) {
	const (
		listed = `\* LIST \(.*\) "/" INBOX`
		syntax = bad11
	)
	playHostile(t, []hostile{
		{"AUTHENTICATE again", "A AUTHENTICATE XOAUTH2 aGVs\r\nB NOOP\r\n", []string{"A " + state, bNoop}, ""},
		{"AUTHENTICATE again, in two steps", "A AUTHENTICATE XOAUTH2\r\nB NOOP\r\n", []string{"A " + state, bNoop}, ""},
		{"LOGIN with literals", "A LOGIN {1+}\r\na {1+}\r\nb\r\nB NOOP\r\n", []string{"A " + state, bNoop}, ""},
		{"unknown command with a literal", "A X {8+}\r\nC NOOP\r\n\r\nB NOOP\r\n", []string{bad12, bNoop}, ""},
		{"NUL in an argument", "A SELECT IN\x00BOX\r\nB NOOP\r\n", []string{`A (BAD|NO) .*`, bNoop}, ""},
		{"bare LF", "A NOOP\nB NOOP\n", []string{`A OK NOOP completed\.`, bNoop}, ""},
		{"quote that is not closed", "A LIST \"\" \"IN\r\nB NOOP\r\n", []string{syntax, bNoop}, ""},
		{"empty literal", "A LIST {0+}\r\n INBOX\r\nB NOOP\r\n", []string{listed, `A OK LIST completed\.`, bNoop}, ""},
		{"literal with a command in it", "A LIST \"\" {8+}\r\nC NOOP\r\n\r\nB NOOP\r\n", []string{`A (BAD|NO) .*`, bNoop}, ""},
		{"literal with CRLF for a name", "A CREATE {6+}\r\nA\r\nB C\r\nB NOOP\r\n", []string{`A .*`, bNoop}, ""},
		{"literal in the middle of an atom", "A SELECT IN{3+}\r\nBOX\r\nB NOOP\r\n", []string{`A (BAD|NO) .*`, bNoop}, ""},
		{"literal that no parser takes", "A NOOP {3+}\r\nabc\r\nB NOOP\r\n", []string{syntax, bNoop}, ""},
		{"quote that is not closed after a literal", "A LIST {0+}\r\n \"IN\r\nB NOOP\r\n", []string{syntax, bNoop}, ""},
		{"quote with a quote in it", "A LIST \"\" \"IN\\\"BOX\"\r\nB NOOP\r\n", []string{`A OK LIST completed\.`, bNoop}, ""},
		{"two literals that no parser takes", "A NOOP {3+}\r\nabc {2+}\r\nde\r\nB NOOP\r\n", []string{syntax, bNoop}, ""},
		{"literal that no parser takes, and one that it would ask for", "A NOOP {3+}\r\nabc {2}\r\nB NOOP\r\n", []string{syntax, bNoop}, ""},
		{"literal of a command that is answered here", "A ID {3+}\r\nabc\r\nB NOOP\r\n", []string{`\* ID .*`, `A OK ID completed`, bNoop}, ""},
		{"UID alone", "A UID\r\nB NOOP\r\n", []string{bad12, bNoop}, ""},
		{"UID of a command that has none", "A UID NOOP\r\nB NOOP\r\n", []string{bad12, bNoop}, ""},
		{"UID and a list", "A UID (FETCH\r\nB NOOP\r\n", []string{bad12, bNoop}, ""},
		{"search that is nested a thousand times", "A SELECT Drafts\r\nA SEARCH " + strings.Repeat("(", 1000) + "\r\nB NOOP\r\n", []string{
			`\* .*`, `\* .*`, `\* .*`, `\* .*`, `\* .*`, `\* .*`, `A OK .*`, `A (BAD|NO) .*`, bNoop,
		}, ""},
		{"literal that is not asked for", "A NOOP {3}\r\nB NOOP\r\n", []string{syntax, bNoop}, ""},
		{"message of a size that fits nowhere", "A APPEND INBOX {999999999999}\r\nB NOOP\r\n", []string{`A (BAD|NO) .*`, bNoop}, ""},
		{"message with something after it", "A APPEND Drafts {2+}\r\n\r\n x\r\nB NOOP\r\n", []string{bad11, bNoop}, ""},
		{"DONE without IDLE", "DONE\r\nB NOOP\r\n", []string{untag12, bNoop}, ""},
		{"IDLE and a command", "A SELECT Drafts\r\nA IDLE\r\nB NOOP\r\nDONE\r\n", []string{
			`\* .*`, `\* .*`, `\* .*`, `\* .*`, `\* .*`, `\* .*`, `A OK .*`, `\+ IDLE accepted, awaiting DONE command\.`, "B " + state, `A OK IDLE completed\.`,
		}, ""},
		{"IDLE and done in lower case", "A IDLE\r\ndone\r\nB NOOP\r\n", []string{`\+ IDLE accepted, awaiting DONE command\.`, `A OK IDLE completed\.`, bNoop}, ""},
		{"IDLE, and IDLE in it", "A IDLE\r\nB IDLE\r\nDONE\r\nB NOOP\r\n", []string{`\+ IDLE accepted, awaiting DONE command\.`, "B " + state, `A OK IDLE completed\.`, bNoop}, ""},
		{"IDLE, and a literal in it", "A IDLE\r\nB X {3+}\r\nDONE\r\nB NOOP\r\n", []string{`\+ IDLE accepted, awaiting DONE command\.`, "B " + state, `A OK IDLE completed\.`, bNoop}, ""},
		{"IDLE with an argument", "A IDLE x\r\nB NOOP\r\n", []string{syntax, bNoop}, ""},
		{"ten errors and a command", strings.Repeat("A X\r\n", 10) + "B NOOP\r\n", append(slicesRepeat(bad12, 10), bye14, EOF), ""},
		{"ten errors of two kinds", strings.Repeat("A X\r\nA NOOP x\r\n", 5) + "B NOOP\r\n", append(strings.Split(strings.Repeat(bad12+"\n"+bad11+"\n", 5), "\n")[:10], bye14, EOF), ""},
		{"longer line", "A NOOP " + strings.Repeat("x", maxLine) + "\r\n", []string{bye14, EOF}, ""},
		{"after LOGOUT", "A LOGOUT\r\nB NOOP\r\n", []string{bye, `A OK LOGOUT completed\.`, EOF}, ""},
	}, func(w *world, t testing.TB) *wire { return w.authenticated(t, shared, w.app.Token(nil)) })
}

func TestHostileSMTP(t *testing.T) {
	const (
		noop      = `250 2\.0\.0 OK`
		unknown   = `500 5\.3\.3 Unrecognized command 'unknown'` + stamp
		cancelled = "the exchange was cancelled or is not in base64"
	)
	fill := strings.Repeat("x", maxLine-len("NOOP \r\n"))
	playHostile(t, []hostile{
		{"NUL in the command", "NO\x00OP\r\nNOOP\r\n", []string{unknown, noop}, ""},
		{"NUL alone", "\x00\r\nNOOP\r\n", []string{unknown, noop}, ""},
		{"empty line", "\r\nNOOP\r\n", []string{unknown, noop}, ""},
		{"bare CR", "NOOP\rNOOP\r\nNOOP\r\n", []string{unknown, noop}, ""},
		{"bare LF", "NOOP\nNOOP\n", []string{noop, noop}, ""},
		{"space first", " NOOP\r\nNOOP\r\n", []string{unknown, noop}, ""},
		{"longest line", "NOOP " + fill + "\r\nNOOP\r\n", []string{noop, noop}, ""},
		{"longer line", "NOOP x" + fill + "\r\nNOOP\r\n", []string{`500 5\.5\.2 Line too long`, EOF}, ""},
		{"after QUIT", "QUIT\r\nNOOP\r\n", []string{`221 2\.0\.0 Service closing transmission channel`, EOF}, ""},
		{"no mechanism", "AUTH\r\nNOOP\r\n", []string{"504 5.7.4 Unrecognized authentication type" + stamp, noop}, ""},
		{"mechanism and a NUL", "AUTH XOAUTH2\x00\r\nNOOP\r\n", []string{"504 5.7.4 Unrecognized authentication type" + stamp, noop}, ""},
		{"abort", "AUTH XOAUTH2\r\n*\r\nNOOP\r\n", []string{"334 ", smtpNO + stamp, noop}, cancelled},
		{"abort of LOGIN", "AUTH LOGIN\r\n*\r\nNOOP\r\n", []string{"334 VXNlcm5hbWU6", smtpNO + stamp, noop}, cancelled},
		{"abort of LOGIN at the password", "AUTH LOGIN\r\nYQ==\r\n*\r\nNOOP\r\n", []string{"334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", smtpNO + stamp, noop}, cancelled},
		{"name that is not base64", "AUTH LOGIN a\r\nNOOP\r\n", []string{smtpNO + stamp, noop}, cancelled},
		{"equals sign for an empty response", "AUTH XOAUTH2 =\r\nNOOP\r\n", []string{smtpNO + stamp, noop}, cancelled},
		{"empty response", "AUTH XOAUTH2\r\n\r\nNOOP\r\n", []string{"334 ", smtpNO + stamp, noop}, "xoauth2: "},
		{"response that is a command", "AUTH XOAUTH2\r\nMAIL FROM:<>\r\nNOOP\r\n", []string{"334 ", smtpNO + stamp, noop}, cancelled},
		{"response longer than a line", "AUTH XOAUTH2\r\n" + strings.Repeat("A", maxLine+1) + "\r\n", []string{"334 ", `500 5\.5\.2 Line too long`, EOF}, ""},
		{"end within the response", "AUTH LOGIN\r\nYQ", []string{"334 VXNlcm5hbWU6"}, ""},
		{"message before login", "MAIL FROM:<>\r\nRCPT TO:<a@contoso.com>\r\nDATA\r\nNOOP\r\n", []string{
			"530 5.7.57 Client not authenticated to send mail." + stamp, `503 5\.5\.2 Need mail command`, `503 5\.5\.2 Need mail command`, noop,
		}, ""},
		{"chunk before login", "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", []string{`503 5\.5\.2 Need mail command`, noop}, ""},
		{"chunk of a size that fits nowhere", "BDAT 99999999999999999999\r\nNOOP\r\n", []string{`501 5\.5\.4 Invalid arguments`, EOF}, ""},
		{"chunk that never comes", "BDAT 9223372036854775807\r\nNOOP\r\n", []string{`503 5\.5\.2 Need mail command`}, ""},
	}, (*world).dialSMTP)
}

func TestHostilePOP(t *testing.T) {
	const (
		unknown   = `-ERR Protocol error\. 19`
		user      = `\+OK`
		failed    = `-ERR Authentication failure: unknown user name or bad password\.`
		logon     = `-ERR Logon failure: unknown user name or bad password\.`
		over      = `-ERR Protocol error\. Connection is closed\. 10`
		cancelled = "the exchange was cancelled or is not in base64"
		basic     = "basic authentication is disabled"
	)
	fill := strings.Repeat("x", maxLine-len("USER \r\n"))
	playHostile(t, []hostile{
		{"NUL in the command", "US\x00ER\r\nUSER x\r\n", []string{unknown, user}, ""},
		{"empty line", "\r\nUSER x\r\n", []string{unknown, user}, ""},
		{"bare LF", "X\nUSER x\n", []string{unknown, user}, ""},
		{"longest line", "USER " + fill + "\r\nUSER x\r\n", []string{user, user}, ""},
		{"longer line", "USER x" + fill + "\r\nUSER x\r\n", []string{over, EOF}, ""},
		{"after QUIT", "QUIT\r\nUSER x\r\n", []string{`\+OK Microsoft Exchange Server 2016 POP3 server signing off\.`, EOF}, ""},
		{"PASS before USER", "PASS x\r\nUSER x\r\n", []string{logon, user}, basic},
		{"response in the line of AUTH", "AUTH PLAIN AGEAYg==\r\nUSER x\r\n", []string{over, EOF}, "the response stands in the line of AUTH"},
		{"abort", "AUTH XOAUTH2\r\n*\r\nUSER x\r\n", []string{`\+ `, failed, user}, cancelled},
		{"abort of PLAIN", "AUTH PLAIN\r\n*\r\nUSER x\r\n", []string{`\+ `, failed, user}, cancelled},
		{"empty response", "AUTH XOAUTH2\r\n\r\nUSER x\r\n", []string{`\+ `, failed, user}, "xoauth2: "},
		{"empty response of PLAIN", "AUTH PLAIN\r\n\r\nUSER x\r\n", []string{`\+ `, failed, user}, "the response is not that of PLAIN"},
		{"response longer than a line", "AUTH PLAIN\r\n" + strings.Repeat("A", maxLine+1) + "\r\n", []string{`\+ `, over, EOF}, ""},
		{"message before login", "RETR 1\r\nDELE 1\r\nUSER x\r\n", []string{`-ERR Command is not valid in this state\.`, `-ERR Command is not valid in this state\.`, user}, ""},
	}, (*world).dialPOP)
	playHostile(t, []hostile{
		{"AUTH again", "AUTH XOAUTH2\r\nNOOP\r\n", []string{`-ERR Command is not valid in this state\.`, user}, ""},
		{"USER again", "USER x\r\nPASS x\r\nNOOP\r\n", []string{`-ERR Command is not valid in this state\.`, `-ERR Command is not valid in this state\.`, user}, ""},
		{"STLS under TLS", "STLS\r\nNOOP\r\n", []string{`-ERR Command is not valid in this state\.`, user}, ""},
		{"numbers that are none", "RETR\r\nRETR -1\r\nDELE 1 2\r\nTOP 1\r\nTOP 1 99999999999999999999\r\nNOOP\r\n", []string{
			`-ERR The specified message is out of range\.`, `-ERR The specified message is out of range\.`, `-ERR The specified message is out of range\.`, unknown, unknown, user,
		}, ""},
	}, func(w *world, t testing.TB) *wire {
		w.app = w.tenant.AddApp("POP", POPAccessAsApp)
		w.tenant.Grant(w.app, shared)
		return w.popLogin(t)
	})
}

// What is sent in the clear, before STARTTLS and with it, is answered in the
// clear or not at all.
func TestHostileStartTLS(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		name, addr     string
		send           string
		want           []string // in the clear
		under, answers string   // TLS
	}{
		{"IMAP, a command after it", "outlook.office365.com:143", "A NOOP\r\nB STARTTLS\r\nC LOGOUT\r\n", []string{`A OK NOOP completed\.`, `B OK Begin TLS negotiation now\.`}, "D NOOP", `D OK NOOP completed\.`},
		{"IMAP, half a command after it", "outlook.office365.com:143", "B STARTTLS\r\nC AUTHENTICATE PLAIN ", []string{`B OK Begin TLS negotiation now\.`}, "D NOOP", `D OK NOOP completed\.`},
		{"IMAP, a literal that goes on after it", "outlook.office365.com:143", "A X {12+}\r\nB STARTTLS\r\n\r\nC STARTTLS\r\n", []string{bad12, `C OK Begin TLS negotiation now\.`}, "D NOOP", `D OK NOOP completed\.`},
		{"IMAP, a login before it", "outlook.office365.com:143", "A AUTHENTICATE PLAIN AGEAYg==\r\nB STARTTLS\r\n", []string{"A " + state, `B OK Begin TLS negotiation now\.`}, "D NOOP", `D OK NOOP completed\.`},
		{"POP3, a command after it", "outlook.office365.com:110", "STLS\r\nQUIT\r\n", []string{`\+OK Begin TLS negotiation\.`}, "USER x", `\+OK`},
		{"POP3, a name before it", "outlook.office365.com:110", "USER x\r\nSTLS\r\n", []string{`-ERR Command is not valid in this state\.`, `\+OK Begin TLS negotiation\.`}, "USER x", `\+OK`},
		{"SMTP, a command after it", "smtp.office365.com:587", "STARTTLS\r\nQUIT\r\n", []string{`220 2\.0\.0 SMTP server ready`}, "NOOP", `250 2\.0\.0 OK`},
		{"SMTP, a hello before it is forgotten", "smtp.office365.com:587", "HELO a\r\nSTARTTLS\r\n", []string{`250 .*`, `220 2\.0\.0 SMTP server ready`}, "AUTH LOGIN", `503 5\.5\.2 Send hello first`},
		{"SMTP, a login before it", "smtp.office365.com:587", "HELO a\r\nAUTH LOGIN YQ== \r\nSTARTTLS\r\n", []string{`250 .*`, "504 5.7.4 Unrecognized authentication type" + stamp, `220 2\.0\.0 SMTP server ready`}, "NOOP", `250 2\.0\.0 OK`},
		{"SMTP, a sender before it", "smtp.office365.com:587", "HELO a\r\nMAIL FROM:<>\r\nSTARTTLS\r\n", []string{`250 .*`, "530 5.7.57 Client not authenticated to send mail." + stamp, `220 2\.0\.0 SMTP server ready`}, "RCPT TO:<a@contoso.com>", `503 5\.5\.2 Need mail command`},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := w.dial(t, row.addr)
			c.read()
			c.sendRaw(row.send)
			for _, want := range row.want {
				c.wantMatch(want)
			}
			host, _, _ := strings.Cut(row.addr, ":")
			c.startTLS(w.Server, host)
			c.send(row.under)
			c.wantMatch(row.answers)
			if got := w.lastSession(t); got.Attempts != 0 {
				t.Errorf("a login in the clear was heard: %+v", got)
			}
		})
	}
}
