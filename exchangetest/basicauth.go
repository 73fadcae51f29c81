package exchangetest

import (
	"errors"
	"fmt"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
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
func (s *Server) verifyPassword(name, password string, protocol resource.Permission) (bearer, error) {
	if option, on := s.dir.authenticationPolicy(name).basic(protocol); !on {
		return bearer{}, &basicAuthError{option}
	}
	u, refusal := s.dir.findUser(nil, name)
	switch {
	case refusal != nil:
	case !u.tenant.allowsPassword():
		refusal = aadsts.Refuse(aadsts.SecurityDefaults)
	default:
		refusal = u.checkPassword(password, false)
	}
	if refusal != nil {
		return bearer{}, &passwordError{refusal.Code, s.words(nil, refusal)}
	}
	return bearer{tenant: u.tenant, user: u}, nil
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
