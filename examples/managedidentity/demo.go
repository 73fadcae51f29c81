package main

import (
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

// startDemo starts an Exchange Online with a mailbox, and a virtual machine with
// an identity that may open it.
func startDemo(options *tokensource.ManagedIdentityOptions, dialer *imapdial.Dialer, mailbox *string) *exchangetest.Server {
	server := exchangetest.NewServer()
	contoso := server.Tenant()
	identity := contoso.AddManagedIdentity("invoices", exchangetest.IMAPAccessAsApp)
	box := contoso.AddMailbox("invoices@contoso.com")
	box.Append("INBOX", []byte("From: accounts@example.com\r\nSubject: Invoice 4711\r\n\r\nAttached.\r\n"))
	contoso.Grant(identity, box.Address)

	*mailbox = box.Address
	*options = tokensource.ManagedIdentityOptions{
		ClientID:   identity.ClientID,
		HTTPClient: server.AddHost(exchangetest.VM, identity).HTTPClient(),
	}
	dialer.Addr, dialer.TLSConfig = server.Cloud().IMAP, server.TLSConfig()
	return server
}
