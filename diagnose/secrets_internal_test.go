package diagnose

import (
	"strings"
	"testing"

	"github.com/exoauth/exoauth/internal/mailtest"
)

// A log is longer than what is read of it, and may be cut in a secret.
func TestPastedSecretsAtTheCut(t *testing.T) {
	const half = maxWords / 2
	for _, row := range mailtest.Secretive {
		t.Run(row.Kind, func(t *testing.T) {
			for _, secret := range row.Secrets {
				for _, end := range []string{"\n", " "} {
					if end == " " && strings.Contains(secret, " ") {
						continue // nothing tells the words of a password from those of a log of one line
					}
					filling := func(n int) string { return strings.Repeat("words of a log"+end, 2+n/15)[:n] + end }
					middle := strings.Index(row.Text, secret) + len(secret)/2
					after := max(half-(len(row.Text)-middle), 1)
					checkWords(t, secret, filling(half-min(middle, half)-1)+row.Text+end+filling(maxWords))
					checkWords(t, secret, filling(maxWords)+row.Text+end+filling(after-2))
				}
			}
		})
	}
}

func checkWords(t *testing.T, secret, log string) {
	t.Helper()
	s := newSituation(Subject{})
	s.setWords(log)
	words := strings.Join(s.lines, " ")
	if len(words) < maxWords/4 {
		t.Errorf("%d of %d octets are left", len(words), len(log))
	}
	const shown = 4 // octets give nothing away
	for i := 0; i+shown < len(secret); i++ {
		if part := secret[i : i+shown+1]; len(secret) > 2*shown && strings.Contains(words, part) {
			t.Fatalf("%q is left of %q: %s", part, secret, words)
		}
	}
}
