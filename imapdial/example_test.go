package imapdial_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

// A service opens a shared mailbox with a client secret. The error, if any,
// says at which step it failed and what the server said.
func ExampleDial() {
	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   os.Getenv("EXO_CLIENT_ID"),
		Credential: tokensource.Secret(os.Getenv("EXO_CLIENT_SECRET")),
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := imapdial.Dial(ctx, "invoices@contoso.com", cfg.ClientCredentials())
	if err != nil {
		log.Print(err)
		return
	}
	defer c.Close()
	inbox, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		log.Print(err)
		return
	}
	fmt.Println(inbox.NumMessages, "messages")
}

// One Dialer and one source serve any number of mailboxes. In this example they
// talk to an Exchange Online in the same process, under its real addresses.
func ExampleDialer_Dial() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	for _, address := range []string{"invoices@contoso.com", "orders@contoso.com"} {
		contoso.AddMailbox(address)
		contoso.Grant(app, address)
	}

	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   app.ClientID,
		Credential: tokensource.Secret(app.Secret),
		HTTPClient: srv.HTTPClient(),
	}
	dialer := &imapdial.Dialer{
		TokenSource: cfg.ClientCredentials(),
		TLSConfig:   srv.TLSConfig(),
		DialContext: srv.DialContext,
	}
	for _, mailbox := range []string{"invoices@contoso.com", "orders@contoso.com"} {
		c, err := dialer.Dial(context.Background(), mailbox)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(mailbox, c.State() == imap.ConnStateAuthenticated)
		c.Close()
	}
	fmt.Println(len(srv.Requests()), "token request")
	// Output:
	// invoices@contoso.com true
	// orders@contoso.com true
	// 1 token request
}

// A program decides what to do by the kind of failure.
func ExampleError() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	contoso.AddMailbox("invoices@contoso.com")
	if err := contoso.NewServicePrincipal(app.ClientID, app.ServicePrincipalID); err != nil {
		log.Fatal(err)
	} // and no Add-MailboxPermission

	cfg := &tokensource.Config{
		Tenant: "contoso.onmicrosoft.com", ClientID: app.ClientID,
		Credential: tokensource.Secret(app.Secret), HTTPClient: srv.HTTPClient(),
	}
	dialer := &imapdial.Dialer{TokenSource: cfg.ClientCredentials(), TLSConfig: srv.TLSConfig(), DialContext: srv.DialContext}
	_, err := dialer.Dial(context.Background(), "invoices@contoso.com")

	var dialError *imapdial.Error
	switch {
	case imapdial.NotConnected(err):
		fmt.Println("the application may not open this mailbox, or IMAP is off")
	case errors.As(err, &dialError) && dialError.Retryable():
		fmt.Println("later, perhaps")
	case err != nil:
		fmt.Println("somebody has to mend", dialError.Op)
	}
	// Output:
	// the application may not open this mailbox, or IMAP is off
}

// Keep keeps a session for months. It returns when the context ends, or with an
// error that somebody has to fix. See examples/idle for a program that waits
// for mail.
func ExampleDialer_Keep() {
	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   os.Getenv("EXO_CLIENT_ID"),
		Credential: tokensource.Secret(os.Getenv("EXO_CLIENT_SECRET")),
	}
	dialer := &imapdial.Dialer{TokenSource: cfg.ClientCredentials()}
	err := dialer.Keep(context.Background(), "invoices@contoso.com", nil, func(ctx context.Context, c *imapclient.Client) error {
		for {
			status, err := c.Status("INBOX", &imap.StatusOptions{NumUnseen: true}).Wait()
			if err != nil {
				return err // the session has ended: Keep dials again
			}
			fmt.Println(*status.NumUnseen, "unread")
			select {
			case <-time.After(time.Minute):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	log.Print(err)
}

// One Dialer waits for mail in many mailboxes. Each mailbox has a handler of
// its own, which therefore knows where mail has arrived.
func ExampleKeepOptions() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	mailboxes := []*exchangetest.Mailbox{contoso.AddMailbox("invoices@contoso.com"), contoso.AddMailbox("orders@contoso.com")}
	dialer := &imapdial.Dialer{
		TokenSource: staticSource(app.Token(nil)),
		TLSConfig:   srv.TLSConfig(),
		DialContext: srv.DialContext,
	}

	ctx, cancel := context.WithCancel(context.Background())
	var keeping sync.WaitGroup
	idle, arrived := make(chan struct{}), make(chan string)
	for _, m := range mailboxes {
		contoso.Grant(app, m.Address)
		options := &imapdial.KeepOptions{Options: &imapclient.Options{
			UnilateralDataHandler: &imapclient.UnilateralDataHandler{
				Mailbox: func(data *imapclient.UnilateralDataMailbox) {
					if data.NumMessages != nil {
						arrived <- fmt.Sprintf("%s: %d message", m.Address, *data.NumMessages)
					}
				},
			},
		}}
		keeping.Go(func() {
			dialer.Keep(ctx, m.Address, options, func(ctx context.Context, c *imapclient.Client) error {
				if _, err := c.Select("INBOX", nil).Wait(); err != nil {
					return err
				}
				wait, err := c.Idle()
				if err != nil {
					return err
				}
				idle <- struct{}{}
				<-ctx.Done() // Keep closes the client, which ends the IDLE
				return wait.Wait()
			})
		})
	}

	for range mailboxes {
		<-idle
	}
	for _, m := range mailboxes {
		m.Append("INBOX", []byte("Subject: Invoice 17\r\n\r\nPaid.\r\n"))
		fmt.Println(<-arrived)
	}
	cancel()
	keeping.Wait()
	// Output:
	// invoices@contoso.com: 1 message
	// orders@contoso.com: 1 message
}

// Exchange names the time to wait.
func ExampleThrottled() {
	err := error(&imap.Error{
		Type: imap.StatusResponseTypeNo,
		Text: "Request is throttled. Suggested Backoff Time: 299609 milliseconds",
	})
	fmt.Println(imapdial.Throttled(err))
	// Output: 4m59.609s true
}

// The command that was under way returns the server's BYE as its error.
func ExampleExpired() {
	err := error(&imap.Error{Type: imap.StatusResponseTypeBye, Text: "Session invalidated - AccessTokenExpired"})
	fmt.Println(imapdial.Expired(err), imapdial.Retryable(err), imapdial.Refused(err))
	// Output: true true false
}

// NotConnected also takes the errors of commands, since a mailbox can close
// during a session.
func ExampleNotConnected() {
	err := error(&imap.Error{Type: imap.StatusResponseTypeBad, Text: "User is authenticated but not connected."})
	fmt.Println(imapdial.NotConnected(err))
	// Output: true
}
