package tokensource

import "strings"

// RefreshToken returns a source of tokens for the user to whom a refresh token
// was issued, by whatever program signed that user in: the refresh token grant
// (RFC 6749 §6). ClientID must be the application's it was issued to,
// and Credential set if that has one.
//
// The token belongs to user and application, not to a resource: one that was
// obtained for Microsoft Graph gives a token for mail where the user has
// consented to that.
//
// Each request brings a new refresh token, which takes the place of the one
// before. It is good for 90 days from its last use, and for 24 hours in all
// where the redirect address is registered as that of a single-page
// application (AADSTS700084). Set [Config.Cache] to find it again after a
// restart: there it takes the place of the token given here, which stays the
// same for as long as nobody signs in anew.
//
// When it is not good any more, because the password was reset, say, the error
// is [ErrInteractionRequired].
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
