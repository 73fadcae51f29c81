package tokensource

import (
	"context"
	"net/url"
)

// ClientCredentials returns a source of tokens for the application itself,
// without a user: the client credentials grant (RFC 6749 §4.4).
//
// Exchange Online opens a mailbox to such a token where the application has
// the permission IMAP.AccessAsApp (SMTP.SendAsApp to send) with an
// administrator's consent, is known to Exchange through New-ServicePrincipal,
// and has access to the mailbox through Add-MailboxPermission.
//
// Nothing is sent until the source is asked for a token.
//
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow)
func (c *Config) ClientCredentials() *Source {
	cl, err := c.appClient()
	if err != nil {
		return &Source{broken: err}
	}
	return storedSource(clientCredentials{cl}, cl.cache, cl.keyOf(keyApplication))
}

// clientCredentials is the flow of a client without a user.
type clientCredentials struct{ *client }

func (c clientCredentials) token(ctx context.Context, pause pauseFunc) (*grant, error) {
	return c.retry(ctx, pause, func() (*grant, error) {
		return c.request(ctx, url.Values{"grant_type": {"client_credentials"}, "scope": {c.scope}})
	})
}
