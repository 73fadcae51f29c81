package smtpdial_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
)

// Whatever could not be sent is refused before anything is dialled, with a word
// on what is wrong.
func TestSenderRefuses(t *testing.T) {
	dialer := &smtpdial.Dialer{DialContext: func(context.Context, string, string) (net.Conn, error) {
		t.Error("dialled")
		return nil, errors.New("no network here")
	}}
	const from, to, message = "invoices@contoso.com", "adele@example.com", messageOnWire
	for name, test := range map[string]struct {
		from, to, message string
		want              string
	}{
		"a sender with a name":             {"Invoices <invoices@contoso.com>", to, message, `"Invoices <invoices@contoso.com>" has a name`},
		"a sender with a quoted name":      {`"Invoices" <invoices@contoso.com>`, to, message, "has a name or brackets"},
		"a recipient in brackets":          {from, "<alex@example.com>", message, `"<alex@example.com>" has a name or brackets`},
		"a parameter behind a recipient":   {from, "a@example.com> NOTIFY=SUCCESS X=<c", message, "brackets"},
		"a parameter behind a sender":      {"a@example.com> SIZE=1 X=<c", to, message, "brackets"},
		"a closing bracket alone":          {from, "a@example.com>", message, "brackets"},
		"an opening bracket alone":         {from, "<a@example.com", message, "brackets"},
		"a space":                          {from, "a@example.com X=c", message, "white space"},
		"a tab":                            {from, "a@exam\tple.com", message, "white space"},
		"a space of Unicode":               {from, "a@exam\u00a0ple.com", message, "white space"},
		"a line separator of Unicode":      {from, "a@exam\u2028ple.com", message, "white space"},
		"CRLF":                             {from, "a\r\nDATA", message, "white space"},
		"NUL in an address":                {from, "a\x00@example.com", message, "control character"},
		"DEL":                              {from, "a\x7f@example.com", message, "control character"},
		"a control character of Unicode":   {from, "a\u0085@example.com", message, "white space"},
		"no UTF-8":                         {from, "a\xff@example.com", message, "control character"},
		"a bracket behind quotes":          {from, `"a"@example.com> X=<c`, message, "brackets"},
		"a space behind quotes":            {from, `"a"@example.com X=c`, message, "white space"},
		"quotes that do not close":         {from, `"a@example.com`, message, "quotes"},
		"quotes that an escape holds open": {from, `"a\"@example.com`, message, "quotes"},
		"quotes of a part":                 {from, `a"b"@example.com`, message, "quotes"},
		"quotes and no domain":             {from, `"a"`, message, "quotes"},
		"a control character in quotes":    {from, "\"a\x01\"@example.com", message, "control character"},
		"a line break in quotes":           {from, "\"a\r\nDATA\"@example.com", message, "white space"},
		"an empty recipient":               {from, "", message, "empty"},
		"an empty message":                 {from, to, "", "message is empty"},
		"NUL in a message":                 {from, to, "Subject: a\r\n\r\n\x00", "octet 14 of the message is NUL"},
		"a CR in a message":                {from, to, "Subject: a\rBcc: b\r\n", "octet 10 of the message is a CR without LF"},
		"two CR in a message":              {from, to, "Subject: a\r\r\n", "octet 10"},
		"a CR at the end":                  {from, to, "Subject: a\r", "octet 10"},
		"a dot between two CR":             {from, to, "Subject: a\r\n\r\n\r.\rMAIL", "octet 14"},
	} {
		t.Run(name, func(t *testing.T) {
			checkRefused(t, newSender(dialer, from).Send(t.Context(), test.from, []string{to, test.to}, []byte(test.message)), test.want)
		})
	}
	t.Run("no recipient", func(t *testing.T) {
		checkRefused(t, newSender(dialer, from).Send(t.Context(), from, nil, []byte(message)), "no recipient")
	})
	t.Run("a nil message", func(t *testing.T) {
		checkRefused(t, newSender(dialer, from).Send(t.Context(), from, []string{to}, nil), "message is empty")
	})
	t.Run("a zero Sender", func(t *testing.T) {
		s := new(smtpdial.Sender)
		checkRefused(t, s.Send(t.Context(), from, []string{to}, []byte(message)), "set its field Dialer")
		s.CloseIdle()
	})
	t.Run("a Sender of a nil Dialer", func(t *testing.T) {
		checkRefused(t, newSender(nil, from).Send(t.Context(), from, []string{to}, []byte(message)), "set its field Dialer")
	})
	t.Run("a nil TokenSource", func(t *testing.T) {
		d := &smtpdial.Dialer{DialContext: mailtest.Script(mailtest.Silence).For(t)}
		err := newSender(d, from).Send(t.Context(), from, []string{to}, []byte(message))
		if e, ok := errors.AsType[*smtpdial.Error](err); !ok || e.Op != smtpdial.OpToken || !strings.Contains(err.Error(), "TokenSource is nil") || smtpdial.Retryable(err) {
			t.Errorf("error %v", err)
		}
	})
}

func checkRefused(t *testing.T, err error, want string) {
	t.Helper()
	e, ok := errors.AsType[*smtpdial.Error](err)
	if !ok || e.Op != smtpdial.OpSend || !strings.Contains(err.Error(), want) || smtpdial.Retryable(err) {
		t.Errorf("error %v, want %q", err, want)
	}
}

// What RFC 5321 allows is sent as it is, but for the ends of lines.
func TestSenderSends(t *testing.T) {
	for name, test := range map[string]struct {
		from, to, message        string
		wantMail, wantRcpt, want string
	}{
		"an address":              {"a@contoso.com", "b@example.com", "S: x\r\n\r\nx\r\n", "<a@contoso.com>", "<b@example.com>", "S: x||x|"},
		"no sender":               {"", "b@example.com", "S: x\r\n", "<>", "<b@example.com>", "S: x|"},
		"quotes":                  {`"a b"@contoso.com`, `"<c>\" @d"@example.com`, "S: x\r\n", `<"a b"@contoso.com>`, `<"<c>\" @d"@example.com>`, "S: x|"},
		"letters beyond ASCII":    {"jürgen@contoso.com", "b@bücher.example", "S: x\r\n", "<jürgen@contoso.com>", "<b@bücher.example>", "S: x|"},
		"an address literal":      {"a@[192.0.2.1]", "b@[IPv6:::1]", "S: x\r\n", "<a@[192.0.2.1]>", "<b@[IPv6:::1]>", "S: x|"},
		"LF alone":                {"a@b", "c@d", "S: x\n\nx\n", "<a@b>", "<c@d>", "S: x||x|"},
		"no end of the last line": {"a@b", "c@d", "S: x\r\n\r\nx", "<a@b>", "<c@d>", "S: x||x|"},
		"dots":                    {"a@b", "c@d", ".\r\n..x\r\nx.\r\n.\n\r\n.", "<a@b>", "<c@d>", "..|...x|x.|..||..|"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mail, rcpt string
				var lines []string
				d := scripted(t, secured(func(p *mailtest.Peer, auth string) {
					accept(p, auth)
					mail = p.Expect("MAIL")
					p.Say("250 2.1.0 OK")
					rcpt = p.Expect("RCPT")
					p.Say("250 2.1.5 OK")
					p.Expect("DATA")
					p.Say("354 go on")
					for line := p.Hear(); line != "."; line = p.Hear() {
						lines = append(lines, line+"|")
					}
					p.Say("250 2.0.0 OK")
					p.Expect("QUIT")
				}))
				s := newSender(d, sender)
				defer s.CloseIdle()
				if err := s.Send(t.Context(), test.from, []string{test.to}, []byte(test.message)); err != nil {
					t.Fatal(err)
				}
				if !strings.HasPrefix(mail, "MAIL FROM:"+test.wantMail+" BODY=8BITMIME SIZE=") || rcpt != "RCPT TO:"+test.wantRcpt {
					t.Errorf("heard %q and %q, want %q and %q", mail, rcpt, test.wantMail, test.wantRcpt)
				}
				if utf8 := strings.HasSuffix(mail, " SMTPUTF8"); utf8 != (name == "letters beyond ASCII") {
					t.Errorf("SMTPUTF8 is %t", utf8)
				}
				if got := strings.Join(lines, ""); got != test.want {
					t.Errorf("heard %q, want %q", got, test.want)
				}
			})
		})
	}
}

// The server is told the size that the message has with CRLF, without the dots
// that are doubled on the way.
func TestSenderTellsTheSize(t *testing.T) {
	for name, test := range map[string]struct {
		message string
		want    string
	}{
		"CRLF":            {"A: b\r\n\r\nc\r\n", "SIZE=11"},
		"LF":              {"A: b\n\nc\n", "SIZE=11"},
		"no end of line":  {"A: b\r\n\r\nc", "SIZE=11"},
		"a CRLF, an LF":   {"A: b\r\n\nc\r\n", "SIZE=11"},
		"a dot at a line": {"A: b\r\n\r\n.\r\n", "SIZE=11"},
		"one octet":       {"c", "SIZE=3"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mail := ""
				d := scripted(t, secured(func(p *mailtest.Peer, auth string) {
					accept(p, auth)
					mail = p.Hear()
				}))
				s := newSender(d, sender)
				s.MaxTries = 1
				defer s.CloseIdle()
				s.Send(t.Context(), sender, []string{"to@example.com"}, []byte(test.message))
				if !strings.HasSuffix(mail, " "+test.want) {
					t.Errorf("%q, want %q at its end", mail, test.want)
				}
			})
		})
	}
}
