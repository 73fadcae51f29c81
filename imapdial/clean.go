package imapdial

import (
	"errors"
	"fmt"
	"io"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/verdict"
	"github.com/exoauth/exoauth/xoauth2"
)

// try notes a token before it is sent.
func (a *attempt) try(token string) {
	if token != "" {
		a.tokens = append(a.tokens, token)
	}
}

// secrets are the tokens that were tried. They are not kept between two
// failures, since a session may stand for months.
func (a *attempt) secrets() *plain.Secrets { return secretsOf(a.tokens) }

func secretsOf(tokens []string) *plain.Secrets {
	secrets := new(plain.Secrets)
	secrets.AddEncoded(tokens...)
	return secrets
}

// hiding returns a function that returns text without the tokens.
func hiding(tokens []string) func(text string) string {
	return func(text string) string { return secretsOf(tokens).Text(text) }
}

// scrub returns text without the tokens that were tried.
func (a *attempt) scrub(text string) string { return a.secrets().Text(text) }

// clean returns err as it is unless it, or an error that it wraps, shows a
// token that was tried. A server can echo one in any of its words.
func (a *attempt) clean(err error) error {
	if err == nil || len(a.tokens) == 0 {
		return err
	}
	secrets := a.secrets()
	if !shows(err, secrets) {
		return err
	}
	c := &cleaned{err: err, text: secrets.Text(err.Error())}
	if open, ok := errors.AsType[*dial.Unrenewed](err); ok {
		c.shown = append(c.shown, &dial.Unrenewed{Refusal: a.clean(open.Refusal), Err: a.clean(open.Err)})
	}
	if answer, ok := errors.AsType[*imap.Error](err); ok {
		answer := *answer
		answer.Code, answer.Text = imap.ResponseCode(secrets.Text(string(answer.Code))), secrets.Text(answer.Text)
		c.shown = append(c.shown, &answer)
	}
	if challenge, ok := errors.AsType[*xoauth2.Error](err); ok && !shows(challenge, secrets) {
		c.shown = append(c.shown, challenge)
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
// words of the server, without secrets. errors.Is asks the original error.
type cleaned struct {
	text  string
	shown []error
	err   error
}

// Error implements error.
func (c *cleaned) Error() string { return c.text }

// Unwrap returns the words of the server.
func (c *cleaned) Unwrap() []error { return c.shown }

// Is asks the error as it was.
func (c *cleaned) Is(target error) bool { return errors.Is(c.err, target) }

// Temporary asks the error as it was.
func (c *cleaned) Temporary() bool { return verdict.Temporary(c.err) }

// Format shows nothing else, whatever the verb.
func (c *cleaned) Format(f fmt.State, _ rune) { io.WriteString(f, c.text) }
