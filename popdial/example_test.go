package popdial_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/textproto"
	"os"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/popdial"
	"github.com/exoauth/exoauth/tokensource"
)

// A service opens a shared mailbox with a client secret. The error, if any, says
// at which step it failed and what the server said.
func ExampleDialConn() {
	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   os.Getenv("EXO_CLIENT_ID"),
		Credential: tokensource.Secret(os.Getenv("EXO_CLIENT_SECRET")),
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := popdial.DialConn(ctx, "invoices@contoso.com", cfg.ClientCredentials())
	if err != nil {
		log.Print(err)
		return
	}
	defer conn.Close()
	greeting, err := bufio.NewReader(conn).ReadString('\n')
	fmt.Print(greeting, err)
}

// The connection is for the client library of your choice. This example uses
// none, only net/textproto.
func ExampleDialer_DialConn() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.POPAccessAsApp)
	contoso.AddMailbox("invoices@contoso.com").Append("INBOX", []byte("Subject: Invoice 17\r\n\r\nPaid.\r\n"))
	contoso.Grant(app, "invoices@contoso.com")
	dialer := &popdial.Dialer{
		TokenSource: staticSource(app.Token(nil)),
		TLSConfig:   srv.TLSConfig(),
		DialContext: srv.DialContext,
	}

	conn, err := dialer.DialConn(context.Background(), "invoices@contoso.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	c := textproto.NewConn(conn)
	defer c.Close()
	c.ReadLine() // the greeting
	c.PrintfLine("RETR 1")
	c.ReadLine() // +OK
	message, err := io.ReadAll(c.DotReader())
	fmt.Printf("%s%v\n", message, err)
	c.PrintfLine("QUIT")
	// Output:
	// Subject: Invoice 17
	//
	// Paid.
	// <nil>
}

// The error says at which step a DialConn failed, and what the server said.
func ExampleError() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices") // without POP.AccessAsApp
	contoso.AddMailbox("invoices@contoso.com")
	dialer := &popdial.Dialer{
		TokenSource: staticSource(app.Token(nil)),
		TLSConfig:   srv.TLSConfig(),
		DialContext: srv.DialContext,
	}

	_, err := dialer.DialConn(context.Background(), "invoices@contoso.com")
	if e, ok := errors.AsType[*popdial.Error](err); ok {
		fmt.Println("step:", e.Op)
	}
	if refusal, ok := errors.AsType[*popdial.ReplyError](err); ok {
		fmt.Println("reply:", refusal)
	}
	fmt.Println("refused:", popdial.Refused(err))
	// Output:
	// step: authenticate
	// reply: -ERR Authentication failure: unknown user name or bad password.
	// refused: true
}

// A failure of Exchange passes by itself.
func ExampleRetryable() {
	fmt.Println(popdial.Retryable(&popdial.ReplyError{Text: "Server Unavailable. 21"}))
	// Output: true
}
