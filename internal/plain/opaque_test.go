package plain

import (
	"strings"
	"testing"

	"github.com/exoauth/exoauth/internal/mailtest"
)

// What is shown of each row is in want, with · for what is hidden.
func TestOpaque(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"empty":                       {"", ""},
		"one octet less than a token": {strings.Repeat("aB3", 10) + "a", strings.Repeat("aB3", 10) + "a"},
		"a token":                     {strings.Repeat("aB3", 10) + "ab", "·"},
		"a token and its padding":     {strings.Repeat("aB3", 10) + "ab==", "·"},
		"the rest of one":             {"a " + Redacted + "bc d", "a ·· d"},
		"words as long":               {"com.sun.mail.smtp.SMTPTransport.AuthenticationFailedException", "com.sun.mail.smtp.SMTPTransport.AuthenticationFailedException"},
		"an id":                       {"1c7a2b34-8a7e-4c0e-b5d5-6d0a5ad0c001", "1c7a2b34-8a7e-4c0e-b5d5-6d0a5ad0c001"},
		"an id without its dashes":    {"1c7a2b348a7e4c0eb5d56d0a5ad0c001", "·"},
		"the path of a URL":           {"https://b.example.com/" + strings.Repeat("aB3", 11), "https://b.example.com·"},
		"JWT in a path":               {"https://b.example.com/eyJhbGciOiJSUzI1NiJ9", "https://b.example.com·"},
		"Basic, in a sentence":        {"Basic authentication is disabled", "Basic authentication is disabled"},
		"Bearer, in XOAUTH2":          {"user=jane\x01auth=Bearer abc\x01\x01", "user=jane\x01auth=Bearer ·\x01\x01"},
		"Bearer, in a sentence":       {"Bearer authentication with a Bearer token", "Bearer authentication with a Bearer token"},
		"not of ASCII":                {"密码 é \xff", "密码 é \xff"},
		"token of a personal account": {"M.C513_BAY.0.U.-Cn7!pRsT*$$ x", "· x"},
		"named as a token":            {`{"ACCESS_TOKEN" : "abc.def", "id_token":"a`, `{"ACCESS_TOKEN" : "·", "id_token":"·`},
		"named in a sentence":         {"an access_token is missing", "an access_token is missing"},
		"type of a token":             {`{"token_type":"Bearer"}`, `{"token_type":"Bearer"}`},
		"object named as a token":     {`{"access_token":{"essential":true}}`, `{"access_token":{"essential":true}}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := strings.ReplaceAll(Opaque(test.text), Redacted, "·"); got != test.want {
				t.Errorf("got %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestCostOfOpaqueIsLinear(t *testing.T) {
	const size = 16 << 10
	letters := strings.Repeat("C: A1 SELECT INBOX and words of a log, with name=value\n", size/56)
	for _, unit := range []string{"~", "=", "\"", "://", "eyJ", "a.", "aB3", "aB3 ", "M.C1_", "Bearer ", "Bearer a1 ", "Basic YTpi ", "_token=", "_token\": \"a", "_token a"} {
		t.Run(unit, func(t *testing.T) {
			odd := strings.Repeat(unit, size/len(unit))
			mailtest.CheckCost(t, 4, func() { Opaque(letters) }, func() { Opaque(odd) })
		})
	}
}
