// Devicecode signs a user in on another device, by a code that it shows, opens
// the mailbox, and asks nobody when it is run again.
//
//	go run ./examples/devicecode
//
// shows two runs with an Entra ID and an Exchange Online in this process, where a
// function enters the code. For a real mailbox set EXO_TENANT, EXO_CLIENT_ID (of
// an application with "Allow public client flows") and EXO_USER. Then the tokens
// are kept in the directory exoauth below [os.UserCacheDir].
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
		fmt.Fprintln(os.Stderr, "devicecode:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	config := tokensource.Config{Tenant: getenv("EXO_TENANT"), ClientID: getenv("EXO_CLIENT_ID")}
	user := getenv("EXO_USER")
	var dialer imapdial.Dialer
	enter := func(context.Context, string) error { return nil } // the person does it
	dir, err := os.UserCacheDir()
	runs := 1
	if config.Tenant == "" && config.ClientID == "" && user == "" {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID and EXO_USER.")
		server, browser := demo(&config, &dialer)
		defer server.Close()
		user, enter, runs = browser.User.UPN, browser.EnterCode, 2
		dir, err = os.MkdirTemp("", "devicecode")
		defer os.RemoveAll(dir)
	}
	if err != nil {
		return err
	}
	config.Cache = tokencache.Dir(filepath.Join(dir, "exoauth"))
	config.CacheKey = user
	for n := range runs {
		if n > 0 {
			fmt.Fprintln(out, "The program is run again:")
		}
		if err := visit(ctx, out, config, user, enter, &dialer); err != nil {
			return err
		}
	}
	return nil
}

// visit is what one run does.
func visit(ctx context.Context, out io.Writer, config tokensource.Config, user string, enter func(context.Context, string) error, dialer *imapdial.Dialer) error {
	source := config.DeviceCode(func(ctx context.Context, code tokensource.DeviceCode) error {
		fmt.Fprintln(out, code.Message)
		return enter(ctx, code.UserCode)
	})
	if _, err := source.TokenContext(ctx); err != nil { // before the dialer, which has a minute
		return err
	}
	dialer.TokenSource = source
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
