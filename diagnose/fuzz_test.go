package diagnose_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/exoauth/exoauth/diagnose"
)

// FuzzExplain looks for input that panics, that gets a control character into
// what is shown, or a command that is more than one line.
func FuzzExplain(f *testing.F) {
	for _, r := range symptomRows {
		f.Add(r.line, r.about.Username, r.about.Token, r.about.Tenant)
	}
	f.Add("AADSTS700016: x", "a@b", "e30.eyJhdWQiOjF9.x", "common")
	f.Add("Backoff Time: 99999999999 milliseconds throttled", "{user}", "..", "{tenant}")
	f.Fuzz(func(t *testing.T, line, username, token, tenant string) {
		about := diagnose.Subject{Username: username, Token: token, Tenant: tenant, ClientID: tenant}
		findings := append(diagnose.ExplainLine(line, about), diagnose.Token(token, about)...)
		for _, finding := range findings {
			for _, text := range append(texts(finding), finding.String()) {
				if strings.ContainsFunc(text, unicode.IsControl) {
					t.Fatalf("control character in %q", text)
				}
			}
		}
	})
}

func BenchmarkExplain(b *testing.B) {
	about := diagnose.Subject{Username: mailbox, Token: appToken(nil), Tenant: tenantID}
	for name, line := range map[string]string{
		"line":  imapFailed,
		"16KiB": strings.Repeat("A1 OK nothing to see here\r\n", 640) + imapFailed,
		"1MiB":  strings.Repeat("* 1 FETCH (FLAGS (\\Seen) UID 17)\r\n", 30000) + imapFailed,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if diagnose.ExplainLine(line, about) == nil {
					b.Fatal("no finding")
				}
			}
		})
	}
}
