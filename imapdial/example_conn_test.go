package imapdial_test

import (
	"bufio"
	"context"
	"fmt"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
)

// For any other client library, the greeting of the connection says that it is
// authenticated already.
func ExampleDialer_DialConn() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	contoso.AddMailbox("invoices@contoso.com")
	contoso.Grant(app, "invoices@contoso.com")
	dialer := &imapdial.Dialer{
		TokenSource: staticSource(app.Token(nil)),
		TLSConfig:   srv.TLSConfig(),
		DialContext: srv.DialContext,
	}

	conn, err := dialer.DialConn(context.Background(), "invoices@contoso.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	greeting, _ := bufio.NewReader(conn).ReadString('[')
	fmt.Println(greeting)
	// Output: * PREAUTH [
}
