package mailserver

import (
	"bytes"
	"errors"

	"github.com/exoauth/exoauth/exchangetest/internal/access"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/xoauth2"
)

// ErrNotBase64 is for a client that gives up, or whose response is none.
var ErrNotBase64 = errors.New("the exchange was cancelled or is not in base64")

var errPlain = errors.New("the response is not that of PLAIN, or for somebody else than who logs in")

// ParsePLAIN splits the response of the mechanism PLAIN (RFC 4616). Exchange
// lets nobody act as another user in that way.
func ParsePLAIN(response []byte) (name, password string, err error) {
	parts := bytes.Split(response, []byte{0})
	if len(parts) != 3 || len(parts[1]) == 0 || len(parts[0]) > 0 && !bytes.EqualFold(parts[0], parts[1]) {
		return "", "", errPlain
	}
	return string(parts[1]), string(parts[2]), nil
}

// SASL judges what clients answer to a mechanism.
type SASL struct {
	*Session
	Want resource.Permission
	// Admit opens the mailbox for who has proven to be b, unless err says
	// that nothing was proven, and records the attempt.
	Admit func(user string, b access.Bearer, err error) error
}

// XOAUTH2 judges a response of XOAUTH2. Exchange sends no challenge after it,
// so one that is not done has refused.
func (s SASL) XOAUTH2(response []byte) error {
	mech := xoauth2.NewServer(func(user, token string) error {
		b, err := s.Access.Verify(token, s.Want)
		return s.Admit(user, b, err)
	})
	if response == nil {
		response = []byte{}
	}
	_, done, err := mech.Next(response)
	switch {
	case errors.Is(err, xoauth2.ErrMalformedResponse):
		s.Attempt("", access.Bearer{}, err)
	case err == nil && !done:
		err = errors.New("the mechanism wants more")
	}
	return err
}

// PLAIN judges a response of PLAIN.
func (s SASL) PLAIN(response []byte) error {
	name, password, err := ParsePLAIN(response)
	var b access.Bearer
	if err == nil {
		b, err = s.Access.VerifyPassword(name, password, s.Want)
	}
	return s.Admit(name, b, err)
}
