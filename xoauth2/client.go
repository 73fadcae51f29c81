package xoauth2

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-sasl"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/internal/dial"
)

// Mechanism is the name of XOAUTH2, as servers advertise it.
const Mechanism = "XOAUTH2"

// ErrInvalidCredentials is wrapped by every error for a user name or token that
// cannot be sent. Such a value is empty, or contains a control character, which
// could start another field of the initial response, or is a token that begins
// with "Bearer ".
var ErrInvalidCredentials = errors.New("xoauth2: unusable user name or token")

// ErrTooManyChallenges is returned if a server sends another empty challenge
// after it has received the initial response.
var ErrTooManyChallenges = errors.New("xoauth2: server sent an empty challenge again after the initial response")

// NewClient returns an XOAUTH2 client that authenticates username with an
// access token.
//
// Start fails with an error that wraps [ErrInvalidCredentials] if username or
// token cannot be sent; see [Validate]. Next answers one empty challenge with
// the initial response, for servers that ask for it instead of taking it from
// Start. A challenge that is not empty is the server's refusal, which Next
// returns as an [*Error]. Next never returns a nil response together with a nil
// error, which go-smtp and net/smtp would take for success.
//
// A client does not know the connection that it is used on: start TLS first.
//
// A client serves one connection at a time. You may use it again, for a second
// attempt or on another connection. It is not safe for concurrent use.
func NewClient(username, token string) sasl.Client {
	return &client{mech: Mechanism, username: username, token: token, encode: initialResponse}
}

// NewSourceClient is [NewClient] with a token from src. It asks src each time
// that Start is called, so a client that is used again picks up a renewed
// token.
//
// If src has the method TokenContext(context.Context) (*oauth2.Token, error),
// as the sources of package tokensource do, Start calls that with ctx. Once ctx
// has ended, Start fails with an error that wraps the error of ctx.
//
// A client learns only at the end of the exchange that the server refused its
// token, so it cannot try another one. Packages imapdial and smtpdial can.
func NewSourceClient(ctx context.Context, username string, src oauth2.TokenSource) sasl.Client {
	return &sourceClient{client: client{mech: Mechanism, username: username, encode: initialResponse}, ctx: ctx, source: src}
}

type client struct {
	mech, username, token string
	encode                func(username, token string) []byte // makes the initial response
	acknowledgement       []byte                              // of a refusal
	pending               []byte                              // the initial response, until an empty challenge has consumed it
}

func (c *client) Start() (mech string, ir []byte, err error) {
	if err := Validate(c.username, c.token); err != nil {
		return "", nil, err
	}
	c.pending = c.encode(c.username, c.token)
	return c.mech, c.pending, nil
}

func (c *client) Next(challenge []byte) ([]byte, error) {
	if len(challenge) > 0 {
		return c.acknowledgement, decodeError(challenge, c.token)
	}
	if c.pending == nil {
		return c.acknowledgement, ErrTooManyChallenges
	}
	ir := c.pending
	c.pending = nil
	return ir, nil
}

// Format keeps the token out of every verb of fmt.
func (c *client) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "xoauth2.Client(%q)", c.username)
}

type sourceClient struct {
	client
	ctx    context.Context // sasl.Client has no place for one
	source oauth2.TokenSource
}

func (c *sourceClient) Start() (mech string, ir []byte, err error) {
	token, err := ask(c.ctx, c.username, c.source, "")
	if err != nil {
		return "", nil, err
	}
	c.token = token.AccessToken
	return c.client.Start()
}

// ask returns a token of src for a server, which may be "".
func ask(ctx context.Context, username string, src oauth2.TokenSource, server string) (*oauth2.Token, error) {
	token, err := dial.Token(ctx, src, dial.ValidityAt(server))
	if err != nil {
		return nil, fmt.Errorf("xoauth2: no token for %q: %w", username, err)
	}
	return token, nil
}

func initialResponse(username, token string) []byte {
	return []byte("user=" + username + "\x01auth=" + scheme + token + "\x01\x01")
}

// scheme precedes the token, as in an HTTP header, from which people copy both.
const scheme = "Bearer "

// cutScheme returns the text after the scheme, whose case does not matter.
func cutScheme(text string) (token string, ok bool) {
	if len(text) < len(scheme) || !strings.EqualFold(text[:len(scheme)], scheme) {
		return "", false
	}
	return text[len(scheme):], true
}

// Validate returns an error that wraps [ErrInvalidCredentials] if username or
// token cannot be sent: one of them is empty or contains a control character,
// or the token begins with "Bearer ". The error names the value at fault and the
// offset of the character, and quotes neither value. The clients of this package
// and [SMTPAuth] call Validate before they write. Call it to reject a setting
// early.
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
