package xoauth2_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	netsmtp "net/smtp"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/xoauth2"
)

func ExampleNewClient() {
	client := xoauth2.NewClient("invoices@contoso.com", "opaque-access-token")
	mech, ir, err := client.Start()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("AUTHENTICATE %s, initial response %q\n", mech, ir)

	_, err = client.Next([]byte(`{"status":"401","schemes":"bearer","scope":"mail"}`))
	if refusal, ok := errors.AsType[*xoauth2.Error](err); ok {
		fmt.Println("refused with status", refusal.Status)
	}
	// Output:
	// AUTHENTICATE XOAUTH2, initial response "user=invoices@contoso.com\x01auth=Bearer opaque-access-token\x01\x01"
	// refused with status 401
}

// contoso returns an Exchange Online in this process, with one mailbox, and a
// token for that mailbox.
func contoso() (srv *exchangetest.Server, token string) {
	srv = exchangetest.NewServer()
	app := srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp)
	mailbox := srv.Tenant().AddMailbox("invoices@contoso.com")
	srv.Tenant().Grant(app, mailbox.Address)
	return srv, app.Token(nil)
}

// With go-imap's client. Package imapdial does the same, takes a context, and
// limits what the server may send. For Exchange Online itself the address is
// outlook.office365.com:993, and the options are nil.
func ExampleNewClient_imap() {
	srv, token := contoso()
	defer srv.Close()

	c, err := imapclient.DialTLS(srv.Cloud().IMAP, &imapclient.Options{TLSConfig: srv.TLSConfig()})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := c.Authenticate(xoauth2.NewClient("invoices@contoso.com", token)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.State())
	// Output: authenticated
}

// With go-smtp's client, which sends the initial response inline. For Exchange
// Online itself the address is smtp.office365.com:587.
func ExampleNewClient_smtp() {
	srv, token := contoso()
	defer srv.Close()

	c, err := smtp.DialStartTLS(srv.Cloud().SMTP, srv.TLSConfig())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	fmt.Println(c.Auth(xoauth2.NewClient("invoices@contoso.com", token)))
	// Output: <nil>
}

// With a token source, for a client that is used again and again.
func ExampleNewSourceClient() {
	srv, token := contoso()
	defer srv.Close()
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}) // or one of package tokensource
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	client := xoauth2.NewSourceClient(ctx, "invoices@contoso.com", source)
	for range 2 {
		c, err := imapclient.DialTLS(srv.Cloud().IMAP, &imapclient.Options{TLSConfig: srv.TLSConfig()})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.Authenticate(client))
		c.Close()
	}
	// Output:
	// <nil>
	// <nil>
}

func ExampleNewOAuthBearerClient() {
	client := xoauth2.NewOAuthBearerClient("invoices@example.com", "opaque-access-token", "mail.example.com:993")
	mech, ir, err := client.Start()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("AUTHENTICATE %s, initial response %q\n", mech, ir)
	// Output:
	// AUTHENTICATE OAUTHBEARER, initial response "n,a=invoices@example.com,\x01host=mail.example.com\x01port=993\x01auth=Bearer opaque-access-token\x01\x01"
}

// With SendMail of net/smtp. It accepts only certificates that this machine
// trusts, so the example does not run.
func ExampleSMTPAuth() {
	config := clientcredentials.Config{
		ClientID:     "00000000-0000-0000-0000-000000000000",
		ClientSecret: "the client secret",
		TokenURL:     "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token",
		Scopes:       []string{"https://outlook.office365.com/.default"},
		AuthStyle:    oauth2.AuthStyleInParams,
	}
	auth := xoauth2.SMTPAuth("invoices@contoso.com", config.TokenSource(context.Background()))

	message := []byte("From: invoices@contoso.com\r\nTo: customer@example.com\r\nSubject: Invoice 42\r\n\r\nPlease find it attached.\r\n")
	err := netsmtp.SendMail("smtp.office365.com:587", auth, "invoices@contoso.com", []string{"customer@example.com"}, message)
	if err != nil {
		log.Fatal(err)
	}
}

// The time limit of one message also covers its token request.
func ExampleSMTPAuthContext() {
	srv, token := contoso()
	defer srv.Close()

	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}) // or one of package tokensource
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	c, err := netsmtp.Dial(srv.Cloud().SMTP) // smtp.office365.com:587
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	config := srv.TLSConfig()
	config.ServerName = "smtp.office365.com"
	if err := c.StartTLS(config); err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Auth(xoauth2.SMTPAuthContext(ctx, "invoices@contoso.com", source)))
	// Output: <nil>
}

func ExampleNewServer() {
	server := xoauth2.NewServer(func(username, token string) error {
		if token != "opaque-access-token" {
			return &xoauth2.Error{Status: "401", Schemes: "bearer"}
		}
		fmt.Println(username, "is in")
		return nil
	})

	_, ir, err := xoauth2.NewClient("invoices@contoso.com", "opaque-access-token").Start()
	if err != nil {
		log.Fatal(err)
	}
	_, done, err := server.Next(ir)
	fmt.Println(done, err)
	// Output:
	// invoices@contoso.com is in
	// true <nil>
}

func ExampleNewOAuthBearerServer() {
	server := xoauth2.NewOAuthBearerServer(func(username, token string) error {
		fmt.Println(username, "is in")
		return nil
	})

	_, ir, err := xoauth2.NewOAuthBearerClient("invoices@example.com", "opaque-access-token", "").Start()
	if err != nil {
		log.Fatal(err)
	}
	_, done, err := server.Next(ir)
	fmt.Println(done, err)
	// Output:
	// invoices@example.com is in
	// true <nil>
}

func ExampleValidate() {
	err := xoauth2.Validate("invoices@contoso.com", "a token read from a file\n")
	fmt.Println(err)
	fmt.Println(errors.Is(err, xoauth2.ErrInvalidCredentials))
	// Output:
	// xoauth2: unusable user name or token: the access token has the control character 0x0a at offset 24
	// true
}
