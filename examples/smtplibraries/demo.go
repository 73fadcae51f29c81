package main

import (
	"context"
	"fmt"
	"io"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/settings"
)

// demo sends with each library to an Exchange Online in this process.
func demo(ctx context.Context, out io.Writer) error {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.SMTPSendAsApp)
	mailbox := contoso.AddMailbox("invoices@contoso.com")
	contoso.Grant(app, mailbox.Address)
	s := settings.Settings{
		Tenant: contoso.ID, ClientID: app.ClientID, ClientSecret: app.Secret, Custom: srv.Cloud(), RootCAs: srv.TLSConfig().RootCAs,
	}
	if err := send(ctx, out, s, mailbox.Address, "adele@example.com"); err != nil {
		return err
	}
	fmt.Fprintln(out, "messages that arrived:", len(srv.Sent()))
	return nil
}
