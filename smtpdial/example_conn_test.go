package smtpdial_test

import (
	"context"
	"fmt"
	"net/smtp"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/smtpdial"
)

// Any other client library can use the authenticated connection. It skips its
// own login and STARTTLS.
func ExampleDialer_DialConn() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.SMTPSendAsApp)
	contoso.AddMailbox("invoices@contoso.com")
	contoso.Grant(app, "invoices@contoso.com")
	dialer := &smtpdial.Dialer{
		TokenSource: staticSource(app.Token(nil)),
		TLSConfig:   srv.TLSConfig(),
		DialContext: srv.DialContext,
	}

	conn, err := dialer.DialConn(context.Background(), "invoices@contoso.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := smtp.NewClient(conn, "smtp.office365.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println(c.Mail("invoices@contoso.com"), c.Rcpt("adele@example.com"), c.Quit())
	// Output: <nil> <nil> <nil>
}
