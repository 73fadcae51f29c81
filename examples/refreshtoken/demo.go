package main

import (
	"context"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

// demo leads everything to a server in this process.
func demo(config *tokensource.Config, dialer *imapdial.Dialer) (*exchangetest.Server, *exchangetest.User) {
	server := exchangetest.NewServer()
	app := server.Tenant().AddApp("Mail client")
	app.SetPublicFlows(true)
	adele := server.Tenant().AddUser("adele@contoso.com")
	app.Consent(adele, exchangetest.IMAPAccessAsUser, exchangetest.SMTPSend)
	adele.Mailbox.Append("INBOX", []byte("Subject: Hello\r\n\r\nHello!\r\n"))
	config.Tenant, config.ClientID, config.HTTPClient = "organizations", app.ClientID, server.HTTPClient()
	dialer.DialContext, dialer.TLSConfig = server.DialContext, server.TLSConfig()
	return server, adele
}

// otherProgram signs the user in, with x/oauth2.
func otherProgram(ctx context.Context, server *exchangetest.Server, clientID string, user *exchangetest.User) (*oauth2.Token, error) {
	config := oauth2.Config{
		ClientID: clientID,
		Endpoint: oauth2.Endpoint{TokenURL: server.Cloud().Authority + "/organizations/oauth2/v2.0/token", AuthStyle: oauth2.AuthStyleInParams},
		Scopes:   []string{server.Cloud().UserScope(exchangetest.IMAPAccessAsUser), "offline_access"},
	}
	return config.PasswordCredentialsToken(context.WithValue(ctx, oauth2.HTTPClient, server.HTTPClient()), user.UPN, user.Password)
}
