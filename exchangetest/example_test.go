package exchangetest_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"net/smtp"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/xoauth2"
)

func Example() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	mailbox := contoso.AddMailbox("invoices@contoso.com")
	contoso.Grant(app, mailbox.Address)

	resp, err := srv.HTTPClient().PostForm(srv.Cloud().Authority+"/contoso.com/oauth2/v2.0/token", url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {app.ClientID},
		"client_secret": {app.Secret},
		"scope":         {srv.Cloud().AppScope()},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.StatusCode, srv.Requests()[0].Grant)
	// Output: 200 client_credentials
}

// The first steps: a server, what an administrator does in the portal and in
// PowerShell, a token, and a message that arrives.
func ExampleServer() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.SMTPSendAsApp)
	mailbox := contoso.AddMailbox("invoices@contoso.com")
	contoso.Grant(app, mailbox.Address)

	// The program under test gets srv.Cloud, srv.HTTPClient and srv.TLSConfig in
	// place of what it has for Microsoft's servers. Here net/smtp is the program.
	token := &oauth2.Token{AccessToken: app.Token(nil)}
	client, err := smtp.Dial(srv.Cloud().SMTP)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	config := srv.TLSConfig()
	config.ServerName = "smtp.office365.com"
	err = errors.Join(
		client.StartTLS(config),
		client.Auth(xoauth2.SMTPAuth(mailbox.Address, oauth2.StaticTokenSource(token))),
		client.Mail(mailbox.Address),
		client.Rcpt(mailbox.Address),
	)
	if err != nil {
		log.Fatal(err)
	}
	w, err := client.Data()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(w, "From: %s\r\nSubject: Invoice 4711\r\n\r\nPaid.\r\n", mailbox.Address)
	fmt.Println(w.Close(), len(mailbox.Messages("INBOX")), len(mailbox.Messages("Sent Items")))
	// Output: <nil> 1 1
}

func ExampleNewUnstartedServer() {
	srv := exchangetest.NewUnstartedServer()
	srv.TokenLifetime = 10 * time.Minute
	srv.Start()
	defer srv.Close()
	fmt.Println(srv.Tenant().Domains)
	// Output: [contoso.onmicrosoft.com contoso.com]
}

// As in Exchange, the object ID of the app registration is accepted, but does
// not work.
func ExampleTenant_NewServicePrincipal() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	contoso.AddMailbox("invoices@contoso.com")
	fmt.Println(contoso.NewServicePrincipal(app.ClientID, app.ObjectID))
	fmt.Println(contoso.AddMailboxPermission("invoices@contoso.com", app.ObjectID))
	// Output:
	// <nil>
	// <nil>
}

func ExampleMailbox_Append() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	mailbox := srv.Tenant().AddMailbox("invoices@contoso.com")
	mailbox.Append("INBOX", []byte("Subject: Invoice 4711\r\n\r\nPlease find attached.\r\n"))
	fmt.Println(len(mailbox.Messages("INBOX")))
	// Output: 1
}

// The client sees only "NO AUTHENTICATE failed."; Sessions returns the reason.
// The client keeps its production address.
func ExampleServer_Sessions() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	token := app.Token(&exchangetest.TokenOptions{Audience: "https://graph.microsoft.com"})

	conn, err := srv.DialContext(context.Background(), "tcp", "outlook.office365.com:993")
	if err != nil {
		log.Fatal(err)
	}
	config := srv.TLSConfig()
	config.ServerName = "outlook.office365.com"
	client := tls.Client(conn, config)
	defer client.Close()
	ir := base64.StdEncoding.EncodeToString([]byte("user=invoices@contoso.com\x01auth=Bearer " + token + "\x01\x01"))
	fmt.Fprintf(client, "1 AUTHENTICATE XOAUTH2 %s\r\n2 LOGOUT\r\n", ir)
	lines := bufio.NewScanner(client)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "1 ") {
	}
	fmt.Println(lines.Text())
	fmt.Println(srv.Sessions()[0].Reason)
	// Output:
	// 1 NO AUTHENTICATE failed.
	// the token is for ["https://graph.microsoft.com"] and not for Exchange Online
}

// A message that the program under test has sent.
func ExampleServer_Sent() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices", exchangetest.SMTPSendAsApp)
	mailbox := srv.Tenant().AddMailbox("invoices@contoso.com")
	srv.Tenant().Grant(app, mailbox.Address)

	client, err := smtp.Dial(srv.Cloud().SMTP)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	config := srv.TLSConfig()
	config.ServerName = "smtp.office365.com"
	auth := xoauth2.SMTPAuth(mailbox.Address, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: app.Token(nil)}))
	if err := errors.Join(client.StartTLS(config), client.Auth(auth), client.Mail(mailbox.Address), client.Rcpt("adele@example.com")); err != nil {
		fmt.Println(err)
		return
	}
	w, err := client.Data()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(w, "From: invoices@contoso.com\r\nSubject: Invoice 4711\r\n\r\nPlease find attached.\r\n")
	if err := w.Close(); err != nil {
		fmt.Println(err)
		return
	}
	sent := srv.Sent()[0]
	fmt.Println(sent.From, sent.To)
	fmt.Println(len(mailbox.Messages("Sent Items")))
	// Output:
	// invoices@contoso.com [adele@example.com]
	// 1
}

// Exchange has permissions of its own. Here an administrator lets an
// application read one mailbox and send as another.
func ExampleTenant_AddRecipientPermission() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp)
	contoso.AddMailbox("invoices@contoso.com")
	contoso.AddMailbox("billing@contoso.com")
	fmt.Println(errors.Join(
		contoso.NewServicePrincipal(app.ClientID, app.ServicePrincipalID),
		contoso.AddMailboxPermission("invoices@contoso.com", app.ServicePrincipalID),
		contoso.AddRecipientPermission("billing@contoso.com", app.ServicePrincipalID),
	))
	// Output: <nil>
}

// SMTP AUTH is off for every mailbox of the tenant but one, and one user may
// still send with a password.
func ExampleTenant_Admin() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	contoso.AddUser("scanner@contoso.com")
	_, err := contoso.Admin(`
		Set-TransportConfig -SmtpClientAuthenticationDisabled $true
		Set-CASMailbox scanner@contoso.com -SmtpClientAuthenticationDisabled $false
		New-AuthenticationPolicy -Name Scanners -AllowBasicAuthSmtp
		Set-User scanner@contoso.com -AuthenticationPolicy Scanners`)
	fmt.Println(err)
	// Output: <nil>
}

// High Volume Email requires the permission Mail.Send, in a token that is valid
// for ten more minutes.
func ExampleServer_Addrs() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Newsletter", "Mail.Send")
	mailbox := srv.Tenant().AddMailbox("news@contoso.com")
	srv.Tenant().Grant(app, mailbox.Address)

	client, err := smtp.Dial(srv.Addrs().HVE)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	config := srv.TLSConfig()
	config.ServerName = "smtp-hve.office365.com"
	if err := client.StartTLS(config); err != nil {
		fmt.Println(err)
		return
	}
	token := &oauth2.Token{AccessToken: app.Token(&exchangetest.TokenOptions{Lifetime: 9 * time.Minute})}
	fmt.Println(client.Auth(xoauth2.SMTPAuth(mailbox.Address, oauth2.StaticTokenSource(token))))
	// Output: 501 "5.5.127 Invalid XOAUTH2 auth data - Token will expire soon error"
}

// A test carries out a remedy that is printed for an administrator.
func ExampleTenant_Admin_remedy() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	srv.Tenant().AddMailbox("invoices@contoso.com")

	_, err := srv.Tenant().Admin(`
		$sp = Get-MgServicePrincipal -Filter "AppId eq '` + app.ClientID + `'"
		New-ServicePrincipal -AppId $sp.AppId -ObjectId $sp.Id
		Add-MailboxPermission -Identity invoices@contoso.com -User $sp.Id -AccessRights FullAccess`)
	fmt.Println(err)

	_, err = srv.Tenant().Admin("Set-CASMailbox orders@contoso.com -ImapEnabled $true")
	fmt.Println(err)
	// Output:
	// <nil>
	// exchangetest: Admin: line 1: Set-CASMailbox: there is no mailbox "orders@contoso.com" in contoso.onmicrosoft.com
}

// Admin returns the output of a cmdlet.
func ExampleTenant_Admin_output() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	srv.Tenant().AddMailbox("invoices@contoso.com")
	text, err := srv.Tenant().Admin(`
		Set-CASMailbox invoices@contoso.com -PopEnabled $false
		(Get-CASMailbox invoices@contoso.com).PopEnabled`)
	fmt.Print(text, err)
	// Output:
	// False
	// <nil>
}
