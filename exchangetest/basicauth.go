package exchangetest

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
)

// A basicAuthError says that a protocol takes no passwords.
type basicAuthError struct{ option string } // of New-AuthenticationPolicy

func (e *basicAuthError) Error() string {
	return "basic authentication is disabled (New-AuthenticationPolicy -" + e.option + ")"
}

// A passwordError is a refusal by Entra ID of a name and a password.
type passwordError struct {
	code int // AADSTS
	text string
}

func (e *passwordError) Error() string { return fmt.Sprintf("AADSTS%d: %s", e.code, e.text) }

// verifyPassword is verify for clients that log in with a password.
func (s *Server) verifyPassword(name, password string, protocol permission) (bearer, error) {
	if option, on := s.authenticationPolicy(name).basic(protocol); !on {
		return bearer{}, &basicAuthError{option}
	}
	u, refusal := s.findUser(nil, name)
	switch {
	case refusal != nil:
	case !u.tenant.allowsPassword():
		refusal = refuse(aadsts.SecurityDefaults)
	default:
		refusal = u.checkPassword(password, false)
	}
	if refusal != nil {
		return bearer{}, &passwordError{refusal.Code, s.words(nil, refusal)}
	}
	return bearer{tenant: u.tenant, user: u}, nil
}

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

// refusePassword is refuse for a name and a password.
func (c *smtpConn) refusePassword(err error) {
	c.refuse(replyOf(err, passwordReply(err)))
}

func passwordReply(err error) string {
	if _, off := errors.AsType[*basicAuthError](err); off {
		return authBasic
	}
	wrong, ok := errors.AsType[*passwordError](err)
	if !ok {
		return authFailed
	}
	switch wrong.code {
	case aadsts.UnknownUser, aadsts.NoPassword, aadsts.WrongPassword, aadsts.PasswordExpired, aadsts.OnPremExpired, aadsts.AgentTimeout:
		return authFailed
	case aadsts.UserDisabled, aadsts.UserLocked:
		return authLocked
	case aadsts.SecurityDefaults:
		return authDefaults
	}
	return authCriteria
}
