package smtpwire

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/wire"
)

// What looks like a status code, and is none, stays in the text.
func TestCutEnhancedCode(t *testing.T) {
	for line, row := range map[string]struct {
		code smtp.EnhancedCode
		text string
		ok   bool
	}{
		"5.7.3 no":              {smtp.EnhancedCode{5, 7, 3}, "no", true},
		"5.7.139 no":            {smtp.EnhancedCode{5, 7, 139}, "no", true},
		"2.0.0":                 {smtp.EnhancedCode{2, 0, 0}, "", true},
		"192.0.2.10 is blocked": {text: "192.0.2.10 is blocked"},
		"5.7 no":                {text: "5.7 no"},
		"5.7.x no":              {text: "5.7.x no"},
		"5.7.-1 no":             {text: "5.7.-1 no"},
		"5..1 no":               {text: "5..1 no"},
		"5.7.65536 no":          {text: "5.7.65536 no"},
		"mail.example.com hi":   {text: "mail.example.com hi"},
		"":                      {text: ""},
	} {
		code, text, ok := cutEnhancedCode(line)
		if ok != row.ok || text != row.text || ok && code != row.code {
			t.Errorf("%q: %v, %q, %t", line, code, text, ok)
		}
	}
}

func TestParseReplyLine(t *testing.T) {
	for line, row := range map[string]struct {
		code int
		text string
		last bool
		ok   bool
	}{
		"250 ok":  {250, "ok", true, true},
		"250-ok":  {250, "ok", false, true},
		"250":     {250, "", true, true},
		"250 ":    {250, "", true, true},
		"250-":    {250, "", false, true},
		"200 x":   {200, "x", true, true},
		"599 x":   {599, "x", true, true},
		"199 x":   {},
		"600 x":   {},
		"25":      {},
		"":        {},
		"2500 x":  {},
		"250\tx":  {},
		"+25 x":   {},
		"-25 x":   {},
		"abc def": {},
	} {
		if code, text, last, ok := parseLine(line); code != row.code || text != row.text || last != row.last || ok != row.ok {
			t.Errorf("%q: %d, %q, %t, %t", line, code, text, last, ok)
		}
	}
}

func TestReadReply(t *testing.T) {
	for name, row := range map[string]struct {
		said  string
		code  int
		lines []string
		err   error
	}{
		"a line":               {"250 ok\r\n", 250, []string{"ok"}, nil},
		"lines":                {"250-a\r\n250-b\r\n250 c\r\n", 250, []string{"a", "b", "c"}, nil},
		"more than the reply":  {"250 a\r\n250 b\r\n", 250, []string{"a"}, nil},
		"no reply":             {"hello\r\n", 0, nil, ErrMalformed("hello")},
		"no reply in a reply":  {"250-a\r\nhello\r\n", 0, nil, ErrMalformed("hello")},
		"codes that differ":    {"250-a\r\n251 b\r\n", 0, nil, ErrMalformed("251 b")},
		"codes, third differs": {"250-a\r\n250-b\r\n251 c\r\n", 0, nil, ErrMalformed("251 c")},
		"secret":               {"planted\r\n", 0, nil, ErrMalformed("[redacted]")},
		"cut off":              {"250-a\r\n", 0, nil, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			w := wire.NewConn(bytes.NewBufferString(row.said), nil)
			w.Mask("planted")
			r, err := ReadReply(w)
			if err != row.err || r.Code != row.code || !slices.Equal(r.Lines, row.lines) {
				t.Errorf("%d %q, %v; want %d %q, %v", r.Code, r.Lines, err, row.code, row.lines, row.err)
			}
		})
	}
}

func TestErrMalformed(t *testing.T) {
	if got, want := ErrMalformed(strings.Repeat("x", 201)).Error(), `the server said "`+strings.Repeat("x", 200)+`"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestReplyErr(t *testing.T) {
	for said, want := range map[string]smtp.SMTPError{
		"535 no\r\n":                           {Code: 535, EnhancedCode: smtp.EnhancedCodeNotSet, Message: "no"},
		"535 5.7.3 no\r\n":                     {Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 3}, Message: "no"},
		"535-5.7.3 planted\r\n535 5.7.3 b\r\n": {Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 3}, Message: "[redacted]\nb"},
		"535-5.7.3 a\r\n535 b\x1b[m\r\n":       {Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 3}, Message: "a\nb\ufffd[m"},
	} {
		w := wire.NewConn(bytes.NewBufferString(said), nil)
		w.Mask("planted")
		r, err := ReadReply(w)
		if err != nil {
			t.Fatal(err)
		}
		got := r.Err()
		if got.Code != want.Code || got.EnhancedCode != want.EnhancedCode || got.Message != want.Message {
			t.Errorf("%q: %+v, want %+v", said, got, want)
		}
	}
}
