// Gmail opens a mailbox at Gmail, with a plain oauth2.Config: the dialers take
// any oauth2.TokenSource.
//
//	go run ./examples/gmail
//
// shows that with a server in this process, which stands for Google's too. For
// a real mailbox set GMAIL_CLIENT_ID, GMAIL_CLIENT_SECRET, GMAIL_USER and
// GMAIL_REFRESH_TOKEN, one with the scope https://mail.google.com/.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/emersion/go-imap/v2"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/endpoints"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "gmail:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	config := oauth2.Config{
		ClientID:     getenv("GMAIL_CLIENT_ID"),
		ClientSecret: getenv("GMAIL_CLIENT_SECRET"),
		Endpoint:     endpoints.Google,
		Scopes:       []string{"https://mail.google.com/"},
	}
	user, token := getenv("GMAIL_USER"), &oauth2.Token{RefreshToken: getenv("GMAIL_REFRESH_TOKEN")}
	dialer := imapdial.Dialer{Addr: "imap.gmail.com:993"}
	if config.ClientID == "" && user == "" {
		fmt.Fprintln(out, "No settings: this runs against a server in this process.\nFor a real mailbox set GMAIL_CLIENT_ID, GMAIL_CLIENT_SECRET, GMAIL_USER and GMAIL_REFRESH_TOKEN.")
		server, adele := demo(&config, &dialer)
		defer server.Close()
		ctx = context.WithValue(ctx, oauth2.HTTPClient, server.HTTPClient())
		signedIn, err := config.PasswordCredentialsToken(ctx, adele.UPN, adele.Password)
		if err != nil {
			return err
		}
		user, token.RefreshToken = adele.UPN, signedIn.RefreshToken
	}
	// oauth2 keeps this context for all requests to come, so it must live as
	// long as the source.
	dialer.TokenSource = config.TokenSource(ctx, token)
	client, err := dialer.Dial(ctx, user)
	if err != nil {
		return err
	}
	defer client.Close()
	inbox, err := client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: messages in INBOX: %d\n", user, inbox.NumMessages)
	return client.Logout().Wait()
}

// demo leads everything to a server in this process.
func demo(config *oauth2.Config, dialer *imapdial.Dialer) (*exchangetest.Server, *exchangetest.User) {
	server := exchangetest.NewServer()
	app := server.Tenant().AddApp("Mail client")
	adele := server.Tenant().AddUser("adele@contoso.com")
	app.Consent(adele, exchangetest.IMAPAccessAsUser)
	adele.Mailbox.Append("INBOX", []byte("Subject: Hello\r\n\r\nHello!\r\n"))

	config.ClientID, config.ClientSecret = app.ClientID, app.Secret
	config.Endpoint = oauth2.Endpoint{
		TokenURL:  server.Cloud().Authority + "/contoso.com/oauth2/v2.0/token",
		AuthStyle: oauth2.AuthStyleInParams, // or each failure makes two requests
	}
	config.Scopes = []string{server.Cloud().UserScope(exchangetest.IMAPAccessAsUser), "offline_access"}
	dialer.Addr, dialer.TLSConfig = server.Cloud().IMAP, server.TLSConfig()
	return server, adele
}
