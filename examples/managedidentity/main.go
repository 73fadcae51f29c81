// Managedidentity opens a mailbox from a machine or a service in Azure that has
// a managed identity: there is no credential to keep, to rotate or to leak.
//
//	go run ./examples/managedidentity
//
// runs against an Exchange Online, and a virtual machine of sorts, that the
// program starts itself. In Azure set EXO_MAILBOX, and EXO_MANAGED_IDENTITY to
// the client id of the identity where it was assigned by a user.
//
// The portal cannot give a managed identity the role IMAP.AccessAsApp; the
// Graph PowerShell cmdlet New-MgServicePrincipalAppRoleAssignment can. In
// Exchange it is treated as any application: New-ServicePrincipal and
// Add-MailboxPermission, with the object id of the identity.
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
		fmt.Fprintln(os.Stderr, "managedidentity:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	mailbox, dialer := getenv("EXO_MAILBOX"), new(imapdial.Dialer)
	options := tokensource.ManagedIdentityOptions{ClientID: getenv("EXO_MANAGED_IDENTITY")}
	if mailbox == "" {
		fmt.Fprintln(out, "No EXO_MAILBOX: this runs against an Exchange Online in this process.")
		emulator := startDemo(&options, dialer, &mailbox)
		defer emulator.Close()
	}

	dialer.TokenSource = tokensource.ManagedIdentity(options) // one for all mailboxes
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
