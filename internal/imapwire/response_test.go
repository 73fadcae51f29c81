package imapwire

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// hostOf writes a host as Exchange does at the end of its greeting.
func hostOf(name string) string {
	var raw []byte
	for _, unit := range utf16.Encode([]rune(name)) {
		raw = append(raw, byte(unit), byte(unit>>8))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func TestFrontEnd(t *testing.T) {
	long := strings.Repeat("a", 255) // the most of a name in the DNS (RFC 1035 §2.3.4)
	for name, row := range map[string]struct{ greeting, want string }{
		"of Exchange":             {"The Microsoft Exchange IMAP4 service is ready. [" + hostOf("AM0PR01CA0001.prod.outlook.com") + "]", "AM0PR01CA0001.prod.outlook.com"},
		"alone":                   {"[" + hostOf("a") + "]", "a"},
		"beyond Latin-1":          {"[" + hostOf("mäil.\u0142") + "]", "mäil.\u0142"},
		"no text":                 {"", ""},
		"brackets alone":          {"[]", ""},
		"closing bracket alone":   {"ready]", ""},
		"no opening bracket":      {hostOf("a") + "]", ""},
		"opening bracket alone":   {"ready [YQA=", ""},
		"no base64":               {"ready [what?]", ""},
		"odd number of octets":    {"ready [" + base64.StdEncoding.EncodeToString([]byte("abc")) + "]", ""},
		"one octet":               {"ready [YQ==]", ""},
		"255 characters":          {"[" + hostOf(long) + "]", long},
		"256 characters":          {"[" + hostOf(long+"a") + "]", ""},
		"a control character":     {"[" + hostOf("a\nb") + "]", "a b"},
		"half a surrogate pair":   {"[" + base64.StdEncoding.EncodeToString([]byte{0, 0xd8}) + "]", "\ufffd"},
		"something after the end": {"[" + hostOf("a") + "] x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := FrontEnd(row.greeting); got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}

func TestLiteralSize(t *testing.T) {
	for line, want := range map[string]int64{
		"{0}": 0, "{5}": 5, "* X {5}": 5, "* X {5+}": 5, "a{1}b{22}": 22, "{4294967295}": 4294967295, "{9223372036854775807}": 9223372036854775807,
		"": -1, "{": -1, "}": -1, "{}": -1, "{+}": -1, "{abc}": -1, "{5} ": -1, "5}": -1, "{-1}": -1, "{5++}": -1,
	} {
		if got, ok := LiteralSize(line); ok != (want >= 0) || got != max(want, 0) {
			t.Errorf("%q: %d, %t, want %d", line, got, ok, want)
		}
	}
	if got, ok := LiteralSize("{9223372036854775808}"); ok {
		t.Errorf("%d, which is too big", got)
	}
}

func TestParseResponse(t *testing.T) {
	for line, want := range map[string]Response{
		"* OK":                    {Tag: "*", Kind: "OK"},
		"* ok ready":              {Tag: "*", Kind: "OK", Text: "ready"},
		"A1 NO [X y z] no":        {Tag: "A1", Kind: "NO", Code: "X", Args: "y z", Text: "no"},
		"* OK [X]":                {Tag: "*", Kind: "OK", Code: "X"},
		"* OK [Error=\"a\"] b":    {Tag: "*", Kind: "OK", Text: "[Error=\"a\"] b"},
		"+":                       {Tag: "+"},
		"+ abc":                   {Tag: "+", Text: "abc"},
		"* CAPABILITY A B":        {Tag: "*", Kind: "CAPABILITY", Text: "A B"},
		"* 3 EXISTS":              {Tag: "*", Kind: "3", Text: "EXISTS"},
		"* BYE Session [X] ended": {Tag: "*", Kind: "BYE", Text: "Session [X] ended"},
	} {
		want.Line = line
		if got, ok := Parse(line); !ok || got != want {
			t.Errorf("%q: %#v, %t", line, got, ok)
		}
	}
	for _, line := range []string{"", "*", "* ", "A1", "A1 EXISTS", "A+1 OK", "A(1 OK done", "220 ready", ")("} {
		if got, ok := Parse(line); ok {
			t.Errorf("%q is taken for %#v", line, got)
		}
	}
}

func TestCapabilities(t *testing.T) {
	for line, want := range map[string][]string{
		"* CAPABILITY IMAP4rev1 SASL-IR":             {"IMAP4rev1", "SASL-IR"},
		"* capability IMAP4rev1":                     {"IMAP4rev1"},
		"* CAPABILITY":                               {},
		"* CAPABILITY IMAP4rev1 (X AUTH=XOAUTH2 {1}": {"IMAP4rev1", "AUTH=XOAUTH2"},
		"* OK [CAPABILITY IMAP4rev1 ID] ready":       {"IMAP4rev1", "ID"},
		"A1 OK [capability IMAP4rev1] done":          {"IMAP4rev1"},
		"* OK CAPABILITY IMAP4rev1":                  nil,
		"A1 NO [X IMAP4rev1] no":                     nil,
		"* 3 EXISTS":                                 nil,
	} {
		r, ok := Parse(line)
		if !ok {
			t.Fatalf("%q is no response", line)
		}
		if got, ok := r.Capabilities(); ok != (want != nil) || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %t, want %q", line, got, ok, want)
		}
	}
	tagged := Response{Tag: "A1", Kind: "CAPABILITY", Text: "X"}
	if got, ok := tagged.Capabilities(); ok {
		t.Errorf("%q of a response with a tag", got)
	}
}

// The characters of an atom (RFC 3501 §9).
func TestIsAtom(t *testing.T) {
	const chars = "!#$&'+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[^_`abcdefghijklmnopqrstuvwxyz|}~"
	for c := range 256 {
		s := string([]byte{byte(c)})
		want := strings.Contains(chars, s)
		if isAtom(s) != want || isAtom("a"+s) != want {
			t.Errorf("%q: %t, want %t", s, isAtom(s), want)
		}
	}
	if isAtom("") {
		t.Error("nothing is an atom")
	}
}

func TestHide(t *testing.T) {
	r := Response{Kind: "NO", Code: "secret", Text: "a secret"}
	r.Hide(func(s string) string { return strings.ReplaceAll(s, "secret", "…") })
	if r.Code != "…" || r.Text != "a …" {
		t.Errorf("%+v", r)
	}
}
