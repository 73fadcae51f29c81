// Certificate opens a mailbox with a certificate in place of a client secret.
//
//	go run ./examples/certificate
//
// runs against an Exchange Online that the program starts itself. For a real
// mailbox set EXO_TENANT, EXO_CLIENT_ID, EXO_MAILBOX, EXO_CERTIFICATE (a PEM or
// PFX file with certificate and private key), and EXO_CERTIFICATE_PASSWORD
// where the file has one. The certificate is uploaded to the app registration
// under Certificates & secrets.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "certificate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	config := &tokensource.Config{Tenant: getenv("EXO_TENANT"), ClientID: getenv("EXO_CLIENT_ID")}
	mailbox, dialer := getenv("EXO_MAILBOX"), new(imapdial.Dialer)
	path := getenv("EXO_CERTIFICATE")
	if config.Tenant+config.ClientID+mailbox+path == "" {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID, EXO_CERTIFICATE and EXO_MAILBOX.")
		emulator, file := startDemo(config, dialer, &mailbox)
		defer emulator.Close()
		defer os.Remove(file)
		path = file
	}

	credential, err := tokensource.CertificateFile(path, getenv("EXO_CERTIFICATE_PASSWORD"), nil)
	if err != nil {
		return err
	}
	config.Credential = credential
	dialer.TokenSource = config.ClientCredentials() // one for all mailboxes

	client, err := dialer.Dial(ctx, mailbox)
	if err != nil {
		return err
	}
	defer client.Close()
	inbox, err := client.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s is open, messages: %d\n", mailbox, inbox.NumMessages)
	return client.Logout().Wait()
}
