// Password opens a mailbox with its user's password, for which Entra ID still
// issues tokens where nothing forbids it. It is the last resort: multi-factor
// authentication, security defaults and Conditional Access end it.
//
//	go run ./examples/password
//
// shows that with an Entra ID and an Exchange Online in this process. For a real
// mailbox set EXO_TENANT, EXO_CLIENT_ID (of an application with "Allow public
// client flows"), EXO_USER and EXO_PASSWORD.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/tokensource"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "password:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	s := settings.FromEnv(getenv)
	if s.IsZero() {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID, EXO_USER and EXO_PASSWORD.")
		server := demo(&s)
		defer server.Close()
	}
	config, err := s.Config()
	if err != nil {
		return err
	}
	cloud, trust := s.Servers()
	dialer := &imapdial.Dialer{TokenSource: config.Password(s.User, s.Password), Addr: cloud.IMAP, TLSConfig: trust}
	client, err := dialer.Dial(ctx, s.User)
	if errors.Is(err, tokensource.ErrInteractionRequired) {
		return fmt.Errorf("the user has to act; where a password alone is not enough, see examples/browser and examples/devicecode: %w", err)
	}
	if err != nil {
		return err
	}
	defer client.Close()
	inbox, err := client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: messages in INBOX: %d\n", s.User, inbox.NumMessages)
	return client.Logout().Wait()
}

// demo leads everything to a server in this process.
func demo(s *settings.Settings) *exchangetest.Server {
	server := exchangetest.NewServer()
	app := server.Tenant().AddApp("Mail client")
	app.SetPublicFlows(true)
	adele := server.Tenant().AddUser("adele@contoso.com")
	app.Consent(adele, exchangetest.IMAPAccessAsUser, exchangetest.SMTPSend)
	adele.Mailbox.Append("INBOX", []byte("Subject: Hello\r\n\r\nHello!\r\n"))

	*s = settings.Settings{
		Tenant: "organizations", ClientID: app.ClientID, User: adele.UPN, Password: adele.Password,
		Custom: server.Cloud(), RootCAs: server.TLSConfig().RootCAs,
	}
	return server
}
