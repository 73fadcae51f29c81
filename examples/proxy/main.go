// Proxy opens a mailbox of Exchange Online through a proxy, SOCKS5 or HTTP
// CONNECT: IMAP to read, SMTP to see that it would take a message.
//
//	go run . socks5://proxy.example.com:1080
//	go run . http://user:password@proxy.example.com:3128
//
// with EXO_TENANT, EXO_CLIENT_ID, EXO_CLIENT_SECRET and EXO_MAILBOX in the
// environment. The token is fetched through the proxy too.
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
	"github.com/exoauth/exoauth/smtpdial"
	"github.com/exoauth/exoauth/tokensource"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: proxy socks5://host:port | http://host:port")
		os.Exit(2)
	}
	dial, err := through(os.Args[1])
	if err == nil {
		err = visit(ctx, dial, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		os.Exit(1)
	}
}

func visit(ctx context.Context, dial dialFunc, out io.Writer) error {
	cfg := &tokensource.Config{
		Tenant:     os.Getenv("EXO_TENANT"),
		ClientID:   os.Getenv("EXO_CLIENT_ID"),
		Credential: tokensource.Secret(os.Getenv("EXO_CLIENT_SECRET")),
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: 30 * time.Second},
	}
	source := cfg.ClientCredentials()
	imap := &imapdial.Dialer{TokenSource: source, DialContext: dial}
	smtp := &smtpdial.Dialer{TokenSource: source, DialContext: dial}
	return open(ctx, os.Getenv("EXO_MAILBOX"), imap, smtp, out)
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
