package xoauth2

import (
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-sasl"
)

// Mechanism is the name of the mechanism, as servers advertise it.
const Mechanism = "XOAUTH2"

// ErrInvalidCredentials is wrapped by the errors for a user name or a token
// that cannot be sent: empty, or with a control character in it, which would
// let the value reach into the neighbouring field of the initial response; or a
// token with the word Bearer before it.
var ErrInvalidCredentials = errors.New("xoauth2: unusable user name or token")

// ErrTooManyChallenges is returned when a server goes on asking after it has
// been given the initial response.
var ErrTooManyChallenges = errors.New("xoauth2: server sent an empty challenge again after the initial response")

// NewClient returns a client that authenticates username with an access
// token.
//
// Start fails with an error wrapping [ErrInvalidCredentials] where either is not
// fit to be sent; see [Validate]. Next answers an empty challenge
// with the initial response, once, for servers that did not take it from
// Start; any other challenge is the server's refusal and is returned as an
// [*Error]. Next never returns a nil response together with a nil error,
// which go-smtp and net/smtp would take for success.
//
// A client cannot see the connection it is used on: start TLS before.
//
// A client serves one connection at a time and may be used again, for a
// second attempt or on another connection; it is not safe for concurrent
// use.
func NewClient(username, token string) sasl.Client {
	return &client{username: username, token: token}
}

type client struct {
	username, token string
	// pending is the initial response until an empty challenge consumed it.
	pending []byte
}

func (c *client) Start() (mech string, ir []byte, err error) {
	if err := Validate(c.username, c.token); err != nil {
		return "", nil, err
	}
	ir = initialResponse(c.username, c.token)
	c.pending = ir
	return Mechanism, ir, nil
}

func (c *client) Next(challenge []byte) ([]byte, error) {
	if len(challenge) > 0 {
		return nil, decodeError(challenge, c.token)
	}
	if c.pending == nil {
		return nil, ErrTooManyChallenges
	}
	ir := c.pending
	c.pending = nil
	return ir, nil
}

// Format keeps the token out of every verb of fmt.
func (c *client) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "xoauth2.Client(%q)", c.username)
}

func initialResponse(username, token string) []byte {
	return []byte("user=" + username + "\x01auth=" + scheme + token + "\x01\x01")
}

// scheme stands before the token here, as it does in a header of HTTP, from
// where it is sometimes copied along.
const scheme = "Bearer "

// cutScheme returns what follows the scheme, whose case is of no matter.
func cutScheme(text string) (token string, ok bool) {
	if len(text) < len(scheme) || !strings.EqualFold(text[:len(scheme)], scheme) {
		return "", false
	}
	return text[len(scheme):], true
}

// Validate reports, by an error wrapping [ErrInvalidCredentials], whether
// username or token cannot be sent: empty, with a control character, or a token
// that begins with "Bearer ". The error says which, with the offset of a
// character, and quotes neither value. [NewClient] and [SMTPAuth] call it before
// they write; call it to refuse a setting early.
func Validate(username, token string) error {
	if err := validateFields(username, token); err != nil {
		return err
	}
	if _, ok := cutScheme(token); ok {
		return fmt.Errorf("%w: the access token begins with %q, which is put before it: give the token alone", ErrInvalidCredentials, scheme)
	}
	return nil
}

// validateFields reports whether the two can be told apart again.
func validateFields(username, token string) error {
	if err := validateField("user name", username); err != nil {
		return err
	}
	return validateField("access token", token)
}

func validateField(name, value string) error {
	if value == "" {
		return fmt.Errorf("%w: the %s is empty", ErrInvalidCredentials, name)
	}
	for i := range len(value) {
		if value[i] < 0x20 || value[i] == 0x7f {
			return fmt.Errorf("%w: the %s has the control character 0x%02x at offset %d", ErrInvalidCredentials, name, value[i], i)
		}
	}
	return nil
}
