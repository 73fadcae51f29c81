package exchangetest

import (
	"bytes"
	"errors"

	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/xoauth2"
)

// errNotBase64 is what a client is refused for that gives up, or whose
// response is none.
var errNotBase64 = errors.New("the exchange was cancelled or is not in base64")

var errPlain = errors.New("the response is not that of PLAIN, or for somebody else than who logs in")

// parsePLAIN splits the response of the mechanism PLAIN (RFC 4616). Exchange
// lets nobody act as another user in that way.
func parsePLAIN(response []byte) (name, password string, err error) {
	parts := bytes.Split(response, []byte{0})
	if len(parts) != 3 || len(parts[1]) == 0 || len(parts[0]) > 0 && !bytes.EqualFold(parts[0], parts[1]) {
		return "", "", errPlain
	}
	return string(parts[1]), string(parts[2]), nil
}

// A saslServer judges what clients answer to a mechanism.
type saslServer struct {
	srv  *Server
	sess *session
	want resource.Permission

	// admit opens the mailbox for who has proven to be b, unless err says
	// that nothing was proven, and records the attempt.
	admit func(user string, b bearer, err error) error
}

// xoauth2 judges a response of XOAUTH2. Exchange sends no challenge after it,
// so one that is not done has refused.
func (s saslServer) xoauth2(response []byte) error {
	mech := xoauth2.NewServer(func(user, token string) error {
		b, err := s.srv.verify(token, s.want)
		return s.admit(user, b, err)
	})
	if response == nil {
		response = []byte{}
	}
	_, done, err := mech.Next(response)
	switch {
	case errors.Is(err, xoauth2.ErrMalformedResponse):
		s.sess.attempt("", bearer{}, err)
	case err == nil && !done:
		err = errors.New("the mechanism wants more")
	}
	return err
}

// plain judges a response of PLAIN.
func (s saslServer) plain(response []byte) error {
	name, password, err := parsePLAIN(response)
	var b bearer
	if err == nil {
		b, err = s.srv.verifyPassword(name, password, s.want)
	}
	return s.admit(name, b, err)
}
