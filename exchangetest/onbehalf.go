package exchangetest

import (
	"errors"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/tokenkey"
)

// onBehalfOf exchanges a token that a user's client sent to the application
// for one to another resource.
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow)
func (s *Server) onBehalfOf(r *tokenRequest) (*grant, *entraError) {
	form := r.PostForm
	if use := form.Get("requested_token_use"); use != "on_behalf_of" {
		return nil, refuse(aadsts.MissingParameter, "name", "requested_token_use")
	}
	for _, name := range []string{"assertion", "scope"} {
		if form.Get(name) == "" {
			return nil, refuse(aadsts.MissingParameter, "name", name)
		}
	}
	given, refusal := r.credential()
	switch {
	case refusal != nil:
		return nil, refusal
	case !given:
		return nil, refuse(aadsts.CredentialRequired)
	}
	w, refusal := parseScope(form.Get("scope"))
	if refusal != nil {
		return nil, refusal
	}
	u, mfa, refusal := s.userOfAssertion(r, form.Get("assertion"))
	if refusal != nil {
		return nil, refusal
	}
	if refusal = u.checkUser(mfa); refusal != nil {
		return nil, toTheClient(refusal)
	}
	g, refusal := r.app.permit(u, w)
	if g != nil {
		g.session = signInFacts{mfa: mfa, scope: form.Get("scope")}
	}
	return g, refusal
}

// toTheClient adds to the demand for a second factor what an API passes on to
// the client, which alone can have the user do something.
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow#error-response-example)
func toTheClient(e *entraError) *entraError {
	if e.Code != aadsts.MFA && e.Code != aadsts.MFAEnrolment {
		return e
	}
	e.Claims = aadsts.PolicyClaims
	return e.as("interaction_required")
}

// userOfAssertion also reports whether the user signed in with a second factor.
func (s *Server) userOfAssertion(r *tokenRequest, assertion string) (u *User, mfa bool, refusal *entraError) {
	var c tokenClaims
	err := tokenkey.Parse(assertion, &c, s.Now)
	switch {
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return nil, false, refuse(aadsts.UserAssertion)
	case errors.Is(err, jwt.ErrTokenExpired), errors.Is(err, jwt.ErrTokenNotValidYet):
		return nil, false, refuse(aadsts.UserAssertionTime, "to", iso7(c.ExpiresAt.Time))
	case err != nil:
		return nil, false, refuse(aadsts.UserAssertion)
	}
	mine := func(aud string) bool {
		aud = strings.TrimPrefix(strings.ToLower(aud), "api://")
		return strings.TrimSuffix(aud, "/") == r.app.ClientID
	}
	if !slices.ContainsFunc(c.Audience, mine) {
		return nil, false, refuse(aadsts.UserAssertion).because("Assertion audience does not match the application.")
	}
	if c.Scope == "" || c.TID != r.app.tenant.ID {
		return nil, false, refuse(aadsts.NotOnBehalf)
	}
	u, refusal = s.dir.findUser(r.tenant, c.UPN)
	return u, slices.Contains(c.AMR, "mfa"), refusal
}
