// Proxy opens a mailbox of Exchange Online through a proxy, SOCKS5 or HTTP
// CONNECT: IMAP to read, SMTP to see that it would take a message.
//
//	go run .
//
// runs, in this directory, against an Exchange Online and through a proxy that
// the program starts itself. For a real mailbox set EXO_TENANT, EXO_CLIENT_ID,
// EXO_CLIENT_SECRET and EXO_MAILBOX, and name the proxy:
//
//	go run . socks5://proxy.example.com:1080
//	go run . http://user:password@proxy.example.com:3128
//
// The token is fetched through the proxy too.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/smtpdial"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	s := settings.FromEnv(getenv)
	if s.IsZero() {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID, EXO_CLIENT_SECRET and EXO_MAILBOX, and name a proxy.")
		return demo(ctx, out)
	}
	if len(args) != 1 {
		return fmt.Errorf("name one proxy: proxy socks5://host:port, or proxy http://host:port")
	}
	dial, err := through(args[0])
	if err != nil {
		return err
	}
	return visit(ctx, out, s, getenv("EXO_MAILBOX"), dial)
}

// visit has all three go through the proxy: the token request, IMAP and SMTP.
func visit(ctx context.Context, out io.Writer, s settings.Settings, mailbox string, dial dialFunc) error {
	cfg, err := s.Config()
	if err != nil {
		return err
	}
	cloud, trust := s.Servers()
	transport := &http.Transport{DialContext: dial, TLSClientConfig: trust}
	defer transport.CloseIdleConnections()
	cfg.HTTPClient = &http.Client{Transport: transport, Timeout: 30 * time.Second}
	source := cfg.ClientCredentials()
	imap := &imapdial.Dialer{TokenSource: source, Addr: cloud.IMAP, DialContext: dial, TLSConfig: trust}
	smtp := &smtpdial.Dialer{TokenSource: source, Addr: cloud.SMTP, DialContext: dial, TLSConfig: trust}
	return open(ctx, mailbox, imap, smtp, out)
}

func open(ctx context.Context, mailbox string, imap *imapdial.Dialer, smtp *smtpdial.Dialer, out io.Writer) error {
	reader, err := imap.Dial(ctx, mailbox)
	if err != nil {
		return err
	}
	defer reader.Close()
	inbox, err := reader.Select("INBOX", nil).Wait()
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "INBOX has", inbox.NumMessages, "messages")
	submission, err := smtp.Dial(ctx, mailbox)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "submission is open")
	return submission.Quit()
}
