// Browser signs a user in with the system's browser, opens the mailbox, and
// asks nobody when it is run again.
//
//	go run ./examples/browser
//
// shows two runs with an Entra ID and an Exchange Online in this process, where a
// function fills in the pages. For a real mailbox set EXO_TENANT, EXO_CLIENT_ID
// (of an application with the redirect address http://localhost under "Mobile
// and desktop applications") and EXO_USER. Then the tokens are kept in the
// directory exoauth below [os.UserCacheDir].
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	config := tokensource.Config{Tenant: getenv("EXO_TENANT"), ClientID: getenv("EXO_CLIENT_ID")}
	options := tokensource.AuthCodeOptions{LoginHint: getenv("EXO_USER")}
	var dialer imapdial.Dialer
	dir, err := os.UserCacheDir()
	runs := 1
	if config.Tenant == "" && config.ClientID == "" && options.LoginHint == "" {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID and EXO_USER.")
		server := demo(out, &config, &options, &dialer)
		defer server.Close()
		runs = 2
		dir, err = os.MkdirTemp("", "browser")
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
		if err := visit(ctx, out, config, options, &dialer); err != nil {
			return err
		}
	}
	return nil
}

// visit is what one run does.
func visit(ctx context.Context, out io.Writer, config tokensource.Config, options tokensource.AuthCodeOptions, dialer *imapdial.Dialer) error {
	source := config.AuthCode(options)
	if _, err := source.TokenContext(ctx); err != nil { // before the dialer, which has a minute
		return err
	}
	dialer.TokenSource = source
	client, err := dialer.Dial(ctx, options.LoginHint)
	if err != nil {
		return err
	}
	defer client.Close()
	inbox, err := client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: messages in INBOX: %d\n", options.LoginHint, inbox.NumMessages)
	return client.Logout().Wait()
}
