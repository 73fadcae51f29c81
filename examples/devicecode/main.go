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
	"github.com/exoauth/exoauth/settings"
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
	s := settings.FromEnv(getenv)
	if s.IsZero() {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID and EXO_USER.")
		return demo(ctx, out)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	s.Cache = tokencache.Dir(filepath.Join(dir, "exoauth"))
	return visit(ctx, out, s, nil)
}

// visit is what one run does. If enter is nil, a person enters the code.
func visit(ctx context.Context, out io.Writer, s settings.Settings, enter func(context.Context, string) error) error {
	config, err := s.Config()
	if err != nil {
		return err
	}
	cloud, trust := s.Servers()
	config.Credential, config.CacheKey = nil, s.User // a public client
	source := config.DeviceCode(func(ctx context.Context, code tokensource.DeviceCode) error {
		fmt.Fprintln(out, code.Message)
		if enter == nil {
			return nil
		}
		return enter(ctx, code.UserCode)
	})
	if _, err := source.TokenContext(ctx); err != nil { // before the dialer, which has a minute
		return err
	}
	dialer := &imapdial.Dialer{TokenSource: source, Addr: cloud.IMAP, TLSConfig: trust}
	client, err := dialer.Dial(ctx, s.User)
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
