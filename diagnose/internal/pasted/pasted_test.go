package pasted

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/internal/plain"
)

// What is shown of each row is in want, with · for what is hidden.
func TestConceal(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"empty":    {"", ""},
		"no words": {"\r\n \t", "\r\n \t"},

		"command without a word after it":      {"AUTH", "AUTH"},
		"command and mechanism":                {"AUTH LOGIN", "AUTH LOGIN"},
		"command in a sentence":                {"the server refused LOGIN. Use AUTHENTICATE XOAUTH2 instead", "the server refused LOGIN. Use AUTHENTICATE XOAUTH2 instead"},
		"command after a status":               {"A1 NO LOGIN jane", "A1 NO LOGIN jane"},
		"lower case after no tag":              {"please login jane pw", "please login jane pw"},
		"name of the client's that is a word":  {"C: A1 LOGIN server pw", "C: A1 LOGIN ·"},
		"blanks around arguments":              {"PASS  a  b  ", "PASS  ·  "},
		"reply with a status":                  {"PASS a 535 5.7.3 no", "PASS · 535 5.7.3 no"},
		"reply without a status is a password": {"PASS a 535 no", "PASS ·"},
		"reply of Entra ID":                    {"password: a b AADSTS50126: no", "password: · AADSTS50126: no"},
		"two commands":                         {"A1 LOGIN a b A1 NO LOGIN failed. A2 LOGIN c d", "A1 LOGIN · A1 NO LOGIN failed. A2 LOGIN ·"},
		"challenge, then nothing":              {"334 x\n", "334 x\n"},
		"challenge, then a command":            {"+ go on\nDONE\nA1 OK IDLE completed.", "+ go on\nDONE\nA1 OK IDLE completed."},
		"challenge, then a sentence":           {"+ go on\nthis is no answer", "+ go on\nthis is no answer"},
		"challenge, then two words":            {"+ go on\nmy secret", "+ go on\n·"},
		"line end of the old Mac":              {"334 x\rc2VjcmV0\r535 5.7.3 no", "334 x\r·\r535 5.7.3 no"},
		"arrow in a sentence":                  {"count > 5", "count > 5"},
		"arrow of a log":                       {"12:00:01 > c2Vj", "12:00:01 > ·"},

		"name at the end":                       {"password", "password"},
		"name and nothing":                      {"password=", "password="},
		"name and nothing in quotes":            {`password=""`, `password=""`},
		"name within another":                   {"bypass=abc passwords=3", "bypass=abc passwords=3"},
		"name with a number":                    {"a PASS2=abc", "a PASS2=·"},
		"name as a hump":                        {"a smtpPass=abc", "a smtpPass=·"},
		"name as another word's end":            {"a compass=abc", "a compass=abc"},
		"name in a sentence":                    {"the password is wrong, and so is the secret.", "the password is wrong, and so is the secret."},
		"value with an ampersand":               {"x password=a&b", "x password=·"},
		"value before another name":             {"x password=a&b=c", "x password=·&b=c"},
		"value with a mark that does not close": {`x password=a"b`, `x password=·`},
		"value in a mark that is doubled":       {`'password': 'it''s', 'x'`, `'password': '·', 'x'`},
		"value in a mark that is escaped":       {`"password": "a\"b", "x"`, `"password": "·", "x"`},
		"value in escaped marks":                {`{\"password\": \"a\\\"b\", \"x\"}`, `{\"password\": \"·\", \"x\"}`},
		"value in encoded marks":                {`%22password%22%3A%22a%5C%22 x`, `%22password%22%3A%22·%22 x`},
		"value in HTML":                         {`&quot;password&quot;:&quot;a b&quot; x`, `&quot;password&quot;:&quot;·&quot; x`},
		"value without an end":                  {"\"password\":\"a b\nnext", "\"password\":\"·\nnext"},
		"value with a reply, in quotes":         {`x password="a 535 5.7.3 b" c`, `x password="·" c`},
		"reply after a name":                    {"wrong password: 535 5.7.3 no", "wrong password: 535 5.7.3 no"},
		"value before a reply":                  {"password: a b 535 5.7.3 c", "password: · 535 5.7.3 c"},
		"answer before a reply":                 {"334 x\nmy secret 535 5.7.3 no", "334 x\n· 535 5.7.3 no"},
		"flag before a flag of a secret":        {"x -Password -Secret abc", "x -Password -Secret ·"},
		"value that is an object":               {`"access_token":{"essential":true}`, `"access_token":{"essential":true}`},
		"value of a line":                       {"password: a b\nnext", "password: ·\nnext"},
		"value of a word":                       {"my password: a b", "my password: · b"},
		"vague name, short value":               {"code=535 state=open token: expired", "code=535 state=open token: expired"},
		"vague name, long value":                {"code=1a2b3c4d5e6f7g8h9i0j", "code=·"},
		"vague name, an id":                     {"state=1c7a2b34-8a7e-4c0e-b5d5-6d0a5ad0c001", "state=1c7a2b34-8a7e-4c0e-b5d5-6d0a5ad0c001"},
		"flag before a flag":                    {"x -Password -Force", "x -Password -Force"},
		"flag with a port":                      {"ssh -p 22", "ssh -p 22"},
		"flag with a user alone":                {"sudo -u jane", "sudo -u jane"},
		"call with a name alone":                {"login(user, password)", "login(user, password)"},
		"call with a host":                      {`c.connect("imap.example.com", 993)`, `c.connect("imap.example.com", 993)`},
		"call with a host and a password":       {`c.connect("imap.example.com", "jane", "pw")`, `c.connect("imap.example.com", "jane", "·")`},

		"user":                {"a://b@c", "a://·@c"},
		"no user":             {"a://b/c@d", "a://b/c@d"},
		"user of no length":   {"a://@c", "a://@c"},
		"port":                {"a://b:1/c@d", "a://b:1/c@d"},
		"IPv6":                {"a://[::1]:1/c@d", "a://[::1]:1/c@d"},
		"user with a port":    {"a://b:c@[::1]:1/c", "a://·@[::1]:1/c"},
		"user of another URL": {"a://b/?c=d://e:f@g", "a://b/?c=d://·@g"},

		"one octet less than a token": {strings.Repeat("aB3", 10) + "a", strings.Repeat("aB3", 10) + "a"},
		"a token":                     {strings.Repeat("aB3", 10) + "ab", "·"},
		"a token and its padding":     {strings.Repeat("aB3", 10) + "ab==", "·"},
		"the rest of one":             {"a " + plain.Redacted + "bc d", "a ·· d"},
		"words as long":               {"com.sun.mail.smtp.SMTPTransport.AuthenticationFailedException", "com.sun.mail.smtp.SMTPTransport.AuthenticationFailedException"},
		"an id":                       {"1c7a2b34-8a7e-4c0e-b5d5-6d0a5ad0c001", "1c7a2b34-8a7e-4c0e-b5d5-6d0a5ad0c001"},
		"an id without its dashes":    {"1c7a2b348a7e4c0eb5d56d0a5ad0c001", "·"},
		"the path of a URL":           {"https://b.example.com/" + strings.Repeat("aB3", 11), "https://b.example.com·"},
		"JWT in a path":               {"https://b.example.com/eyJhbGciOiJSUzI1NiJ9", "https://b.example.com·"},
		"Basic, in a sentence":        {"Basic authentication is disabled", "Basic authentication is disabled"},
		"Bearer, in XOAUTH2":          {"user=jane\x01auth=Bearer abc\x01\x01", "user=jane\x01auth=Bearer ·\x01\x01"},
		"Bearer, in a sentence":       {"Bearer authentication with a Bearer token", "Bearer authentication with a Bearer token"},
		"not of ASCII":                {"密码 é \xff", "密码 é \xff"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.ReplaceAll(Conceal(test.text), plain.Redacted, "·"); got != test.want {
				t.Errorf("got %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestFromClient(t *testing.T) {
	for line, want := range map[string]bool{
		"": false, "C:": true, "C: A1 NOOP": true, "S: A1 OK": false, "A1 NOOP": false, "> A1 NO LOGIN failed.": false,
		"12:00 CLIENT -> SERVER: QUIT": true, "12:00 SERVER -> CLIENT: 221 bye": false, "invalid client secret": false,
	} {
		if got := FromClient(line); got != want {
			t.Errorf("%q: %t", line, got)
		}
	}
}

func TestCostOfConcealIsLinear(t *testing.T) {
	if mailtest.RaceDetector {
		t.Skip("the race detector costs more than what is measured")
	}
	const size = 4 << 10 // as much as diagnose reads
	// Usual is a log that no expression may pass over.
	usual := strings.Repeat("C: A1 NOOP of a user with a login and a password, name=value\n", size/61)
	for _, unit := range []string{
		"~", "\\", "'", "\"", "%", "&", "=", "a=", "://", "://a@", "://a:", "<", "<pass ", "<password", "(", "login(", "login('", "-", "-p ", "- ",
		"pass=", "pass=a ", `"pass=a`, `"pass":"`, "password ", "password", "pass &&", "pass,", "token=a ", "token", "eyJ", "a.", "aB3", "M.C1_",
		"LOGIN ", "AUTH ", "AUTH PLAIN ", "PASS a ", "A1 LOGIN a b ", "C: ", "S: ", " C: a", "+ \n", "+\na\n", "334\n", `\r\n`, "\n", "\r", " ",
		"SecureString ", "SecureString (", "|SecureString", "token=", "token='", "secret(", "secret('", "setenv('secret',", "--user ", "--user a:", "<a ", "Authorization: ", "Cookie: [", "machine password ", "Bearer ", "Bearer a1 ", "Basic YTpi ",
	} {
		t.Run(unit, func(t *testing.T) {
			odd := strings.Repeat(unit, size/len(unit))
			mailtest.CheckCost(t, 4, func() { Conceal(usual) }, func() { Conceal(odd) })
		})
	}
}

var isReply = regexp.MustCompile(expand(`^{reply}`))

func FuzzConceal(f *testing.F) {
	f.Add("Summer2024!", "A1 NO LOGIN failed.")
	f.Add("a&b=c", "C: AUTH LOGIN\nS: 334 ")
	f.Fuzz(func(t *testing.T, secret, text string) {
		Conceal(text)
		inJSON, _ := json.Marshal(secret)
		if len(secret) < 6 || strings.ToValidUTF8(secret, "") != secret || strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("\"'`", r) }) {
			return
		}
		for _, text := range []string{
			"A1 LOGIN jane " + secret, "C: PASS " + secret, "C: AUTH PLAIN " + secret,
			`{"client_secret":` + string(inJSON) + "}", `{"body":` + quotedTwice(string(inJSON)) + "}",
			"x -Password '" + secret + "' -Force", `curl -u 'jane:` + secret + `' imaps://example.com`,
			"grant_type=password&password=" + url.QueryEscape(secret) + "&scope=x",
			"imaps://jane:" + url.QueryEscape(secret) + "@outlook.office365.com:993/INBOX",
		} {
			for _, shown := range []string{secret, url.QueryEscape(secret), strings.Trim(string(inJSON), `"`)} {
				if got := Conceal(text); !isReply.MatchString(secret) && len(shown) > 5 && strings.Contains(strings.ReplaceAll(got, plain.Redacted, ""), shown) {
					t.Errorf("%q: %q", text, got)
				}
			}
		}
	})
}

func quotedTwice(inJSON string) string {
	b, _ := json.Marshal(`{"password":` + inJSON + "}")
	return string(b)
}

// What a row needs is in each of its matches, and the stem of a secret's name in
// each name.
func TestNeeds(t *testing.T) {
	matches := 0
	for _, paste := range mailtest.Secretive {
		for line := range strings.Lines(paste.Text) {
			lower := strings.ToLower(line)
			for _, r := range slices.Concat(secrets, logins) {
				if m := r.find().FindString(line); m != "" {
					matches++
					if !containsAny(lower, r.needs) {
						t.Errorf("%q has none of %q", m, r.needs)
					}
				}
			}
		}
	}
	for _, name := range []string{"client_secret", "Client-Assertion", "my.pass.word", "SMTP_PASS", "x-id-token", "pw2"} {
		if isSecret(name, "") && !containsAny(separators.Replace(strings.ToLower(name)), secretStems) {
			t.Errorf("no stem is in %q", name)
		}
	}
	t.Logf("%d matches", matches)
}

// Each row finds its own example.
func TestRows(t *testing.T) {
	test := func(example string, mark func(line string, hide plain.Mask)) {
		t.Helper()
		before, rest, _ := strings.Cut(example, "«")
		secret, after, _ := strings.Cut(rest, "»")
		line, want := before+secret+after, before+plain.Redacted+after
		hide := make(plain.Mask, len(line))
		mark(line, hide)
		if got := hide.Blot(line); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if got := Conceal(line); got != want {
			t.Errorf("Conceal: %q, want %q", got, want)
		}
	}
	for _, r := range slices.Concat(secrets, logins) {
		test(r.example, func(line string, hide plain.Mask) { r.mark(line, hide) })
	}
	for _, n := range namings {
		test(n.example, n.mark)
	}
}
