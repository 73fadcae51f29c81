package diagnose

import (
	"fmt"
	"slices"
	"testing"
)

func TestUnwrap(t *testing.T) {
	for text, want := range map[string]string{
		"plain words, 100 %":                  "plain words, 100 %",
		"it isn\u2019t \u201csaid\u201d":      `it isn't "said"`,
		`{"a":"b \"c\" d\r\nTrace ID"}`:       "{\"a\":\"b \"c\" d\nTrace ID\"}",
		`{\"a\":\"it\\u0027s\"}`:              `{"a":"it's"}`,
		"?error=x&error_description=a%20b%27": "?error=x&error_description=a b'",
		"?error_description=a%3a+b+c":         "?error_description=a: b c",
		"a&quot;b&#39;c&amp;d":                `a"b'c&d`,
		"50%zz of %20":                        "50%zz of  ",
	} {
		if got := unwrap(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// A number is read however a library writes it, and one that only wraps another
// one is none.
func TestNumbers(t *testing.T) {
	for line, want := range map[string][]int{
		"AADSTS7000215: x":                                    {7000215},
		"AADSTS70002: x. AADSTS50012: y":                      {50012},
		"AADSTS70002: x":                                      {70002},
		`{"error_codes":[50076]`:                              {50076},
		"{u'error_codes': [9002313]}":                         {9002313},
		"https://login.microsoftonline.com/error?code=700016": {700016},
		`errorMessage: "7000215 - [2023-03-05 22:32:01Z]: x"`: {7000215},
		"AADSTS9XXXXX: x":                                     nil,
		"port 10993 - [x":                                     nil,
		"pid 50034 - [2023-03-05 22:32:01] x":                 nil,
		"at 2026-11-28, 120000 of them":                       nil,
	} {
		s := newSituation(Subject{})
		s.read(fmt.Errorf("%s", line))
		if !slices.Equal(s.codes, want) {
			t.Errorf("%q: %v, want %v", line, s.codes, want)
		}
	}
}

func TestProtocolOfReplies(t *testing.T) {
	for line, want := range map[string]Protocol{
		"535: 5.7.3 Authentication unsuccessful":                   SMTP,
		"permanent error (535): 5.7.3 Authentication unsuccessful": SMTP,
		"retcode (535); Msg: b'5.7.3 Authentication unsuccessful'": SMTP,
		"(535, b'5.7.139 Authentication unsuccessful')":            SMTP,
		"connect ETIMEDOUT 192.0.2.1:587":                          SMTP,
		"A1 NO AUTHENTICATE failed.":                               IMAP,
		"dial tcp 192.0.2.1:993: i/o timeout":                      IMAP,
		"-ERR Authentication failure: unknown user name":           POP,
		"dial tcp 192.0.2.1:995: i/o timeout":                      POP,
		"nothing of the kind":                                      "",
	} {
		if got := understand(fmt.Errorf("%s", line), Subject{}).Protocol; got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if got := understand(fmt.Errorf("535: 5.7.3 Authentication unsuccessful"), Subject{Protocol: IMAP}).Protocol; got != SMTP {
		t.Errorf("5.7.3 is taken for %s", got)
	}
}

// The mechanism is the last one that was used, not one that is offered.
func TestSentPassword(t *testing.T) {
	for text, want := range map[string]bool{
		"C: AUTH LOGIN":                                     true,
		"command: 'AUTH LOGIN'":                             true,
		"A1 AUTHENTICATE PLAIN":                             true,
		"250-AUTH LOGIN XOAUTH2":                            false,
		"250-AUTH LOGIN\n250 SIZE":                          false,
		"A1 AUTHENTICATE PLAIN\n+\nA1 AUTHENTICATE XOAUTH2": false,
		"* CAPABILITY AUTH=PLAIN AUTH=XOAUTH2":              false,
		"using authenticator LOGIN":                         true,
		"auth [XOAUTH2 accesstoken]: 2 NO":                  false,
		"":                                                  false,
	} {
		if got := sentPassword(understand(fmt.Errorf("x %s", text), Subject{})); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
