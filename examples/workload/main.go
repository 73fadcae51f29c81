// Workload opens a mailbox from a pod in Kubernetes that has no secret: its
// service account is federated with an application in Entra ID.
//
//	go run ./examples/workload
//
// runs against an Exchange Online, and a cluster of sorts, that the program
// starts itself. In a real pod the workload identity webhook sets AZURE_TENANT_ID,
// AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE and AZURE_AUTHORITY_HOST; what is
// left to set is EXO_MAILBOX.
//
// Elsewhere, as in GitHub Actions, tokensource.Assertion takes a function that
// gets the token of the identity provider.
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
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	mailbox, dialer := os.Getenv("EXO_MAILBOX"), new(imapdial.Dialer)
	var pod *demo
	if mailbox == "" {
		fmt.Fprintln(out, "No EXO_MAILBOX: this runs against an Exchange Online in this process.")
		pod = startDemo()
		defer pod.close()
		mailbox = pod.mailbox
		dialer.Addr, dialer.TLSConfig = pod.server.Cloud().IMAP, pod.server.TLSConfig()
	}

	config, err := tokensource.WorkloadIdentity()
	if err != nil {
		return err
	}
	if pod != nil {
		config.HTTPClient = pod.server.HTTPClient()
	} else {
		dialer.Addr = config.Cloud.WithDefaults().IMAP
	}
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
