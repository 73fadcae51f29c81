package plain

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"mime/quotedprintable"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/exoauth/exoauth/internal/mailtest"
)

func TestLine(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"empty":              {"", ""},
		"words":              {"NO AUTHENTICATE failed. é 漢", "NO AUTHENTICATE failed. é 漢"},
		"line ends and tabs": {"a\r\nb\tc", "a  b c"},
		"escape sequence":    {"\x1b[2Jgone", "\uFFFD[2Jgone"},
		"C1 control":         {"a\u009bb", "a\uFFFDb"},
		"line separator":     {"a\u2028b\u2029c", "a b c"},
		"bidi override":      {"a\u202eb\u2066c\u200fd", "a\uFFFDb\uFFFDc\uFFFDd"},
		"zero width":         {"a\u200bb\ufeffc", "a\uFFFDb\uFFFDc"},
		"invalid UTF-8":      {"a\xffb", "a\uFFFDb"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Line(test.in); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestHead(t *testing.T) {
	for _, test := range []struct {
		in   string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"aé", 2, "a"}, {"aé", 3, "aé"}, {"é", 1, ""}, {"", 0, ""}} {
		if got := Head(test.in, test.n); got != test.want {
			t.Errorf("Head(%q, %d) = %q, want %q", test.in, test.n, got, test.want)
		}
	}
}

// Each way in which somebody may write a secret that is sent to them.
var forms = map[string]func(string) string{
	"as it is":             func(s string) string { return s },
	"in a query":           url.QueryEscape,
	"in a path":            url.PathEscape,
	"lower-case hex":       func(s string) string { return strings.ToLower(everyOctet(s, "%%%02X")) },
	"every octet":          func(s string) string { return everyOctet(s, "%%%02X") },
	"in a query, twice":    func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
	"in a query, 40 times": func(s string) string { return repeated(s, 40, url.QueryEscape) },
	"JSON":                 inJSON,
	"JSON in JSON":         func(s string) string { return inJSON(inJSON(s)) },
	"every rune of JSON":   func(s string) string { return everyHalf(s, `\u%04x`) },
	"long escapes":         func(s string) string { return everyRune(s, `\U%08X`) },
	"quoted by Go":         func(s string) string { return fmt.Sprintf("%q", s) },
	"hex by Go":            func(s string) string { return everyOctet(s, `\x%02x`) },
	"HTML":                 html.EscapeString,
	"HTML, twice":          func(s string) string { return html.EscapeString(html.EscapeString(s)) },
	"decimal entities":     func(s string) string { return everyRune(s, "&#%d;") },
	"hex entities":         func(s string) string { return everyRune(s, "&#X%x;") },
	"HTML in a query":      func(s string) string { return url.QueryEscape(html.EscapeString(s)) },
	"query in JSON":        func(s string) string { return inJSON(url.QueryEscape(s)) },
	"folded":               func(s string) string { return s[:len(s)/2] + "\r\n " + s[len(s)/2:] },
	"quoted in ASCII":      func(s string) string { return fmt.Sprintf("%+q", s) },
	"JSON in ASCII":        inJSONOfASCII,
	"halves in HTML":       func(s string) string { return everyHalf(s, "&#%d;") },
	"halves in a query":    func(s string) string { return everyHalf(s, "%%u%04X") },
	"braces":               func(s string) string { return everyRune(s, `\u{%x}`) },
	"braces of Perl":       func(s string) string { return everyRune(s, `\x{%X}`) },
	"long entities":        func(s string) string { return everyRune(s, "&#x%08x;") },
	"named entities":       namedEntities,
	"quoted-printable":     quotedPrintably,
	"every octet =":        func(s string) string { return everyOctet(s, "=%02X") },
	"SQL":                  func(s string) string { return strings.ReplaceAll(s, "'", "''") },
	"CSV":                  func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` },
	"POSIX shell":          func(s string) string { return `"` + strings.ReplaceAll(s, "'", `'\''`) + `"` },
}

func repeated(s string, n int, escape func(string) string) string {
	for range n {
		s = escape(s)
	}
	return s
}

func inJSON(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// inJSONOfASCII is what Python and PHP make of a string.
func inJSONOfASCII(s string) string {
	var b strings.Builder
	for _, r := range inJSON(s) {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			b.WriteString(everyHalf(string(r), `\u%04x`))
		}
	}
	return b.String()
}

// everyHalf writes characters as the halves that UTF-16 has of some.
func everyHalf(s, verb string) string {
	var b strings.Builder
	for _, half := range utf16.Encode([]rune(s)) {
		fmt.Fprintf(&b, verb, half)
	}
	return b.String()
}

// namedEntities is PHP's htmlentities with ENT_HTML5.
func namedEntities(s string) string {
	names := map[rune]string{
		'"': "quot", '&': "amp", '\'': "apos", '<': "lt", '>': "gt", '!': "excl", '#': "num", '$': "dollar",
		'%': "percnt", '(': "lpar", ')': "rpar", '*': "ast", '+': "plus", ',': "comma", '.': "period", '/': "sol",
		':': "colon", ';': "semi", '=': "equals", '?': "quest", '@': "commat", '[': "lbrack", '\\': "bsol",
		']': "rsqb", '^': "Hat", '_': "lowbar", '`': "grave", '{': "lcub", '|': "vert", '}': "rcub",
		'ß': "szlig", 'ÿ': "yuml", '€': "euro",
	}
	var b strings.Builder
	for _, r := range s {
		if name, ok := names[r]; ok {
			b.WriteString("&" + name + ";")
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func quotedPrintably(s string) string {
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	io.WriteString(w, strings.Repeat("-", 70)+s)
	w.Close()
	return strings.TrimLeft(strings.Replace(b.String(), "=\r\n", "", 1), "-")
}

func everyOctet(s, verb string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, verb, s[i])
	}
	return b.String()
}

func everyRune(s, verb string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, verb, r)
	}
	return b.String()
}

func TestSecretsInEachForm(t *testing.T) {
	for what, secret := range map[string]string{
		"client secret":     "Abc8Q~dEf_GhI.jK-lMnOpQrStUvWxYz~0123456",
		"password":          `p"ss w<>rd&'+%41\u0041é`,
		"short password":    "a~b\"",
		"one of spaces":     "two words here",
		"percent signs":     "%25%41%7ebc",
		"plus signs":        "ab++cd++ef",
		"not of ASCII":      "密码密码",
		"long as a token":   strings.Repeat("eyJhbGciOiJSUzI1NiJ9.", 60),
		"one of backslash":  `ab\\\u007ecd\\ef`,
		"looks like entity": "&amp;&#126;abcd",
		"looks like quoted": "a=3Db=3D=3Dc",
		"beyond UTF-16":     "pass🔑word🔒é",
		"quotation marks":   `it's "so" 'there'`,
		"line ends":         "first line\nsecond\tline\r\nthird",
	} {
		for name, form := range forms {
			t.Run(what+"/"+name, func(t *testing.T) {
				var s Secrets
				s.Add(secret)
				got := s.Text("before " + form(secret) + " after")
				if want := "before " + Redacted + " after"; strings.NewReplacer(`"`, "", `\`, "").Replace(got) != want {
					t.Errorf("%q, want %q", got, want)
				}
			})
		}
	}
}

func TestSecretsInPart(t *testing.T) {
	const secret = "0123456789abcdefghijklmnopqrstuvwxyz"
	for name, test := range map[string]struct{ in, want string }{
		"nothing of it":              {"an answer", "an answer"},
		"less than a piece":          {"an 123456789abcdef answer", "an 123456789abcdef answer"},
		"a piece":                    {"an 123456789abcdefg answer", "an [redacted] answer"},
		"its end":                    {"an klmnopqrstuvwxyz answer", "an [redacted] answer"},
		"its beginning, cut off":     {"an answer 0123", "an answer [redacted]"},
		"too little, cut off":        {"an answer 012", "an answer 012"},
		"thirteen times":             {strings.Repeat(secret, 13), "[redacted]"},
		"thirteen times, in a quote": {strings.Repeat(`"`+secret+`"`, 2), `"[redacted]""[redacted]"`},
		"overlapping itself":         {secret[:20] + secret, "[redacted]"},
	} {
		t.Run(name, func(t *testing.T) {
			var s Secrets
			s.Add(secret)
			if got := s.Text(test.in); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// Half of a password that is shorter than a piece of a token gives it away,
// too.
func TestSecretsOfFewOctetsInPart(t *testing.T) {
	for secret, test := range map[string]struct{ in, want string }{
		"hunter2":                {"an hunter answer", "an hunter answer"},
		"hunter2~":               {"an hunter2~ answer", "an [redacted] answer"},
		"hunter2~hunter8":        {"an unter2~hu answer", "an [redacted] answer"},
		"hunter2~hunter8~hunter": {"an 2~hunter8~hu answer", "an [redacted] answer"},
	} {
		t.Run(fmt.Sprintf("%d octets", len(secret)), func(t *testing.T) {
			var s Secrets
			s.Add(secret)
			if got := s.Text(test.in); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestSecretsAtTheCut(t *testing.T) {
	for _, secret := range []string{"hunter2 ~ hunter", strings.Repeat("~secret", 300)} {
		for _, shown := range []int{4, 7, len(secret) - 1, len(secret)} {
			var s Secrets
			s.Add(secret)
			got := s.Text(strings.Repeat(".", maxText-shown) + secret + "more")
			if want := strings.Repeat(".", maxText-shown) + Redacted; got != want {
				t.Errorf("%d of %d octets before the cut: the text ends in %q", shown, len(secret), got[maxText-shown:])
			}
		}
	}
}

func TestSecretsTooShort(t *testing.T) {
	var s Secrets
	s.Add("", "A", "OK", "abc")
	s.AddEncoded("", "A", "OK", "abc")
	if got := s.Text("A OK abc"); got != "A OK abc" {
		t.Errorf("%q", got)
	}
	if got := (*Secrets)(nil).Text("A OK"); got != "A OK" {
		t.Errorf("of no Secrets: %q", got)
	}
}

func TestSecretsInBase64(t *testing.T) {
	const secret = "hunter2~hu>ter2~hu?ter2"
	var s Secrets
	s.AddEncoded(secret)
	for name, encoding := range map[string]*base64.Encoding{"": base64.StdEncoding, "URL": base64.URLEncoding} {
		for before := range 4 {
			for after := range 4 {
				text := encoding.EncodeToString([]byte("....."[:before] + secret + "....."[:after]))
				got := s.Text(text)
				if !strings.Contains(got, Redacted) || len(got) > len(Redacted)+12 {
					t.Errorf("%s: %d octets before and %d after: %s of %s", name, before, after, got, text)
				}
			}
		}
	}
}

func TestErr(t *testing.T) {
	var s Secrets
	s.Add("hunter2")
	if s.Err(nil) != nil {
		t.Error("nil became an error")
	}
	clean := errors.New("no answer")
	if s.Err(clean) != clean {
		t.Error("an error without a secret was replaced")
	}
	err := s.Err(fmt.Errorf("of hunter2: %w", context.Canceled))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not what it was", err)
	}
	if errors.Unwrap(err) != nil {
		t.Error("it unwraps to the error that names the secret")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		for _, shown := range []any{err, struct{ E error }{err}, &s, struct{ S *Secrets }{&s}, &struct{ s Secrets }{Secrets{known: s.known}}} {
			if text := fmt.Sprintf(verb, shown); strings.Contains(text, "hunter2") {
				t.Errorf("%s shows %s", verb, text)
			}
		}
	}
}

// A text that was cut within an escape has the beginning of a secret before it.
func TestSecretsAtTheCutOfAnEscape(t *testing.T) {
	const secret = "abcdefg~0123456789~hijklmno"
	for name, end := range map[string]string{
		"query":              "%7",
		"query, one octet":   "%",
		"query of a query":   "%252525252",
		"JSON":               `\u00`,
		"JSON, one octet":    `\`,
		"braces":             `\u{7`,
		"decimal entity":     "&#12",
		"entity of entities": "&amp;amp;#12",
		"quoted-printable":   "=7",
		"soft line break":    "=",
	} {
		t.Run(name, func(t *testing.T) {
			var s Secrets
			s.Add(secret)
			if got, want := s.Text("of=7E an answer abcdefg"+end), "of=7E an answer "+Redacted; got != want && got != want+`\` {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// What is searched for may be chosen by the caller of somebody's web API, and
// the text by a server.
func TestCostIsLinear(t *testing.T) {
	letters := make([]byte, 4<<10)
	for i := range letters {
		letters[i] = "abcdefghijklmnopqrstuvwxyz"[i*i%677%26]
	}
	for name, test := range map[string]struct {
		text, secret string
		atMost       time.Duration // times letters
	}{
		"tildes":            {strings.Repeat("~", 16<<10), strings.Repeat("~", 4<<10), 2},
		"one of tildes":     {strings.Repeat("~", 4<<10) + strings.Repeat("-", 12<<10), strings.Repeat("~", 4<<10), 2},
		"nearly tildes":     {strings.Repeat("~~~~~~~~~~~~~~!", 1<<10), strings.Repeat("~", 4<<10), 2},
		"escapes":           {strings.Repeat("%25", 5<<10), strings.Repeat("%25", 1<<10), 3},
		"nested escapes":    {"%" + strings.Repeat("25", 8<<10), strings.Repeat("~", 4<<10), 3},
		"nested entities":   {"&" + strings.Repeat("amp;", 4<<10), strings.Repeat("&", 4<<10), 3},
		"beginnings of one": {strings.Repeat("&", 16<<10), strings.Repeat("&", 4<<10), 3},
		"backslashes":       {strings.Repeat(`\`, 16<<10), strings.Repeat(`\`, 4<<10), 3},
		"quotation marks":   {strings.Repeat(`'`, 16<<10), strings.Repeat(`'`, 4<<10), 3},
		"cuts":              {strings.Repeat(`\a`, 8<<10), "aaaa", 3},
		"halves":            {strings.Repeat("\xed\xa0\x80", 5<<10), strings.Repeat("\xed\xb0\x80", 1<<10), 3},
		"printable escapes": {strings.Repeat("=3D", 5<<10), strings.Repeat("=3D", 1<<10), 5},
	} {
		t.Run(name, func(t *testing.T) {
			text := func(secret string) string { return strings.Repeat(secret, 4) }
			mailtest.CheckCost(t, test.atMost, search(text(string(letters)), string(letters)), search(test.text, test.secret))
		})
	}
}

func search(text, secret string) func() {
	return func() {
		var s Secrets
		s.Add(secret)
		s.Text(text)
	}
}

func FuzzText(f *testing.F) {
	f.Add("hunter2", "of hunter%32 and", uint8(1))
	f.Add("&amp;~", `\u0026`, uint8(3))
	f.Fuzz(func(t *testing.T, secret, text string, form uint8) {
		if len(secret) < maxPiece || len(secret)*6+len(text) > maxText {
			return
		}
		var s Secrets
		s.Add(secret)
		escape := []func(string) string{
			func(s string) string { return s }, url.QueryEscape, inJSON, html.EscapeString,
		}[form%4]
		if form%4 == 2 && strings.ToValidUTF8(secret, "") != secret {
			return
		}
		got := s.Text(text + "\x00" + escape(secret) + "\x00" + text)
		if strings.Contains(strings.ReplaceAll(got, Redacted, ""), secret) && !strings.Contains(text, secret) {
			t.Errorf("%q in %q is shown: %q", secret, text, got)
		}
	})
}
