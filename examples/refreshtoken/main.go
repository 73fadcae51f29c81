// Refreshtoken opens the mailbox of a user who has signed in to another program,
// with the refresh token that this one got. What takes its place is kept, so
// that it is needed once, for as long as the program runs every 90 days.
//
//	go run ./examples/refreshtoken
//
// shows two runs with servers in this process. For a real mailbox set EXO_TENANT,
// EXO_CLIENT_ID (the other program's), EXO_USER and EXO_REFRESH_TOKEN. Then the
// tokens are kept in the directory exoauth below [os.UserCacheDir].
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokencache"
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
	user, refreshToken := getenv("EXO_USER"), getenv("EXO_REFRESH_TOKEN")
	var dialer imapdial.Dialer
	dir, err := os.UserCacheDir()
	runs := 1
	if config.Tenant == "" && config.ClientID == "" && user == "" {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID, EXO_USER and EXO_REFRESH_TOKEN.")
		server, adele := demo(&config, &dialer)
		defer server.Close()
		user, runs = adele.UPN, 2
		token, failure := otherProgram(ctx, server, config.ClientID, adele)
		if failure != nil {
			return failure
		}
		refreshToken = token.RefreshToken
		dir, err = os.MkdirTemp("", "refreshtoken")
		defer os.RemoveAll(dir)
	}
	if err != nil {
		return err
	}
	config.Cache = tokencache.Dir(filepath.Join(dir, "exoauth"))
	for n := range runs {
		if n > 0 {
			fmt.Fprintln(out, "The program is run again:")
		}
		if err := visit(ctx, out, config, user, refreshToken, &dialer); err != nil {
			return err
		}
	}
	return nil
}

// visit is what one run does.
func visit(ctx context.Context, out io.Writer, config tokensource.Config, user, refreshToken string, dialer *imapdial.Dialer) error {
	dialer.TokenSource = config.RefreshToken(refreshToken)
	client, err := dialer.Dial(ctx, user)
	if err != nil {
		return err
	}
	defer client.Close()
	inbox, err := client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: messages in INBOX: %d\n", user, inbox.NumMessages)
	return err
}
