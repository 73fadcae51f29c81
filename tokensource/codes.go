package tokensource

import (
	"errors"
	"slices"

	"github.com/exoauth/exoauth/internal/aadsts"
)

// has reports whether one of the numbers is of this kind.
func (e *Error) has(k aadsts.Kind) bool {
	return slices.ContainsFunc(e.AADSTS, func(n int) bool { return aadsts.Causes[n].Kind&k != 0 })
}

// interactive reports whether the user has to act. A suberror that says
// otherwise counts first, then the numbers, then the code, since invalid_grant
// means a password to be changed as well as a code redeemed twice.
func (e *Error) interactive() bool {
	switch e.Suberror {
	case "message_only", "client_mismatch", "protection_policy_required":
		return false
	}
	for _, n := range e.AADSTS {
		if k := aadsts.Causes[n].Kind & (aadsts.ByUser | aadsts.ByOthers); k != 0 {
			return k&aadsts.ByUser != 0
		}
	}
	switch e.Code {
	case "interaction_required", "login_required", "consent_required", "invalid_grant":
		return true
	}
	return false
}

// grantEnded reports whether a refresh token is of no use to anybody any more.
// A user who has to consent or to pass MFA still has a good one.
func (e *Error) grantEnded() bool {
	switch {
	case !e.interactive():
		return false
	case e.Suberror == "bad_token", e.Suberror == "token_expired":
		return true
	case len(e.AADSTS) == 0:
		return e.Code == "invalid_grant"
	}
	return e.has(aadsts.Ends)
}

// credentialBad reports whether another credential may succeed.
func (e *Error) credentialBad() bool {
	if _, ok := errors.AsType[*credentialError](e.Err); ok {
		return true
	}
	switch {
	case len(e.AADSTS) == 0:
		return e.Code == "invalid_client"
	case e.Code == "invalid_scope", e.Code == "invalid_grant":
		// 700023 is said of a scope, too, and 50013 of an assertion about a user.
		return false
	}
	return e.has(aadsts.Credential)
}
