// Service opens a mailbox without a user, with whichever credential its settings
// have: no line of it knows which.
//
//	go run ./examples/service
//
// runs against an Exchange Online that the program starts itself, with one
// credential after the other. For a real mailbox set EXO_MAILBOX and one of these:
//
//   - a secret: EXO_TENANT, EXO_CLIENT_ID, and EXO_CLIENT_SECRET or
//     EXO_CLIENT_SECRET_FILE; tokensource.Secret in code;
//   - a certificate: EXO_TENANT, EXO_CLIENT_ID, EXO_CERTIFICATE_FILE (PEM or PFX, with
//     the private key) and EXO_CERTIFICATE_PASSWORD if the file has one;
//     tokensource.CertificateFile in code;
//   - a pod in Kubernetes with a workload identity: nothing, since the webhook sets
//     AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE;
//     tokensource.AssertionFile in code;
//   - a managed identity of Azure: EXO_MANAGED_IDENTITY, which is system, or the
//     client id of one that was assigned by a user; tokensource.ManagedIdentity in
//     code. The README has the commands that give it its permissions.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/settings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	s, mailbox := settings.FromEnv(getenv), getenv("EXO_MAILBOX")
	if s.IsZero() && mailbox == "" {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.")
		return demo(ctx, out)
	}
	return visit(ctx, out, s, mailbox)
}

func visit(ctx context.Context, out io.Writer, s settings.Settings, mailbox string) error {
	source, err := s.Source() // one for all mailboxes
	if err != nil {
		return err
	}
	cloud, trust := s.Servers()
	dialer := &imapdial.Dialer{TokenSource: source, Addr: cloud.IMAP, TLSConfig: trust}
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
