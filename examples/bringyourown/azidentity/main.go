// Azidentity opens a mailbox with a credential of the Azure SDK, which
// tokensource.Func makes a source of.
//
//	go run ./azidentity
//
// shows that with an Entra ID and an Exchange Online in this process. For a real
// mailbox set EXO_MAILBOX, and AZURE_TENANT_ID, AZURE_CLIENT_ID and
// AZURE_CLIENT_SECRET, or the same with EXO_ in place of AZURE_. Azidentity has
// more, such as DefaultAzureCredential, which tries all that a machine has.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/tokensource"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "azidentity:", err)
		os.Exit(1)
	}
}

// sourceOf gives a credential one request at a time, a cache that does not
// block those who read it, and renewal while the old token is still good.
func sourceOf(credential azcore.TokenCredential, cloud exoauth.Cloud) *tokensource.Source {
	return tokensource.Func(func(ctx context.Context) (string, time.Time, error) {
		token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{cloud.AppScope()}})
		return token.Token, token.ExpiresOn, err
	})
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	s, mailbox := settings.FromEnv(getenv), getenv("EXO_MAILBOX")
	if s.IsZero() {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_MAILBOX, AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.")
		server := exchangetest.NewServer()
		defer server.Close()
		s, mailbox = demo(server)
	}
	config, err := s.Config()
	if err != nil {
		return err
	}
	cloud, trust := s.Servers()
	options := azidentity.ClientSecretCredentialOptions{DisableInstanceDiscovery: true}
	options.Cloud.ActiveDirectoryAuthorityHost = cloud.Authority
	if config.HTTPClient != nil {
		options.Transport = config.HTTPClient
	}
	credential, err := azidentity.NewClientSecretCredential(s.Tenant, s.ClientID, s.ClientSecret, &options)
	if err != nil {
		return err
	}
	dialer := imapdial.Dialer{TokenSource: sourceOf(credential, cloud), Addr: cloud.IMAP, TLSConfig: trust}
	client, err := dialer.Dial(ctx, mailbox)
	if err != nil {
		return err
	}
	defer client.Close()
	inbox, err := client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: messages in INBOX: %d\n", mailbox, inbox.NumMessages)
	return client.Logout().Wait()
}

// demo leads everything to a server in this process.
func demo(server *exchangetest.Server) (s settings.Settings, mailbox string) {
	app := server.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	box := server.Tenant().AddMailbox("invoices@contoso.com")
	server.Tenant().Grant(app, box.Address)
	box.Append("INBOX", []byte("Subject: Hello\r\n\r\nHello!\r\n"))
	return settings.Settings{
		Tenant: server.Tenant().ID, ClientID: app.ClientID, ClientSecret: app.Secret, Custom: server.Cloud(), RootCAs: server.TLSConfig().RootCAs,
	}, box.Address
}
