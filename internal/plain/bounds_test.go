package plain

import (
	"strings"
	"testing"
)

// Secrets of fewer than four bytes are none: they would garble the text.
func TestShortestSecret(t *testing.T) {
	for _, add := range map[string]func(*Secrets, string){
		"Add":        func(s *Secrets, secret string) { s.Add(secret) },
		"AddEncoded": func(s *Secrets, secret string) { s.AddEncoded(secret) },
	} {
		for secret, hidden := range map[string]bool{"": false, "abc": false, "abcd": true} {
			s := new(Secrets)
			add(s, secret)
			if text := s.Text("xx abcd xx"); (text == "xx "+Redacted+" xx") != hidden || !hidden && text != "xx abcd xx" {
				t.Errorf("%q is known, and %q is shown", secret, text)
			}
		}
	}
}

// No more than 16 KiB are searched, and no more are shown.
func TestLongestText(t *testing.T) {
	s := new(Secrets)
	s.Add("PLANTED")
	for length, want := range map[int]int{16<<10 - 1: 16<<10 - 1, 16 << 10: 16 << 10, 16<<10 + 1: 16 << 10} {
		if got := len(s.Text(strings.Repeat(".", length))); got != want {
			t.Errorf("%d octets of %d, want %d", got, length, want)
		}
	}
}

// From which length on a run of characters is taken for a secret that nobody has
// named.
func TestShortestRuns(t *testing.T) {
	const mixed = "k7Qz2Xw9Rt4Lm8Bv3Nc6Jp1Hs5Gd0FyTa" // no word, and no number
	for name, row := range map[string]struct {
		run    string
		hidden bool
	}{
		"31 characters":                {mixed[:31], false},
		"32 characters":                {mixed[:32], true},
		"a secret of Entra ID, 20":     {"abc8Q~" + mixed[:14], false},
		"a secret of Entra ID, 21":     {"abc8Q~" + mixed[:15], true},
		"the beginning of a token, 10": {"eyJ" + mixed[:7], false},
		"the beginning of a token, 11": {"eyJ" + mixed[:8], true},
	} {
		text := "the value " + row.run + " was refused"
		want := text
		if row.hidden {
			want = "the value " + Redacted + " was refused"
		}
		if got := Opaque(text); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
