package dial

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// words are those of a server.
type words string

func (w words) Error() string { return string(w) }

// wordsIn returns the server's words in err.
func wordsIn(err error, scrub func(string) string) []error {
	if said, ok := errors.AsType[words](err); ok {
		return []error{words(scrub(string(said)))}
	}
	return nil
}

// silent hides what it wraps.
type silent struct{ err error }

func (silent) Error() string   { return "it failed" }
func (s silent) Unwrap() error { return s.err }

// several hides what it wraps.
type several [2]error

func (several) Error() string     { return "they failed" }
func (s several) Unwrap() []error { return s[:] }

func TestClean(t *testing.T) {
	first, last := "planted-token-1", "planted-token-2"
	both := Tokens{first, last}
	far := strings.Repeat("x", 20<<10)
	for name, row := range map[string]struct {
		tokens Tokens
		err    error
		want   string // empty for the error as it is
		shown  []error
	}{
		"no error":                 {tokens: both},
		"nothing wrapped":          {tokens: both, err: silent{}},
		"several, nothing to hide": {tokens: both, err: silent{several{errNo, errHungUp}}},
		"no token":                 {err: words(first)},
		"nothing to hide":          {tokens: both, err: words("no")},
		"much, nothing to hide":    {tokens: both, err: words(far)},
		"the only token":           {tokens: both[:1], err: words("no " + first), want: "no [redacted]", shown: []error{words("no [redacted]")}},
		"the first token":          {tokens: both, err: words("no " + first), want: "no [redacted]", shown: []error{words("no [redacted]")}},
		"the last token":           {tokens: both, err: words("no " + last), want: "no [redacted]", shown: []error{words("no [redacted]")}},
		"in base64":                {tokens: both, err: words("no " + base64.RawStdEncoding.EncodeToString([]byte(first))), want: "no [redacted]", shown: []error{words("no [redacted]")}},
		"not in the words":         {tokens: both, err: fmt.Errorf("%s: %w", first, words("no")), want: "[redacted]: no", shown: []error{words("no")}},
		"in what is wrapped":       {tokens: both, err: silent{words(last)}, want: "it failed", shown: []error{words("[redacted]")}},
		"in the second of two":     {tokens: both, err: silent{several{errNo, words(last)}}, want: "it failed", shown: []error{words("[redacted]")}},
		"at the end of much":       {tokens: both, err: silent{words(far + last)}, want: "it failed", shown: []error{words(far[:16<<10])}},
		"at half of what is seen":  {tokens: both, err: silent{words(far[:8<<10-5] + last)}, want: "it failed", shown: []error{words(far[:8<<10-5] + "[redacted]")}},
	} {
		t.Run(name, func(t *testing.T) {
			err := row.tokens.Clean(row.err, wordsIn)
			if row.want == "" {
				if err != row.err {
					t.Errorf("error %v, want it as it was", err)
				}
				return
			}
			if !errors.Is(err, row.err) {
				t.Error("the error as it was is not found")
			}
			for _, verb := range []string{"%v", "%+v", "%s", "%#v"} {
				if text := fmt.Sprintf(verb, err); text != row.want {
					t.Errorf("%s shows %q, want %q", verb, text, row.want)
				}
			}
			if got := err.(*cleaned).Unwrap(); !slices.Equal(got, row.shown) {
				t.Errorf("wraps %.100q, want %.100q", got, row.shown)
			}
		})
	}
}

// Words that still show a token are left out.
func TestCleanLeavesWordsOut(t *testing.T) {
	err := Tokens{"planted-token"}.Clean(words("planted-token"), func(err error, _ func(string) string) []error { return []error{err, words("no")} })
	if got := err.(*cleaned).Unwrap(); !slices.Equal(got, []error{words("no")}) {
		t.Errorf("wraps %q", got)
	}
}

// Of a refusal and the failure of the source after it, both are still found.
func TestCleanOfAnUnrenewed(t *testing.T) {
	err := Tokens{"planted-token"}.Clean(&Unrenewed{words("no planted-token"), errNetwork}, wordsIn)
	open, ok := errors.AsType[*Unrenewed](err)
	if !ok || open.Refusal.Error() != "no [redacted]" || open.Err != errNetwork {
		t.Errorf("%+v", open)
	}
}

// The claims are those of the last token.
func TestTriedIsTheLast(t *testing.T) {
	if err := (Tokens)(nil).tried(errNo); err != errNo {
		t.Errorf("%#v without a token", err)
	}
	tokens := Tokens{"e30." + base64.RawURLEncoding.EncodeToString([]byte("1")) + ".x", "e30." + base64.RawURLEncoding.EncodeToString([]byte("2")) + ".x"}
	tried, ok := tokens.tried(errNo).(*Tried)
	if want := "." + base64.RawURLEncoding.EncodeToString([]byte("2")) + "."; !ok || tried.Claims() != want {
		t.Errorf("%+v, want the claims %q", tried, want)
	}
}
