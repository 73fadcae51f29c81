package main

import (
	"context"
	"fmt"
	"io"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

// demo sends with each library to an Exchange Online in this process.
func demo(ctx context.Context, out io.Writer) error {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.SMTPSendAsApp)
	mailbox := contoso.AddMailbox("invoices@contoso.com")
	contoso.Grant(app, mailbox.Address)
	cfg := &tokensource.Config{
		Tenant: contoso.ID, ClientID: app.ClientID, Credential: tokensource.Secret(app.Secret), HTTPClient: srv.HTTPClient(),
	}
	m := &mailer{addr: srv.Cloud().SMTP, tls: srv.TLSConfig(), source: cfg.ClientCredentials(), user: mailbox.Address, sender: mailbox.Address}
	m.tls.ServerName = "127.0.0.1"
	if err := m.send(ctx, out, "adele@example.com"); err != nil {
		return err
	}
	fmt.Fprintln(out, "messages that arrived:", len(srv.Sent()))
	return nil
}
