package plain

import (
	"bytes"
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
	// piece is how much of a secret gives it away. Of a longer secret every
	// run of this length is hidden, so that half of one is not shown either.
	piece = 16
	// maxText is how much of a text is searched; the rest is dropped.
	maxText = 16 << 10
)

// Secrets are the values that nobody may see. Text finds them however others
// have written them: escaped as in a URL, a form, JSON, HTML or a quoted string,
// several times over, broken by white space or cut off. The zero value knows
// none. It is safe for concurrent use, and fmt shows nothing of it.
type Secrets struct {
	mu    sync.Mutex // guards known
	known []string
}

// Add makes secrets known. It ignores those of fewer than four bytes.
func (s *Secrets) Add(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range secrets {
		if len(secret) >= minSecret {
			s.known = append(s.known, secret)
		}
	}
}

// AddEncoded makes secrets known, and their base64 wherever they stand in a
// longer text that is encoded, as the token does in a SASL response.
func (s *Secrets) AddEncoded(secrets ...string) {
	s.Add(secrets...)
	for _, secret := range secrets {
		for before := range 3 { // octets that share a group with the first one
			encoded := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), secret...))
			first, end := (8*before+5)/6, 8*(before+len(secret))/6
			s.Add(encoded[first:end])
		}
	}
}

// Text returns the text with each secret replaced by Redacted. It returns no
// more than 16 KiB. A nil s knows no secrets.
func (s *Secrets) Text(text string) string {
	if s == nil || text == "" {
		return text
	}
	s.mu.Lock()
	known := s.known
	s.mu.Unlock()
	if len(known) == 0 {
		return text
	}
	text = Head(text, maxText)
	hide := make([]bool, len(text))
	found := false
	d := decode(text)
	for _, secret := range known {
		found = d.mark(decode(secret).bytes(), hide) || found
		found = literal(text, secret, hide) || found
	}
	if !found {
		return text
	}
	return blot(text, hide)
}

// literal marks the secret as it is, which may have no characters that decode
// keeps.
func literal(text, secret string, hide []bool) (found bool) {
	for from := 0; ; {
		at := strings.Index(text[from:], secret)
		if at < 0 {
			return found
		}
		for i := from + at; i < from+at+len(secret); i++ {
			hide[i] = true
		}
		from += at + len(secret)
		found = true
	}
}

// mark marks the secret, or pieces of it, in the text that d was decoded from.
func (d decoded) mark(secret []byte, hide []bool) (found bool) {
	if len(secret) < minSecret {
		return false
	}
	cover := func(from, to int) {
		found = true
		for i := d[from].from; i < d[to-1].to; i++ {
			hide[i] = true
		}
	}
	text := d.bytes()
	if len(secret) < piece {
		for from := 0; ; {
			at := bytes.Index(text[from:], secret)
			if at < 0 {
				break
			}
			cover(from+at, from+at+len(secret))
			from += at + len(secret)
		}
	} else {
		pieces := make(map[[piece]byte]struct{}, len(secret))
		for i := 0; i+piece <= len(secret); i++ {
			pieces[[piece]byte(secret[i:])] = struct{}{}
		}
		last := 0 // octet that is covered, from where to go on so as to leave no gap
		for i := 0; i+piece <= len(text); i++ {
			if _, ok := pieces[[piece]byte(text[i:])]; ok {
				cover(max(i, last), i+piece)
				last = i + piece - 1
			}
		}
	}
	for n := min(len(secret), piece) - 1; n >= minSecret; n-- { // the text may have been cut within the secret
		if bytes.HasSuffix(text, secret[:n]) {
			cover(len(text)-n, len(text))
			break
		}
	}
	return found
}

func blot(text string, hide []bool) string {
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !hide[i]:
			b.WriteByte(text[i])
		case i == 0 || !hide[i-1]:
			b.WriteString(Redacted)
		}
	}
	return b.String()
}

// Err returns err as it is, or, if its text names a secret, an error with the
// text of [Secrets.Text] that is, by errors.Is, what err is and that does not
// unwrap to it. A nil err stays nil.
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
