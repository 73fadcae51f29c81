package xoauth2

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-sasl"
)

// ErrMalformedResponse is wrapped by the error that a server of this package
// returns for an initial response that does not have the form of its mechanism.
var ErrMalformedResponse = errors.New("xoauth2: malformed initial response")

// maxResponse bounds the initial response that a server parses. It is well
// above the largest tokens of Entra ID.
const maxResponse = 64 << 10

// An Authenticator decides whether username may log in with token. It returns
// nil to accept.
//
// If the error is or wraps an [*Error], the server first sends that to the
// client as a JSON challenge, as Gmail and Dovecot do. Any other error ends the
// exchange at once, as on Exchange. In both cases Next returns the error at the
// end, so an *imap.Error (for a go-imap server) or an *smtp.SMTPError (for a
// go-smtp server) sets the text of the reply. go-imap also finds an *imap.Error
// that is wrapped together with an [*Error]. go-smtp looks only at the
// outermost error and answers any other type with 454.
type Authenticator func(username, token string) error

// NewServer returns the server side of one XOAUTH2 exchange. It cannot be used
// again.
//
// Next answers a missing initial response with an empty challenge. It rejects an
// initial response that is not well-formed with an error that wraps
// [ErrMalformedResponse], without calling authenticate.
func NewServer(authenticate Authenticator) sasl.Server {
	return &server{authenticate: authenticate, parse: parseInitialResponse}
}

type server struct {
	authenticate Authenticator
	parse        func(body string) (username, token string, err error)
	refusal      error // that the client has been sent; the exchange ends with its acknowledgement
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
	username, token, err := s.read(response)
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

// read is strict about everything but the case of the word Bearer, since it
// stands in for servers that a client must satisfy.
func (s *server) read(response []byte) (username, token string, err error) {
	if len(response) > maxResponse {
		return "", "", malformed("%d bytes, more than %d", len(response), maxResponse)
	}
	body, ok := bytes.CutSuffix(response, []byte("\x01\x01"))
	if !ok {
		return "", "", malformed("it does not end in two ^A")
	}
	if username, token, err = s.parse(string(body)); err != nil {
		return "", "", err
	}
	if err := validateFields(username, token); err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrMalformedResponse, err)
	}
	return username, token, nil
}

// parseInitialResponse reads "user=…^Aauth=Bearer …^A^A".
func parseInitialResponse(body string) (username, token string, err error) {
	fields := strings.Split(body, "\x01")
	if len(fields) != 2 {
		return "", "", malformed("%d fields, want user and auth", len(fields))
	}
	username, ok := strings.CutPrefix(fields[0], "user=")
	if !ok {
		return "", "", malformed("the first field is not user=")
	}
	auth, ok := strings.CutPrefix(fields[1], "auth=")
	if !ok {
		return "", "", malformed("the second field is not auth=")
	}
	token, err = bearer(auth)
	return username, token, err
}

func bearer(auth string) (token string, err error) {
	token, ok := cutScheme(auth)
	if !ok {
		return "", malformed("the scheme is not Bearer")
	}
	return token, nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformedResponse}, args...)...)
}
