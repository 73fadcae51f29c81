package dial

import (
	"errors"
	"fmt"
	"io"

	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/verdict"
)

// Tokens are the tokens of an attempt, the last one last. It keeps no
// [plain.Secrets], since a session may stand for months.
type Tokens []string

func (t Tokens) secrets() *plain.Secrets {
	secrets := new(plain.Secrets)
	secrets.AddEncoded(t...)
	return secrets
}

// Text returns text without the tokens.
func (t Tokens) Text(text string) string { return t.secrets().Text(text) }

// tried returns err together with the claims of the last token.
func (t Tokens) tried(err error) error {
	if len(t) == 0 {
		return err
	}
	return WithTried(err, t[len(t)-1])
}

// Clean returns err as it is unless it, or an error that it wraps, shows a
// token. A server can echo one in any of its words. Words is that of a
// [Reporter].
func (t Tokens) Clean(err error, words func(error, func(string) string) []error) error {
	if err == nil || len(t) == 0 {
		return err
	}
	secrets := t.secrets()
	if !shows(err, secrets) {
		return err
	}
	c := &cleaned{err: err, text: secrets.Text(err.Error())}
	if open, ok := errors.AsType[*Unrenewed](err); ok {
		c.shown = append(c.shown, &Unrenewed{t.Clean(open.Refusal, words), t.Clean(open.Err, words)})
	}
	for _, said := range words(err, secrets.Text) {
		if !shows(said, secrets) {
			c.shown = append(c.shown, said)
		}
	}
	return c
}

// shows reports whether err, or an error that it wraps, has a secret in its
// text.
func shows(err error, secrets *plain.Secrets) bool {
	if err == nil {
		return false
	}
	const window = 16 << 10 // Text looks at no more
	for text := err.Error(); text != ""; text = text[min(len(text), window/2):] {
		if part := plain.Head(text, window); secrets.Text(part) != part {
			return true
		}
	}
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		return shows(err.Unwrap(), secrets)
	case interface{ Unwrap() []error }:
		for _, wrapped := range err.Unwrap() {
			if shows(wrapped, secrets) {
				return true
			}
		}
	}
	return false
}

// cleaned is an error without the secrets that it had in it. It wraps only the
// server's words.
type cleaned struct {
	text  string
	shown []error
	err   error
}

// Error implements error.
func (c *cleaned) Error() string { return c.text }

// Unwrap returns the server's words.
func (c *cleaned) Unwrap() []error { return c.shown }

// Is asks the error as it was.
func (c *cleaned) Is(target error) bool { return errors.Is(c.err, target) }

// Retryable asks the error as it was.
func (c *cleaned) Retryable() bool { return verdict.Retryable(c.err) }

// Format shows nothing else, whatever the verb.
func (c *cleaned) Format(f fmt.State, _ rune) { io.WriteString(f, c.text) }
