package plain

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

const (
	// Redacted stands where a secret was.
	Redacted = "[redacted]"

	// minSecret is the length from which a secret is searched for. A shorter
	// one is none, and would garble the text.
	minSecret = 4
	// maxText is how much of a text is searched; the rest is dropped.
	maxText = 16 << 10
)

// Secrets are values that nobody may see. Text finds them in every spelling:
// escaped as in a URL, a form, JSON, HTML, a quoted string or quoted-printable
// text, several times over, broken by white space or cut off. The zero value
// knows none. It is safe for concurrent use, and fmt shows nothing of it.
type Secrets struct {
	mu    sync.Mutex // guards known
	known *[]*needle // a pointer: fmt does not follow those within a struct
}

// Add makes secrets known. It ignores those of fewer than four bytes.
func (s *Secrets) Add(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range secrets {
		if len(secret) < minSecret {
			continue
		}
		s.add(secret)
		if written := controls.Replace(secret); written != secret {
			s.add(written)
		}
	}
}

// controls leaves of \n what decode leaves of it.
var controls = strings.NewReplacer("\a", "a", "\b", "b", "\f", "f", "\n", "n", "\r", "r", "\t", "t", "\v", "v")

func (s *Secrets) add(secret string) {
	if s.known == nil {
		s.known = new([]*needle)
	}
	*s.known = append(*s.known, &needle{secret: secret})
}

// AddEncoded makes secrets known, and their base64, with either alphabet,
// wherever they stand in a longer text that is encoded, as the token does in a
// SASL response.
func (s *Secrets) AddEncoded(secrets ...string) {
	s.Add(secrets...)
	for _, secret := range secrets {
		if len(secret) < minSecret {
			continue
		}
		for before := range 3 { // octets that share a group with the first one
			encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), secret...))
			first, end := (8*before+5)/6, 8*(before+len(secret))/6
			encoded = encoded[first:end]
			s.Add(encoded)
			if url := urlAlphabet.Replace(encoded); url != encoded {
				s.Add(url)
			}
		}
	}
}

var urlAlphabet = strings.NewReplacer("+", "-", "/", "_")

// Text returns the text with each secret replaced by Redacted. It returns no
// more than 16 KiB. A nil s knows no secrets.
func (s *Secrets) Text(text string) string {
	known := s.list()
	if len(known) == 0 || text == "" {
		return text
	}
	h := newHaystack(text)
	for _, n := range known {
		n.mark(h)
	}
	return h.blot()
}

func (s *Secrets) list() []*needle {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		return nil
	}
	return *s.known
}

// Err returns err as it is if its text has no secret in it. Otherwise it
// returns an error with the text of [Secrets.Text]. errors.Is asks err then,
// but the new error does not unwrap to it. A nil err stays nil.
func (s *Secrets) Err(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if shown := s.Text(text); shown != text {
		return &cleaned{shown, err}
	}
	return err
}

type cleaned struct {
	text string
	err  error
}

func (e *cleaned) Error() string             { return e.text }
func (e *cleaned) Is(target error) bool      { return errors.Is(e.err, target) }
func (e cleaned) Format(f fmt.State, _ rune) { io.WriteString(f, e.text) }

// Format shows nothing, whatever the verb.
func (s *Secrets) Format(f fmt.State, _ rune) { io.WriteString(f, "plain.Secrets") }
