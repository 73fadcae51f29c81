package imapdial

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/wire"
)

// canned returns a session with a server whose part is written down, and what
// that hears.
func canned(says string) (s *session, heard *bytes.Buffer) {
	heard = new(bytes.Buffer)
	return newSession(nil, wire.NewConn(struct {
		io.Reader
		io.Writer
	}{strings.NewReader(says), heard}, nil)), heard
}

// A server that may not know NAMESPACE, or offers it, proves the mailbox by what
// it says to that.
func TestProbe(t *testing.T) {
	const (
		offered = "* CAPABILITY IMAP4rev1 NAMESPACE\r\nA1 OK done\r\n"
		without = "* CAPABILITY IMAP4rev1\r\nA1 OK done\r\n"
	)
	for name, row := range map[string]struct {
		known bool // as Exchange Online
		says  string
		want  string // text of the error, empty for none
	}{
		"open":                        {false, offered + "A2 OK done\r\n", ""},
		"open, the other way round":   {false, "A2 OK done\r\n" + offered, ""},
		"refused, though offered":     {false, offered + "A2 NO what?\r\n", "what?"},
		"refused, offered after that": {false, "A2 NO what?\r\n" + offered, "what?"},
		"not understood":              {false, offered + "A2 BAD what?\r\n", ""},
		"refused, and not offered":    {false, without + "A2 NO what?\r\n", ""},
		"refused by Exchange":         {true, without + "A2 NO what?\r\n", "what?"},
		"not understood by Exchange":  {true, without + "A2 BAD what?\r\n", "what?"},
		"not connected":               {false, without + "A2 BAD " + notConnectedText + "\r\n", notConnectedText},
		"in trouble":                  {false, without + "A2 NO [UNAVAILABLE] later\r\n", "later"},
		"no capabilities":             {false, "A1 NO what?\r\nA2 OK done\r\n", "what?"},
		"no capabilities, after that": {false, "A2 OK done\r\nA1 NO what?\r\n", "what?"},
		"two literals in a response":  {false, offered + "* NAMESPACE ((\"a\" {1}\r\n/)(\"b\" {1}\r\n/)) NIL NIL\r\nA2 OK done\r\n", ""},
		"goodbye":                     {false, "* BYE going down\r\n", "going down"},
		"goodbye after the first":     {false, offered + "* BYE going down\r\n", "going down"},
	} {
		t.Run(name, func(t *testing.T) {
			s, heard := canned(row.says)
			s.known = row.known
			err := s.probe()
			if e, ok := err.(*imap.Error); ok != (row.want != "") || ok && e.Text != row.want || err != nil && !ok {
				t.Errorf("error %v, want %q", err, row.want)
			}
			if want := "A1 CAPABILITY\r\nA2 NAMESPACE\r\n"; heard.String() != want {
				t.Errorf("the server heard %q, want %q", heard, want)
			}
		})
	}
}

// unheard is a connection that takes nothing.
type unheard struct{ io.Reader }

func (unheard) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// The goodbye says why a connection takes no command, and otherwise its own
// error does.
func TestGoodbyeBeforeACommand(t *testing.T) {
	for says, want := range map[string]string{
		"* BYE going down\r\n":               "going down",
		"* OK hello\r\n* BYE going down\r\n": "going down",
		"* OK hello\r\n":                     io.ErrClosedPipe.Error(),
		"":                                   io.ErrClosedPipe.Error(),
	} {
		s := newSession(nil, wire.NewConn(unheard{strings.NewReader(says)}, nil))
		if err := s.probe(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("after %q: error %v, want %q", says, err, want)
		}
	}
}

// The greeting is read once, behind the first AUTHENTICATE.
func TestEarlyGreeting(t *testing.T) {
	s, heard := canned("* OK ready\r\nA1 NO AUTHENTICATE failed.\r\nA2 OK in\r\n")
	s.early, s.inline = true, true
	if err := s.authenticate("me", "stale"); judge(err) != dial.Renewable {
		t.Errorf("error %v, want the refusal", err)
	}
	if err := s.authenticate("me", "fresh"); err != nil {
		t.Error(err)
	}
	if n := strings.Count(heard.String(), " AUTHENTICATE XOAUTH2 "); n != 2 {
		t.Errorf("the server heard %q", heard)
	}
}
