package tokensource

import "strings"

// RefreshToken returns a source of tokens for a user who has signed in to another
// program: the refresh token grant (RFC 6749 §6). ClientID must be the
// application to which the refresh token was issued, with its Credential if it
// has one.
//
// A refresh token belongs to a user and an application, not to a resource: one
// from a sign-in to Microsoft Graph gets a token for mail if the user has
// consented to that.
//
// Each request brings a new refresh token, which replaces the one before. Each
// is valid for 90 days; if the redirect address is registered for a single-page
// application, all end 24 hours after the sign-in (AADSTS700084). To find the
// latest one after a restart, set [Config.Cache] and pass the same token as
// before: it identifies the entry until the user signs in anew.
//
// After the refresh token was revoked, for example by a change of the password,
// the error is [ErrInteractionRequired].
//
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#refresh-the-access-token)
func (c *Config) RefreshToken(token string) *Source {
	if err := checkOpaque("RefreshToken", token); err != nil {
		return &Source{broken: err}
	}
	cl, err := c.userClient()
	if err != nil {
		return &Source{broken: err}
	}
	s := newUserSession(cl, cl.keyOf(keyRefresh, token), nil)
	s.have, s.stored = token, token
	return s.source()
}

// checkOpaque is for tokens that are passed on as they are.
func checkOpaque(field, token string) *ConfigError {
	const remedy = "pass it as it was issued, without the line end of the file it is read from"
	switch {
	case token == "":
		return &ConfigError{Field: field, Problem: "an empty token", Remedy: remedy}
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return &ConfigError{Field: field, Problem: "a token with white space or characters that no token has", Remedy: remedy}
	}
	return nil
}
