package xoauth2

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-sasl"
)

// ErrMalformedResponse is wrapped by the error that a server from [NewServer]
// returns for an initial response that is not XOAUTH2.
var ErrMalformedResponse = errors.New("xoauth2: malformed initial response")

// maxResponse bounds the initial response that a server parses. It is well
// above the largest tokens of Entra ID and below what would be worth storing.
const maxResponse = 64 << 10

// An Authenticator decides whether username may log in with token. It returns
// nil to accept.
//
// An error that is or wraps an [*Error] is first sent to the client as a JSON
// challenge, as Gmail and Dovecot do; any other error ends the exchange at
// once, as Exchange does. Either is what the server's Next returns in the end,
// so a go-imap server may return an *imap.Error, and a go-smtp server an
// *smtp.SMTPError, to choose the words of the refusal. go-imap also finds one
// that is wrapped together with an [*Error]; go-smtp looks at the outermost
// error alone and answers anything else with 454.
type Authenticator func(username, token string) error

// NewServer returns the server side of one exchange. It must not be used for
// a second one.
//
// Next answers a missing initial response with an empty challenge. An initial
// response that is not well-formed is refused with an error wrapping
// [ErrMalformedResponse], and authenticate is not called.
func NewServer(authenticate Authenticator) sasl.Server {
	return &server{authenticate: authenticate}
}

type server struct {
	authenticate Authenticator
	refusal      error // told to the client; the exchange ends with its acknowledgement
	done         bool
}

func (s *server) Next(response []byte) (challenge []byte, done bool, err error) {
	if s.refusal != nil {
		err, s.refusal = s.refusal, nil
		return nil, true, err
	}
	if s.done {
		return nil, true, sasl.ErrUnexpectedClientResponse
	}
	if response == nil {
		// Not []byte{}, which go-imap's server writes as "+ =":
		// https://github.com/emersion/go-imap/issues/760.
		return nil, false, nil
	}
	s.done = true
	username, token, err := parseInitialResponse(response)
	if err != nil {
		return nil, true, err
	}
	err = s.authenticate(username, token)
	if refusal, ok := errors.AsType[*Error](err); ok {
		s.refusal = err
		return refusal.encode(), false, nil
	}
	return nil, true, err
}

// parseInitialResponse is strict in what it takes, but for the case of the
// word Bearer: it stands in for servers that a client's framing must satisfy.
func parseInitialResponse(response []byte) (username, token string, err error) {
	malformed := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrMalformedResponse}, args...)...)
	}
	if len(response) > maxResponse {
		return "", "", malformed("%d bytes, more than %d", len(response), maxResponse)
	}
	body, ok := bytes.CutSuffix(response, []byte("\x01\x01"))
	if !ok {
		return "", "", malformed("it does not end in two ^A")
	}
	fields := strings.Split(string(body), "\x01")
	if len(fields) != 2 {
		return "", "", malformed("%d fields, want user and auth", len(fields))
	}
	username, ok = strings.CutPrefix(fields[0], "user=")
	if !ok {
		return "", "", malformed("the first field is not user=")
	}
	auth, ok := strings.CutPrefix(fields[1], "auth=")
	if !ok {
		return "", "", malformed("the second field is not auth=")
	}
	if token, ok = cutScheme(auth); !ok {
		return "", "", malformed("the scheme is not Bearer")
	}
	if err := validateFields(username, token); err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrMalformedResponse, err)
	}
	return username, token, nil
}
