// Refreshtoken signs a user in once, keeps the refresh token in a file, and
// needs nobody when it runs the next time, for as long as it runs every 90 days.
//
//	go run ./examples/refreshtoken
//
// shows both runs with servers in this process. For a real mailbox set
// EXO_TENANT, EXO_CLIENT_ID, EXO_USER and EXO_TOKEN_FILE.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

func main() {
	if err := run(context.Background(), os.Stdout, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "refreshtoken:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	config := tokensource.Config{Tenant: getenv("EXO_TENANT"), ClientID: getenv("EXO_CLIENT_ID")}
	user, file := tokensource.AuthCodeOptions{LoginHint: getenv("EXO_USER")}, getenv("EXO_TOKEN_FILE")
	if config.Tenant != "" || config.ClientID != "" || user.LoginHint != "" {
		return visit(ctx, out, config, user, file, new(imapdial.Dialer))
	}
	dir, err := os.MkdirTemp("", "refreshtoken")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, dialer := demo(&config, &user)
	defer server.Close()
	for range 2 {
		if err := visit(ctx, out, config, user, filepath.Join(dir, "token"), dialer); err != nil {
			return err
		}
	}
	return nil
}

func visit(ctx context.Context, out io.Writer, config tokensource.Config, user tokensource.AuthCodeOptions, file string, dialer *imapdial.Dialer) error {
	config.SaveRefreshToken = func(_ context.Context, token string) error { return replace(file, token) }
	stored, err := os.ReadFile(file)
	source := config.RefreshToken(string(stored))
	if os.IsNotExist(err) {
		fmt.Fprintln(out, "no refresh token yet: sign in")
		source = config.AuthCode(user)
	} else if err != nil {
		return err
	}
	if _, err := source.TokenContext(ctx); err != nil {
		return err // if it is ErrInteractionRequired: delete the file, and sign in
	}
	dialer.TokenSource = source
	client, err := dialer.Dial(ctx, user.LoginHint)
	if err != nil {
		return err
	}
	defer client.Close()
	inbox, err := client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: messages in INBOX: %d\n", user.LoginHint, inbox.NumMessages)
	return err
}

// replace leaves the old token or the new one in the file, whatever happens.
func replace(file, token string) error {
	if err := os.WriteFile(file+".new", []byte(token), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// demo leads everything to a server in this process.
func demo(config *tokensource.Config, user *tokensource.AuthCodeOptions) (*exchangetest.Server, *imapdial.Dialer) {
	server := exchangetest.NewServer()
	app := server.Tenant().AddApp("Mail client")
	app.AddRedirectURI(exchangetest.Desktop, "http://localhost")
	adele := server.Tenant().AddUser("adele@contoso.com")
	adele.Mailbox.Append("INBOX", []byte("Subject: Hello\r\n\r\nHello!\r\n"))
	*config = tokensource.Config{Tenant: "organizations", ClientID: app.ClientID, HTTPClient: server.HTTPClient()}
	user.LoginHint, user.Open = adele.UPN, server.Browser(adele).Open
	return server, &imapdial.Dialer{DialContext: server.DialContext, TLSConfig: server.TLSConfig()}
}
