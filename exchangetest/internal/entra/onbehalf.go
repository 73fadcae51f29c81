package entra

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/token"
	"github.com/exoauth/exoauth/exchangetest/internal/tokenkey"
)

// onBehalfOf exchanges a token that a user's client sent to the application
// for one to another resource.
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow)
func (s *Server) onBehalfOf(r *tokenRequest) (*grant, *aadsts.Refusal) {
	form := r.PostForm
	if use := form.Get("requested_token_use"); use != "on_behalf_of" {
		return nil, aadsts.Refuse(aadsts.MissingParameter, "name", "requested_token_use")
	}
	for _, name := range []string{"assertion", "scope"} {
		if form.Get(name) == "" {
			return nil, aadsts.Refuse(aadsts.MissingParameter, "name", name)
		}
	}
	given, refusal := s.credential(r)
	switch {
	case refusal != nil:
		return nil, refusal
	case !given:
		return nil, aadsts.Refuse(aadsts.CredentialRequired)
	}
	w, refusal := parseScope(form.Get("scope"))
	if refusal != nil {
		return nil, refusal
	}
	u, mfa, refusal := s.userOfAssertion(r, form.Get("assertion"))
	if refusal != nil {
		return nil, refusal
	}
	if refusal = u.Check(mfa); refusal != nil {
		return nil, toTheClient(refusal)
	}
	g, refusal := permit(r.app, u, w)
	if g != nil {
		g.session = signInFacts{mfa: mfa, scope: form.Get("scope")}
	}
	return g, refusal
}

// toTheClient adds to the demand for a second factor what an API passes on to
// the client, which alone can have the user do something.
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow#error-response-example)
func toTheClient(e *aadsts.Refusal) *aadsts.Refusal {
	if e.Code != aadsts.MFA && e.Code != aadsts.MFAEnrolment {
		return e
	}
	e.Claims = aadsts.PolicyClaims
	return e.As("interaction_required")
}

// userOfAssertion also reports whether the user signed in with a second factor.
func (s *Server) userOfAssertion(r *tokenRequest, assertion string) (u *directory.User, mfa bool, refusal *aadsts.Refusal) {
	var c token.Claims
	if err := tokenkey.Parse(assertion, &c, s.Clock.Now); err != nil {
		return nil, false, assertionRefusal(err, &c)
	}
	if !isIssuer(c.Issuer, c.TID, r.Host) {
		return nil, false, aadsts.Refuse(aadsts.UserAssertion).Because(keyNotFound)
	}
	mine := func(aud string) bool {
		aud = strings.TrimPrefix(strings.ToLower(aud), "api://")
		return strings.TrimSuffix(aud, "/") == r.app.ClientID
	}
	if !slices.ContainsFunc(c.Audience, mine) {
		return nil, false, aadsts.Refuse(aadsts.AssertionForOther, "audience", strings.Join(c.Audience, " "))
	}
	if c.Scope == "" || c.TID != r.app.Tenant().ID {
		return nil, false, aadsts.Refuse(aadsts.NotOnBehalf)
	}
	u, refusal = s.Directory.FindUser(r.tenant, cmp.Or(c.UPN, c.Name))
	return u, slices.Contains(c.AMR, "mfa"), refusal
}

// Entra ID's words about a signature. It looks for the key among the issuer's.
const (
	keyNotFound    = "Assertion failed signature validation. [Reason - The key was not found.]"
	keyDidNotMatch = "Assertion failed signature validation. [Reason - Key was found, but use of the key to verify the signature failed.]"
)

// assertionRefusal makes a refusal of an error of tokenkey.Parse.
func assertionRefusal(err error, c *token.Claims) *aadsts.Refusal {
	switch {
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
	case errors.Is(err, jwt.ErrTokenExpired), errors.Is(err, jwt.ErrTokenNotValidYet):
		return aadsts.Refuse(aadsts.UserAssertionTime, "to", aadsts.Time(c.ExpiresAt.Time))
	case errors.Is(err, tokenkey.ErrKey):
		return aadsts.Refuse(aadsts.UserAssertion).Because(keyNotFound)
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return aadsts.Refuse(aadsts.UserAssertion).Because(keyDidNotMatch)
	}
	return aadsts.Refuse(aadsts.UserAssertion)
}

// isIssuer reports whether a token of the tenant has this issuer, in version
// 1.0 or 2.0. For version 2.0 the host must be that of the request or an alias.
func isIssuer(issuer, tenant, host string) bool {
	if issuer == "https://sts.windows.net/"+tenant+"/" {
		return true
	}
	name, ok := strings.CutSuffix(strings.TrimPrefix(issuer, "https://"), "/"+tenant+"/v2.0")
	return ok && (name == host || clouds.LoginAliases()[name])
}
