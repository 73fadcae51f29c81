// Refreshtoken opens the mailbox of a user who has signed in to another program,
// with the refresh token that this one got. What takes its place is kept, so
// that it is needed once, for as long as the program runs every 90 days.
//
//	go run ./examples/refreshtoken
//
// shows two runs with servers in this process. For a real mailbox set EXO_TENANT,
// EXO_CLIENT_ID (the other program's), EXO_USER and EXO_REFRESH_TOKEN, or
// EXO_PASSWORD for a server for tests. Then the tokens are kept in the directory
// exoauth below [os.UserCacheDir].
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/tokencache"
)

func main() {
	if err := run(context.Background(), os.Stdout, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "refreshtoken:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	s := settings.FromEnv(getenv)
	if s.IsZero() {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID and EXO_USER, and EXO_REFRESH_TOKEN.")
		return demo(ctx, out)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	s.Cache = tokencache.Dir(filepath.Join(dir, "exoauth"))
	return visit(ctx, out, s, getenv("EXO_REFRESH_TOKEN"))
}

// visit is what one run does.
func visit(ctx context.Context, out io.Writer, s settings.Settings, refreshToken string) error {
	config, err := s.Config()
	if err != nil {
		return err
	}
	cloud, trust := s.Servers()
	if refreshToken == "" && s.Password != "" {
		config.Credential = nil // the other program has none
		if refreshToken, err = otherProgram(ctx, s.User, s.Password, config); err != nil {
			return err
		}
	}
	dialer := &imapdial.Dialer{TokenSource: config.RefreshToken(refreshToken), Addr: cloud.IMAP, TLSConfig: trust}
	client, err := dialer.Dial(ctx, s.User)
	if err != nil {
		return err
	}
	defer client.Close()
	inbox, err := client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: messages in INBOX: %d\n", s.User, inbox.NumMessages)
	return err
}
