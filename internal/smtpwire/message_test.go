package smtpwire

import (
	"errors"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	const a, message = "a@example.com", "S: x\r\n\r\nx"
	for name, row := range map[string]struct {
		from string
		to   []string
		data string
		want string // part of the error, empty for none
	}{
		"good":                            {a, []string{a}, message, ""},
		"no sender":                       {"", []string{a}, message, ""},
		"quoted":                          {`"a b"@example.com`, []string{`"<c>\" @d"@example.com`}, message, ""},
		"quoted, an escape at the end":    {`"a\\"@example.com`, []string{a}, message, ""},
		"nothing quoted":                  {`""@example.com`, []string{a}, message, ""},
		"no recipient":                    {a, nil, message, "there is no recipient"},
		"bad sender":                      {"a b", []string{a}, message, `the address "a b" has white space`},
		"bad second recipient":            {a, []string{a, "<a>"}, message, `the address "<a>" has a name or brackets`},
		"empty recipient":                 {a, []string{""}, message, "an address is empty"},
		"quotes, no domain":               {a, []string{`"a"`}, message, "quotes that are not those"},
		"quotes, another character":       {a, []string{`"a"b@c`}, message, "quotes that are not those"},
		"quotes that do not close":        {a, []string{`"`}, message, "quotes that are not those"},
		"quotes that an escape does":      {a, []string{`"a\"@example.com`}, message, "quotes that are not those"},
		"an escape, and no more":          {a, []string{`"\`}, message, "quotes that are not those"},
		"control character":               {a, []string{"a\x01@b"}, message, "control character"},
		"control character in quotes":     {a, []string{"\"\x01\"@b"}, message, "control character"},
		"no UTF-8":                        {a, []string{"a\xff@b"}, message, "control character"},
		"no UTF-8 in quotes":              {a, []string{"\"\xff\"@b"}, message, "control character"},
		"white space that is no control":  {a, []string{"a\u2028b@c"}, message, "white space"},
		"no message":                      {a, []string{a}, "", "the message is empty"},
		"message of an octet":             {a, []string{a}, "x", ""},
		"NUL at the beginning":            {a, []string{a}, "\x00", "octet 0 of the message is NUL"},
		"NUL later":                       {a, []string{a}, "x\x00", "octet 1 of the message is NUL"},
		"CR at the beginning":             {a, []string{a}, "\rx\n", "octet 0 of the message is a CR"},
		"CR at the end":                   {a, []string{a}, "x\r\n\r", "octet 3 of the message is a CR"},
		"CR before an octet after LF":     {a, []string{a}, "x\r\ny\r\v", "octet 4 of the message is a CR"},
		"two CR":                          {a, []string{a}, "x\r\r\n", "octet 1 of the message is a CR"},
		"CR and LF alone, and what is CR": {a, []string{a}, "\r\n\n\r\n\x0e", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := Message{row.from, row.to, []byte(row.data)}.Check()
			if (err != nil) != (row.want != "") || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %q", err, row.want)
			}
		})
	}
}

// blocks keeps each Write apart, and fails after some.
type blocks struct {
	written []string
	most    int
}

var errFull = errors.New("no more")

func (b *blocks) Write(p []byte) (int, error) {
	if len(b.written) == b.most {
		return 0, errFull
	}
	b.written = append(b.written, string(p))
	return len(p), nil
}

func TestWriteLines(t *testing.T) {
	for message, row := range map[string]struct {
		wire string
		size int
	}{
		"x\r\n":               {"x\r\n", 3},
		"x\n":                 {"x\r\n", 3},
		"x":                   {"x\r\n", 3},
		"x\n\n":               {"x\r\n\r\n", 5},
		"x\r\ny\nz":           {"x\r\ny\r\nz\r\n", 9},
		".\r\n..x\r\nx.\n/\n": {"..\r\n...x\r\nx.\r\n/\r\n", 15},
	} {
		m := Message{Data: []byte(message)}
		out := &blocks{most: 1}
		if err := m.WriteLines(out); err != nil || out.written[0] != row.wire {
			t.Errorf("%q: wrote %q, %v, want %q", message, out.written, err, row.wire)
		}
		if got := m.Size(); got != row.size {
			t.Errorf("%q: size %d, want %d", message, got, row.size)
		}
	}
}

// A record of TLS holds 16 KiB (RFC 8446 §5.1).
func TestWriteLinesInBlocks(t *testing.T) {
	m := Message{Data: []byte(strings.Repeat(strings.Repeat("x", 62)+"\r\n", 513))}
	out := &blocks{most: 3}
	if err := m.WriteLines(out); err != nil || len(out.written) != 3 || strings.Join(out.written, "") != string(m.Data) {
		t.Fatalf("%d blocks, %v, want 3 with all lines", len(out.written), err)
	}
	for i, want := range []int{16384, 16384, 64} {
		if got := len(out.written[i]); got != want {
			t.Errorf("block %d has %d octets, want %d", i, got, want)
		}
	}
	for most := range 3 {
		out := &blocks{most: most}
		if err := m.WriteLines(out); err != errFull {
			t.Errorf("error %v after %d blocks, want %v", err, most, errFull)
		}
	}
}

func TestInternational(t *testing.T) {
	for name, row := range map[string]struct {
		m    Message
		want bool
	}{
		"ASCII":     {Message{From: "a@b", To: []string{"c\x7f@d"}}, false},
		"sender":    {Message{From: "\u00e4@b", To: []string{"c@d"}}, true},
		"recipient": {Message{From: "a@b", To: []string{"c@d", "e@\u0080"}}, true},
		"the text":  {Message{From: "a@b", To: []string{"c@d"}, Data: []byte("\u00e4")}, false},
	} {
		if got := row.m.International(); got != row.want {
			t.Errorf("%s: %t, want %t", name, got, row.want)
		}
	}
}
