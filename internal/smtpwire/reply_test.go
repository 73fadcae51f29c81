package smtpwire

import (
	"testing"

	"github.com/emersion/go-smtp"
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
