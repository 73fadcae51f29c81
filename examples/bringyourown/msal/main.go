// Msal opens a mailbox with a token of MSAL Go, which tokensource.Func makes a
// source of.
//
//	go run ./msal
//
// shows that with an Entra ID and an Exchange Online in this process. For a real
// mailbox set EXO_TENANT, EXO_CLIENT_ID, EXO_CLIENT_SECRET and EXO_MAILBOX.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
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
		fmt.Fprintln(os.Stderr, "msal:", err)
		os.Exit(1)
	}
}

// sourceOf asks MSAL's cache first, for whatever else in the program fills it.
func sourceOf(client confidential.Client, cloud exoauth.Cloud) *tokensource.Source {
	scopes := []string{cloud.AppScope()}
	return tokensource.Func(func(ctx context.Context) (string, time.Time, error) {
		result, err := client.AcquireTokenSilent(ctx, scopes)
		if err != nil {
			result, err = client.AcquireTokenByCredential(ctx, scopes)
		}
		return result.AccessToken, result.ExpiresOn, err
	})
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	s, mailbox := settings.FromEnv(getenv), getenv("EXO_MAILBOX")
	if s.IsZero() {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID, EXO_CLIENT_SECRET and EXO_MAILBOX.")
		server := exchangetest.NewServer()
		defer server.Close()
		s, mailbox = demo(server)
	}
	config, err := s.Config()
	if err != nil {
		return err
	}
	cloud, trust := s.Servers()
	credential, err := confidential.NewCredFromSecret(s.ClientSecret)
	if err != nil {
		return err
	}
	client, err := confidential.New(cloud.Authority+"/"+s.Tenant, s.ClientID, credential,
		confidential.WithHTTPClient(cmp.Or(config.HTTPClient, http.DefaultClient)), confidential.WithInstanceDiscovery(false))
	if err != nil {
		return err
	}
	dialer := imapdial.Dialer{TokenSource: sourceOf(client, cloud), Addr: cloud.IMAP, TLSConfig: trust}
	session, err := dialer.Dial(ctx, mailbox)
	if err != nil {
		return err
	}
	defer session.Close()
	inbox, err := session.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: messages in INBOX: %d\n", mailbox, inbox.NumMessages)
	return session.Logout().Wait()
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
