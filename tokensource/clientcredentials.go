package tokensource

import (
	"context"
	"net/url"
)

// ClientCredentials returns a source of tokens for the application itself,
// without a user: the client credentials grant (RFC 6749 §4.4).
//
// Exchange Online opens a mailbox to such a token if the application has the
// permission IMAP.AccessAsApp (SMTP.SendAsApp to send) with an administrator's
// consent, is registered in Exchange with New-ServicePrincipal, and has access
// to the mailbox by Add-MailboxPermission.
//
// Nothing is sent until the source is asked for a token.
//
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow)
func (c *Config) ClientCredentials() *Source {
	cl, err := c.appClient()
	if err != nil {
		return &Source{broken: err}
	}
	return newAppSource(cl, cl.keyOf(keyApplication), func(ctx context.Context, pause pauseFunc) (*token, error) {
		return cl.retry(ctx, pause, entraBackoff, func() (*token, error) {
			return cl.request(ctx, url.Values{"grant_type": {"client_credentials"}, "scope": {cl.scope}})
		})
	})
}
