package imapd

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/mailstore"
)

const nested = "From: Adele <adele@contoso.com>\r\nTo: invoices@contoso.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Mon, 02 Feb 2026 10:00:00 +0100\r\n" +
	"Message-ID: <1@contoso.com>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nPlease find attached.\r\n" +
	"--b\r\nContent-Type: application/pdf; name=\"a b.pdf\"\r\nContent-Disposition: attachment; filename=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nUERG\r\n" +
	"--b--\r\n"

// talk sends commands to a session with two messages in INBOX, which is selected,
// and returns what answers the last of them.
func talk(t *testing.T, commands ...string) string {
	t.Helper()
	s, tenant := newServer(t)
	m, err := tenant.AddMailbox("a@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	fill(t, m)
	input := "Q SELECT INBOX\r\n"
	for _, command := range commands[:len(commands)-1] {
		input += "Q " + command + "\r\n"
	}
	answers := converse(s, m, input+"A "+commands[len(commands)-1]+"\r\n")
	return answers[strings.LastIndex("\r\n"+answers, "\r\nQ "):]
}

func fill(t *testing.T, m *directory.Mailbox) {
	t.Helper()
	for _, message := range []mailstore.Message{
		{Data: []byte(nested), Date: time.Date(2026, 2, 3, 1, 0, 0, 0, time.FixedZone("", 7200)), Flags: mailstore.Seen},
		{Data: []byte("\r\nplain\r\n"), Date: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
	} {
		if _, _, err := m.Box.Append("INBOX", message); err != nil {
			t.Fatal(err)
		}
	}
}

// after is what follows the tagged answer to the last command before.
func after(t *testing.T, commands ...string) string {
	t.Helper()
	_, answer, _ := strings.Cut(talk(t, commands...), "\r\n")
	return answer
}

func TestFetch(t *testing.T) {
	for _, row := range []struct{ name, command, want string }{
		{"in the order asked", "FETCH 1 (RFC822.SIZE FLAGS UID)", "* 1 FETCH (RFC822.SIZE 432 FLAGS (\\Seen) UID 1)\r\n"},
		{"a UID that belongs to it", "UID FETCH 1 FLAGS", "* 1 FETCH (FLAGS (\\Seen) UID 1)\r\n"},
		{"the date in UTC", "FETCH 1 INTERNALDATE", "* 1 FETCH (INTERNALDATE \" 2-Feb-2026 23:00:00 +0000\")\r\n"},
		{"the macro FAST", "FETCH 2 FAST", "* 2 FETCH (FLAGS () INTERNALDATE \" 1-Mar-2026 12:00:00 +0000\" RFC822.SIZE 9)\r\n"},
		{"the envelope", "FETCH 1 ENVELOPE", "* 1 FETCH (ENVELOPE (\"Mon, 02 Feb 2026 10:00:00 +0100\" \"=?utf-8?q?Gr=C3=BC=C3=9Fe?=\" " +
			"((\"Adele\" NIL \"adele\" \"contoso.com\")) ((\"Adele\" NIL \"adele\" \"contoso.com\")) ((\"Adele\" NIL \"adele\" \"contoso.com\")) " +
			"((NIL NIL \"invoices\" \"contoso.com\")) NIL NIL NIL \"<1@contoso.com>\"))\r\n"},
		{"the envelope of nothing", "FETCH 2 ENVELOPE", "* 2 FETCH (ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL))\r\n"},
		{"the structure", "FETCH 1 BODYSTRUCTURE", "* 1 FETCH (BODYSTRUCTURE ((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 21 0 NIL NIL NIL NIL)" +
			"(\"application\" \"pdf\" (\"name\" \"a b.pdf\") NIL NIL \"base64\" 4 NIL (\"attachment\" (\"filename\" \"a.pdf\")) NIL NIL) " +
			"\"mixed\" (\"boundary\" \"b\") NIL NIL NIL))\r\n"},
		{"the structure, shorter", "FETCH 1 BODY", "* 1 FETCH (BODY ((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 21 0)" +
			"(\"application\" \"pdf\" (\"name\" \"a b.pdf\") NIL NIL \"base64\" 4) \"mixed\"))\r\n"},
		{"a part", "FETCH 1 BODY[2]", "* 1 FETCH (BODY[2] {4}\r\nUERG)\r\n"},
		{"the header of a part", "FETCH 1 BODY.PEEK[2.mime]<0.12>", "* 1 FETCH (BODY[2.MIME]<0> {12}\r\nContent-Type)\r\n"},
		{"a part that is not there", "FETCH 1 BODY[3]", "* 1 FETCH (BODY[3] {0}\r\n)\r\n"},
		{"fields", `FETCH 1 BODY.PEEK[HEADER.FIELDS (message-id "x y")]`, "* 1 FETCH (BODY[HEADER.FIELDS (message-id \"x y\")] {31}\r\nMessage-ID: <1@contoso.com>\r\n\r\n)\r\n"},
		{"some of all", "FETCH 2 BODY.PEEK[]<2.5>", "* 2 FETCH (BODY[]<2> {5}\r\nplain)\r\n"},
		{"more than all", "FETCH 2 BODY.PEEK[]<4.4294967295>", "* 2 FETCH (BODY[]<4> {5}\r\nain\r\n)\r\n"},
		{"after the end", "FETCH 2 BODY.PEEK[TEXT]<99.1>", "* 2 FETCH (BODY[TEXT]<99> {0}\r\n)\r\n"},
		{"the flag with what was read", "UID FETCH 2 (BODY[])", "* 2 FETCH (BODY[] {9}\r\n\r\nplain\r\n UID 2 FLAGS (\\Seen))\r\n"},
		{"old names", "FETCH 2 (RFC822.HEADER RFC822.TEXT)", "* 2 FETCH (RFC822.HEADER {2}\r\n\r\n RFC822.TEXT {7}\r\nplain\r\n FLAGS (\\Seen))\r\n"},
		{"two", "FETCH 1:* UID", "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\n"},
		{"a UID that is not there", "UID FETCH 9 FLAGS", ""},
	} {
		if got, want := after(t, row.command), row.want+"A OK FETCH completed.\r\n"; got != want {
			t.Errorf("%s:\n got %q\nwant %q", row.name, got, want)
		}
	}
	for _, command := range []string{
		"FETCH 1", "FETCH 1 ()", "FETCH 1 (FLAGS", "FETCH 1 (ALL)", "FETCH 1 X", "FETCH 1 BODY[", "FETCH 1 BODY[X]", "FETCH 1 BODY[1.]", "FETCH 1 BODY[MIME]",
		"FETCH 1 BODY[HEADER.FIELDS]", "FETCH 1 BODY[HEADER.FIELDS ()]", "FETCH 1 BODY[]<1>", "FETCH 1 BODY[]<1.4294967296>", "FETCH 1 BINARY[1]", "FETCH 1 FLAGS UID",
	} {
		if got := after(t, command); got != "A BAD Command Argument Error. 11\r\n" {
			t.Errorf("%s: %q", command, got)
		}
	}
}

func TestSearch(t *testing.T) {
	for keys, want := range map[string]string{
		"ALL": "1 2", "SEEN": "1", "UNSEEN": "2", "NOT SEEN": "2", "OLD": "1 2", "NEW": "", "2": "2", "*": "2", "1:9": "1 2", "9": "", "UID 1": "1", "UID *": "2",
		"KEYWORD $MDNSent": "", "UNKEYWORD $MDNSent": "1 2", `SUBJECT "grüße"`: "1", `SUBJECT {7+}` + "\r\ngrüße": "1", "FROM ADELE": "1", "TO invoices": "1", "CC x": "", `HEADER Message-ID ""`: "1", "HEADER message-id 1@": "1",
		"BODY attached": "1", "TEXT subject": "1", "BODY plain": "2", "TEXT nothing": "", "LARGER 9": "1", "SMALLER 10": "2", "OR SEEN UNSEEN": "1 2", "(SEEN) (UID 1)": "1", "(OR (SEEN UNSEEN) (NOT ALL))": "",
		"SINCE 2-Feb-2026": "1 2", "SINCE 3-Feb-2026": "2", "BEFORE 03-feb-2026": "1", `ON "2-Feb-2026"`: "1", "SENTON 2-Feb-2026": "1", "SENTBEFORE 2-Feb-2026": "", "SENTSINCE 1-Jan-2026": "1",
		"CHARSET us-ascii SEEN": "1",
	} {
		if want != "" {
			want = " " + want
		}
		if got := after(t, "SEARCH "+keys); got != "* SEARCH"+want+"\r\nA OK SEARCH completed.\r\n" {
			t.Errorf("%s: %q", keys, got)
		}
	}
	for keys, want := range map[string]string{
		"": badArgument, "XYZZY": badSet, "(": badArgument, "0": badSet, "RETURN (ALL) ALL": badSet, "SEEN XYZZY": badSet, "KEYWORD Work": badArgument, "UNKEYWORD Work": badArgument,
		"SINCE yesterday": badArgument, "SINCE": badArgument, "LARGER x": badArgument, "ALL)": badArgument, "(ALL": badArgument, "UID x": badSet, "CHARSET UTF-8 ALL": noCharset,
	} {
		if got := after(t, "SEARCH "+keys); got != "A "+want+"\r\n" {
			t.Errorf("%s: %q", keys, got)
		}
	}
}

// What stands for itself, and needs nothing but a folder or two.
func TestAnswers(t *testing.T) {
	const (
		invalid = "A BAD Command received in Invalid state.\r\n"
		bad     = "A BAD Command Argument Error. 11\r\n"
	)
	for _, row := range []struct {
		name     string
		commands []string
		want     string
	}{
		{"STATUS in the order asked", []string{"STATUS INBOX (UNSEEN MESSAGES UIDNEXT recent)"}, "* STATUS INBOX (UNSEEN 1 MESSAGES 2 UIDNEXT 3 RECENT 0) \r\nA OK STATUS completed.\r\n"},
		{"STATUS of what it does not know", []string{"STATUS INBOX (SIZE)"}, bad},
		{"STORE that is not silent", []string{"STORE 2 +FLAGS \\Flagged \\Answered"}, "* 2 FETCH (FLAGS (\\Answered \\Flagged))\r\nA OK STORE completed.\r\n"},
		{"STORE by UID", []string{"UID STORE 1:9 FLAGS ()"}, "* 1 FETCH (FLAGS () UID 1)\r\n* 2 FETCH (FLAGS () UID 2)\r\nA OK STORE completed.\r\n"},
		{"STORE of $MDNSent", []string{"STORE 1 -FLAGS.SILENT ($MDNSent)"}, "A OK STORE completed.\r\n"},
		{"STORE of something else", []string{"STORE 1 X-FLAGS (\\Seen)"}, bad},
		{"STORE in EXAMINE", []string{"EXAMINE INBOX", "STORE 1 FLAGS ()"}, invalid},
		{"FETCH in EXAMINE", []string{"EXAMINE INBOX", "FETCH 2 BODY[TEXT]", "FETCH 2 FLAGS"}, "* 2 FETCH (FLAGS ())\r\nA OK FETCH completed.\r\n"},
		{"CLOSE", []string{"STORE 1 FLAGS.SILENT (\\Deleted)", "CLOSE", "STATUS INBOX (MESSAGES)"}, "* STATUS INBOX (MESSAGES 1) \r\nA OK STATUS completed.\r\n"},
		{"CLOSE after EXAMINE", []string{"STORE 1 FLAGS.SILENT (\\Deleted)", "EXAMINE INBOX", "CLOSE", "STATUS INBOX (MESSAGES)"}, "* STATUS INBOX (MESSAGES 2) \r\nA OK STATUS completed.\r\n"},
		{"UNSELECT", []string{"UNSELECT", "FETCH 1 FLAGS"}, invalid},
		{"SELECT that fails", []string{"SELECT nowhere", "CHECK"}, invalid},
		{"APPEND with all", []string{"APPEND INBOX (\\Seen Work) \" 1-Feb-2026 00:00:00 +0100\" {2+}\r\n\r\n", "FETCH 3 (FLAGS INTERNALDATE)"}, "* 3 FETCH (FLAGS (\\Seen) INTERNALDATE \"31-Jan-2026 23:00:00 +0000\")\r\nA OK FETCH completed.\r\n"},
		{"APPEND to the folder that is selected", []string{"APPEND INBOX {2+}\r\n\r\n"}, "* 3 EXISTS\r\nA OK [APPENDUID 1 3] APPEND completed.\r\n"},
		{"APPEND to nowhere", []string{"APPEND nowhere {2+}\r\n\r\n"}, "A NO [TRYCREATE] nowhere doesn't exist.\r\n"},
		{"APPEND of no literal", []string{"APPEND INBOX \"x\""}, bad},
		{"COPY to nowhere", []string{"COPY 1 nowhere"}, "A NO [TRYCREATE] nowhere doesn't exist.\r\n"},
		{"COPY to its own folder", []string{"COPY 1 INBOX"}, "* 3 EXISTS\r\nA OK [COPYUID 1 1 3] COPY completed.\r\n"},
		{"EXPUNGE", []string{"STORE 1:2 FLAGS.SILENT (\\Deleted)", "EXPUNGE"}, "* 1 EXPUNGE\r\n* 1 EXPUNGE\r\nA OK EXPUNGE completed.\r\n"},
		{"DELETE of Exchange's own", []string{"DELETE Drafts"}, "A NO DELETE failed.\r\n"},
		{"RENAME of Exchange's own", []string{"RENAME INBOX x"}, "A NO RENAME failed.\r\n"},
		{"RENAME of nothing", []string{"RENAME x y"}, "A NO x doesn't exist.\r\n"},
		{"RENAME to what is there", []string{"CREATE x/", "RENAME x Drafts"}, "A NO Mailbox already exists.\r\n"},
		{"folder in another script", []string{"CREATE &ZeVnLIqe-", `RENAME &ZeVnLIqe- "R&-D/a b"`, `LIST "" r*`}, "* LIST (\\HasChildren) \"/\" R&-D\r\n* LIST (\\HasNoChildren) \"/\" \"R&-D/a b\"\r\nA OK LIST completed.\r\n"},
		{"folder with a name that is none", []string{"CREATE R&D"}, bad},
		{"folder with an empty name", []string{`CREATE ""`}, "A NO CREATE failed.\r\n"},
		{"LIST below a reference", []string{"CREATE x/y", `LIST x %`}, "* LIST (\\HasNoChildren) \"/\" x/y\r\nA OK LIST completed.\r\n"},
		{"LIST with options", []string{`LIST (SUBSCRIBED) "" *`}, bad},
		{"LSUB without what is unsubscribed", []string{"UNSUBSCRIBE Drafts", `LSUB "" Dr*`}, "A OK LSUB completed.\r\n"},
		{"SUBSCRIBE to nothing", []string{"SUBSCRIBE x"}, "A NO x doesn't exist.\r\n"},
		{"NOOP with an argument", []string{"NOOP x"}, bad},
		{"IDLE without a folder", []string{"UNSELECT", "IDLE\r\nDONE"}, idlePrompt + "\r\nA OK IDLE completed.\r\n"},
		{"command that is not there", []string{"ENABLE X"}, "A BAD Command Error. 12\r\n"},
	} {
		if got := after(t, row.commands...); got != row.want {
			t.Errorf("%s:\n got %q\nwant %q", row.name, got, row.want)
		}
	}
}

// Whatever a message consists of, it can be fetched and searched, and comes out
// as it was.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{
		"", "\r\n", "x", "\r\nplain", nested, "Content-Type: multipart/mixed\r\n\r\n", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--", "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n",
		"From: \xff\r\nSubject: =?x?q?y?=\r\nDate: never\r\nContent-Type: /;;\r\nContent-Disposition: =\r\n\r\n", "Content-Transfer-Encoding: base64\r\n\r\n%%%", ":\r\n :\r\n",
	} {
		f.Add([]byte(seed))
	}
	s, tenant := newServer(f)
	f.Fuzz(func(t *testing.T, message []byte) {
		boxes++
		m, err := tenant.AddMailbox(fmt.Sprintf("message%d@contoso.com", boxes))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := m.Box.Append("INBOX", mailstore.Message{Data: message}); err != nil {
			t.Fatal(err)
		}
		got := converse(s, m, "A SELECT INBOX\r\nB FETCH 1 (ENVELOPE BODYSTRUCTURE BODY BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[1] BODY.PEEK[2.MIME] BODY.PEEK[HEADER.FIELDS (SUBJECT)]<1.9>)\r\n"+
			"C SEARCH OR TEXT x BODY y\r\nD SEARCH OR (SENTON 1-Jan-2026) (SUBJECT x)\r\nE FETCH 1 BODY[]\r\n")
		_, last, _ := strings.Cut(got, "D OK SEARCH completed.\r\n")
		if want := fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n%s FLAGS (\\Seen))\r\nE OK FETCH completed.\r\n", len(message), message); last != want {
			t.Errorf("%q", got)
		}
	})
}
