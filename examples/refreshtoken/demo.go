package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
)

// demo runs the program twice, with a server in this process.
func demo(ctx context.Context, out io.Writer) error {
	server := exchangetest.NewServer()
	defer server.Close()
	app := server.Tenant().AddApp("Mail client")
	app.SetPublicFlows(true)
	adele := server.Tenant().AddUser("adele@contoso.com")
	adele.Mailbox.Append("INBOX", []byte("Subject: Hello\r\n\r\nHello!\r\n"))
	app.Consent(adele, exchangetest.IMAPAccessAsUser, exchangetest.SMTPSend)
	s := settings.Settings{Tenant: "organizations", ClientID: app.ClientID, User: adele.UPN, Password: adele.Password, Custom: server.Cloud(), RootCAs: server.TLSConfig().RootCAs}
	dir, err := os.MkdirTemp("", "refreshtoken")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.Cache = tokencache.Dir(dir)
	if err := visit(ctx, out, s, ""); err != nil {
		return err
	}
	fmt.Fprintln(out, "The program is run again:")
	return visit(ctx, out, s, "")
}

// otherProgram signs the user in, with x/oauth2, and returns a refresh token.
func otherProgram(ctx context.Context, user, password string, c *tokensource.Config) (string, error) {
	config := oauth2.Config{
		ClientID: c.ClientID,
		Endpoint: oauth2.Endpoint{TokenURL: c.Cloud.Authority + "/" + c.Tenant + "/oauth2/v2.0/token", AuthStyle: oauth2.AuthStyleInParams},
		Scopes:   []string{c.Cloud.UserScope("IMAP.AccessAsUser.All"), "offline_access"},
	}
	token, err := config.PasswordCredentialsToken(context.WithValue(ctx, oauth2.HTTPClient, c.HTTPClient), user, password)
	if err != nil {
		return "", err
	}
	return token.RefreshToken, nil
}
