// Azidentity opens a mailbox with a credential of the Azure SDK, which
// tokensource.Func makes a source of.
//
//	go run ./azidentity
//
// shows that with an Entra ID and an Exchange Online in this process. For a real
// mailbox set EXO_MAILBOX, and what DefaultAzureCredential looks for: AZURE_*
// variables, a workload identity, a managed identity, or who has signed in with
// the az command.
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
func sourceOf(credential azcore.TokenCredential) *tokensource.Source {
	return tokensource.Func(func(ctx context.Context) (string, time.Time, error) {
		token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{exoauth.Global.AppScope()}})
		return token.Token, token.ExpiresOn, err
	})
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	mailbox := getenv("EXO_MAILBOX")
	var dialer imapdial.Dialer
	var credential azcore.TokenCredential
	var err error
	if mailbox == "" {
		fmt.Fprintln(out, "No EXO_MAILBOX: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_MAILBOX, and what DefaultAzureCredential looks for.")
		server := exchangetest.NewServer()
		defer server.Close()
		mailbox = "invoices@contoso.com"
		credential, err = demo(server, mailbox, &dialer)
	} else {
		credential, err = azidentity.NewDefaultAzureCredential(nil)
	}
	if err != nil {
		return err
	}
	dialer.TokenSource = sourceOf(credential)
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
func demo(server *exchangetest.Server, address string, dialer *imapdial.Dialer) (azcore.TokenCredential, error) {
	app := server.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	mailbox := server.Tenant().AddMailbox(address)
	server.Tenant().Grant(app, address)
	mailbox.Append("INBOX", []byte("Subject: Hello\r\n\r\nHello!\r\n"))
	dialer.DialContext, dialer.TLSConfig = server.DialContext, server.TLSConfig()
	options := azidentity.ClientSecretCredentialOptions{}
	options.Transport = server.HTTPClient()
	return azidentity.NewClientSecretCredential(server.Tenant().ID, app.ClientID, app.Secret, &options)
}
