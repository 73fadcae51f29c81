package tokensource

import (
	"context"
	"errors"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Password returns a source of tokens for a user whose password the program
// knows: the resource owner password credentials grant (RFC 6749 §4.3). It is
// the last resort, and Microsoft advises against it. Prefer
// [Config.ClientCredentials] for a service, and [Config.DeviceCode] or
// [Config.AuthCode] for a person.
//
// Entra ID refuses a password if the user must pass multi-factor authentication
// (AADSTS50076, AADSTS50079), if security defaults or Conditional Access forbid
// it (AADSTS530035, AADSTS53003), for personal accounts, and for users of most
// federated domains. Some of these errors are [ErrInteractionRequired].
//
// The Source sends the password for the first token, and again after the refresh
// token was revoked. If the password is wrong (AADSTS50126), the Source returns
// that error from then on and does not send the password again, which would lock
// the account. If the account is locked (AADSTS50053), the Source waits 15
// minutes before it sends the password again.
//
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth-ropc)
func (c *Config) Password(username, password string) *Source {
	cl, err := c.userClient()
	if err == nil {
		err = c.checkPassword(username, password)
	}
	if err != nil {
		return &Source{broken: err}
	}
	key := func() (string, error) {
		user := strings.ToLower(username)
		proof, err := stretched(user, password)
		return cl.key(keyPassword, user, proof), err
	}
	var refused failure
	return newUserSession(cl, key, func(ctx context.Context, pause pauseFunc) (*token, error) {
		if time.Now().Before(refused.until) {
			return nil, refused.err
		}
		g, err := cl.retry(ctx, pause, entraBackoff, func() (*token, error) {
			return cl.request(ctx, url.Values{
				"grant_type": {"password"},
				"username":   {username},
				"password":   {password},
				"scope":      {cl.scope},
			})
		})
		refused = failure{err, time.Now().Add(holdPassword(err))}
		return g, err
	}).source()
}

// holdPassword returns for how long a password is not to be sent again.
func holdPassword(err error) time.Duration {
	e, ok := errors.AsType[*Error](err)
	switch {
	case ok && slices.Contains(e.AADSTS, 50126): // wrong
		return math.MaxInt64
	case ok && slices.Contains(e.AADSTS, 50053): // locked
		return 15 * time.Minute
	}
	return 0
}

// checkPassword allows "organizations", as Entra ID does. What is wrong with
// the password is said without quoting it.
func (c *Config) checkPassword(username, password string) *ConfigError {
	if tenant := strings.ToLower(c.Tenant); tenant != "organizations" {
		if err := c.checkOwnTenant(); err != nil {
			err.Problem = "personal accounts cannot sign in with a password (AADSTS9001023)"
			return err
		}
	}
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case username == "" || strings.ContainsFunc(username, control):
		return &ConfigError{Field: "username", Problem: "empty, or with control characters", Remedy: "pass the user principal name, such as jane@contoso.com"}
	case password == "":
		return &ConfigError{Field: "password", Problem: "empty", Remedy: "check the variable or file that it is read from"}
	case strings.TrimSpace(password) != password || strings.ContainsFunc(password, control):
		return &ConfigError{
			Field: "password", Problem: "begins or ends with white space, which this grant does not support, or has control characters",
			Remedy: "trim the line break at the end of the file that it comes from",
		}
	}
	return nil
}
