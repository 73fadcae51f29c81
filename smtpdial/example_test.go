package smtpdial_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/smtpdial"
	"github.com/exoauth/exoauth/tokensource"
)

// A service sends from a mailbox with a client secret.
func ExampleDial() {
	cfg := &tokensource.Config{
		Tenant:     "contoso.onmicrosoft.com",
		ClientID:   os.Getenv("EXO_CLIENT_ID"),
		Credential: tokensource.Secret(os.Getenv("EXO_CLIENT_SECRET")),
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := smtpdial.Dial(ctx, "invoices@contoso.com", cfg.ClientCredentials())
	if err != nil {
		log.Print(err)
		return
	}
	defer c.Close()
	message := "From: invoices@contoso.com\r\nTo: adele@example.com\r\nSubject: Invoice 17\r\n\r\nPaid.\r\n"
	if err := c.SendMail("invoices@contoso.com", []string{"adele@example.com"}, strings.NewReader(message)); err != nil {
		log.Print(err)
		return
	}
	if err := c.Quit(); err != nil {
		log.Print(err)
	}
}

// A Sender keeps a client ready for the next message, and stays within the
// limits of a mailbox: three connections, thirty messages a minute.
func ExampleSender() {
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

	sender := &smtpdial.Sender{Dialer: dialer, Username: "invoices@contoso.com"}
	defer sender.CloseIdle()
	for n := range 3 {
		message := fmt.Appendf(nil, "From: invoices@contoso.com\r\nTo: adele@example.com\r\nSubject: Invoice %d\r\n\r\nPaid.\r\n", n)
		err := sender.Send(context.Background(), "invoices@contoso.com", []string{"adele@example.com"}, message)
		if err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(len(srv.Sent()), "messages,", len(srv.Sessions()), "connection")
	// Output: 3 messages, 1 connection
}

// A signed-in user sends from a shared mailbox: the SMTP user name is the
// user's own address, and the shared mailbox is only the sender. Exchange
// requires the permission Send As for that.
func ExampleDialer_Dial_sharedMailboxOfAUser() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Mail client")
	adele := contoso.AddUser("adele@contoso.com")
	contoso.AddMailbox("invoices@contoso.com")
	if err := contoso.AddRecipientPermission("invoices@contoso.com", adele.UPN); err != nil {
		log.Fatal(err)
	}
	token := app.Token(&exchangetest.TokenOptions{User: adele})

	dialer := &smtpdial.Dialer{
		TokenSource: staticSource(token),
		TLSConfig:   srv.TLSConfig(),
		DialContext: srv.DialContext,
	}
	c, err := dialer.Dial(context.Background(), "adele@contoso.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	message := "From: invoices@contoso.com\r\nTo: to@contoso.com\r\nSubject: Invoice 17\r\n\r\nPaid.\r\n"
	fmt.Println(c.SendMail("invoices@contoso.com", []string{"to@contoso.com"}, strings.NewReader(message)))
	// Output: <nil>
}

// The error says at which step a Dial failed, and what the server said.
func ExampleError() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices") // without SMTP.SendAsApp
	contoso.AddMailbox("invoices@contoso.com")
	dialer := &smtpdial.Dialer{
		TokenSource: staticSource(app.Token(nil)),
		TLSConfig:   srv.TLSConfig(),
		DialContext: srv.DialContext,
	}

	_, err := dialer.Dial(context.Background(), "invoices@contoso.com")
	if e, ok := errors.AsType[*smtpdial.Error](err); ok {
		fmt.Println("step:", e.Op)
	}
	if reply, ok := errors.AsType[*smtp.SMTPError](err); ok {
		fmt.Println("reply:", reply.Code, reply.EnhancedCode)
	}
	fmt.Println("refused:", smtpdial.Refused(err))
	// Output:
	// step: authenticate
	// reply: 535 [5 7 3]
	// refused: true
}

// A reply of class 4 passes by itself.
func ExampleRetryable() {
	err := error(&smtp.SMTPError{Code: 432, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "STOREDRV.ClientSubmit; sender thread limit exceeded"})
	fmt.Println(smtpdial.Retryable(err))
	// Output: true
}

// The exception: Exchange says 430 if a permission is missing.
func ExampleNotConnected() {
	err := error(&smtp.SMTPError{Code: 430, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "STOREDRV; mailbox logon failure"})
	fmt.Println(smtpdial.NotConnected(err), smtpdial.Retryable(err))
	// Output: true false
}

// An administrator lets an application send from the mailboxes of a scope, and
// gives it no other right: RBAC for Applications.
func ExampleDialer_Dial_leastRights() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices") // without a permission in Entra ID
	contoso.AddMailbox("invoices@contoso.com")
	contoso.AddMailbox("ceo@contoso.com")
	_, err := contoso.Admin(`
		New-ServicePrincipal -AppId ` + app.ClientID + ` -ObjectId ` + app.ServicePrincipalID + `
		New-ManagementScope -Name Invoices -RecipientRestrictionFilter "PrimarySmtpAddress -eq 'invoices@contoso.com'"
		New-ManagementRoleAssignment -App ` + app.ServicePrincipalID + ` -Role "Application SMTP.SendAsApp" -CustomResourceScope Invoices`)
	if err != nil {
		log.Fatal(err)
	}

	cfg := &tokensource.Config{Tenant: contoso.ID, ClientID: app.ClientID, Credential: tokensource.Secret(app.Secret), HTTPClient: srv.HTTPClient()}
	dialer := &smtpdial.Dialer{TokenSource: cfg.ClientCredentials(), TLSConfig: srv.TLSConfig(), DialContext: srv.DialContext}
	for _, mailbox := range []string{"invoices@contoso.com", "ceo@contoso.com"} {
		c, err := dialer.Dial(context.Background(), mailbox)
		if err == nil {
			message := "From: " + mailbox + "\r\nTo: adele@example.com\r\nSubject: Invoice 17\r\n\r\nPaid.\r\n"
			err = errors.Join(c.SendMail(mailbox, []string{"adele@example.com"}, strings.NewReader(message)), c.Quit())
		}
		fmt.Println(mailbox, "sends:", err == nil)
	}
	// Output:
	// invoices@contoso.com sends: true
	// ceo@contoso.com sends: false
}
