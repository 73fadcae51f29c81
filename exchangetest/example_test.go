package exchangetest_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest"
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

func ExampleNewUnstartedServer() {
	srv := exchangetest.NewUnstartedServer()
	srv.TokenLifetime = 10 * time.Minute
	srv.Start()
	defer srv.Close()
	fmt.Println(srv.Tenant().Domains)
	// Output: [contoso.onmicrosoft.com contoso.com]
}

// A production configuration works unchanged: the login hosts of Microsoft's
// clouds lead to the server.
func ExampleServer_HTTPClient() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	resp, err := srv.HTTPClient().Get("https://login.microsoftonline.com/contoso.com/v2.0/.well-known/openid-configuration")
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 200 OK
}

// The first two token requests are throttled, the third gets a token.
func ExampleServer_SetTokenHandler() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	srv.SetTokenHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if len(srv.Requests()) < 2 {
				w.Header().Set("Retry-After", "60")
				w.WriteHeader(http.StatusTooManyRequests)
				io.WriteString(w, "Too Many Requests")
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	for range 3 {
		resp, err := srv.HTTPClient().PostForm(srv.Cloud().Authority+"/contoso.com/oauth2/v2.0/token", url.Values{
			"grant_type": {"client_credentials"}, "client_id": {app.ClientID}, "client_secret": {app.Secret},
			"scope": {srv.Cloud().AppScope()},
		})
		if err != nil {
			log.Fatal(err)
		}
		resp.Body.Close()
		fmt.Println(resp.StatusCode)
	}
	// Output:
	// 429
	// 429
	// 200
}

// A token that expires is a matter of moving the clock.
func ExampleServer_Advance() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	before := srv.Now()
	srv.Advance(2 * time.Hour)
	fmt.Println(srv.Now().Sub(before).Round(time.Hour))
	// Output: 2h0m0s
}

// The registration's object id is accepted and of no use, as in Exchange.
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

func ExampleTenant_SetCASMailbox() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	mailbox := contoso.AddMailbox("invoices@contoso.com")
	err := contoso.SetCASMailbox(mailbox.Address, exchangetest.CASMailbox{ImapEnabled: new(false)})
	fmt.Println(err)
	// Output: <nil>
}

// Tokens of every kind can be made without a token request.
func ExampleApp_Token() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	anna := contoso.AddUser("anna@contoso.com")
	for _, token := range []string{
		app.Token(nil),
		app.Token(&exchangetest.TokenOptions{Lifetime: -time.Minute}),
		app.Token(&exchangetest.TokenOptions{Audience: "https://graph.microsoft.com"}),
		app.Token(&exchangetest.TokenOptions{User: anna, Scopes: []string{"IMAP.AccessAsUser.All"}}),
	} {
		fmt.Println(token[:3])
	}
	// Output:
	// eyJ
	// eyJ
	// eyJ
	// eyJ
}

func ExampleMailbox_Append() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	mailbox := srv.Tenant().AddMailbox("invoices@contoso.com")
	mailbox.Append("INBOX", []byte("Subject: Invoice 4711\r\n\r\nPlease find attached.\r\n"))
	fmt.Println(len(mailbox.Messages("INBOX")))
	// Output: 1
}

// The wire says "NO AUTHENTICATE failed."; the record says why. The client
// keeps the address that it has in production.
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

// Exchange keeps permissions apart from Entra ID's: what an administrator
// does for an application that shall read one mailbox and send as another.
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

// SMTP AUTH is refused to every mailbox of the tenant but one.
func ExampleTenant_SetTransportConfig() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	scanner := contoso.AddMailbox("scanner@contoso.com")
	contoso.SetTransportConfig(exchangetest.TransportConfig{SmtpClientAuthenticationDisabled: true})
	err := contoso.SetCASMailbox(scanner.Address, exchangetest.CASMailbox{SmtpClientAuthenticationDisabled: new(false)})
	fmt.Println(err)
	// Output: <nil>
}

// An application whose only secret has expired.
func ExampleApp_ExpireSecret() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices")
	app.ExpireSecret(app.Secret)
	fmt.Println(app.AddSecret(24*time.Hour) != app.Secret)
	// Output: true
}

// A remedy that is printed for an administrator can be carried out.
func ExampleServer_Admin() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	srv.Tenant().AddMailbox("invoices@contoso.com")

	err := srv.Admin(`
		$sp = Get-MgServicePrincipal -Filter "AppId eq '` + app.ClientID + `'"
		New-ServicePrincipal -AppId $sp.AppId -ObjectId $sp.Id
		Add-MailboxPermission -Identity invoices@contoso.com -User $sp.Id -AccessRights FullAccess`)
	fmt.Println(err)

	err = srv.Admin("Set-CASMailbox orders@contoso.com -ImapEnabled $true")
	fmt.Println(err)
	// Output:
	// <nil>
	// exchangetest: Admin: line 1: Set-CASMailbox: there is no mailbox "orders@contoso.com" in contoso.onmicrosoft.com
}

// A user signs in and consents, as at a browser.
func ExampleServer_Browser() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Mail client")
	app.AddRedirectURI(exchangetest.Desktop, "http://localhost")
	adele := srv.Tenant().AddUser("adele@contoso.com")

	answer, err := srv.Browser(adele).Authorize(context.Background(),
		srv.Cloud().Authority+"/organizations/oauth2/v2.0/authorize?"+url.Values{
			"client_id": {app.ClientID}, "response_type": {"code"}, "redirect_uri": {"http://localhost:8080"},
			"scope": {"https://outlook.office.com/IMAP.AccessAsUser.All offline_access"}, "state": {"xyz"},
		}.Encode())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Get("state"), answer.Has("code"))
	// Output: xyz true
}

// A workload elsewhere proves itself with a token of its own issuer.
func ExampleServer_AddIssuer() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	cluster := srv.AddIssuer("cluster")
	app := srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	app.AddFederatedCredential(exchangetest.FederatedCredential{
		Issuer: cluster.URL, Subject: "system:serviceaccount:mail:invoices",
	})

	resp, err := srv.HTTPClient().PostForm(srv.Cloud().Authority+"/contoso.com/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {app.ClientID}, "scope": {srv.Cloud().AppScope()},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {cluster.Token("system:serviceaccount:mail:invoices", "", 0)},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 200 OK
}

// A program on a machine in Azure asks the machine for its tokens.
func ExampleServer_AddHost() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	identity := srv.Tenant().AddManagedIdentity("vm-mail", exchangetest.IMAPAccessAsApp)
	vm := srv.AddHost(exchangetest.VM, identity)

	req, _ := http.NewRequest("GET", "http://169.254.169.254/metadata/identity/oauth2/token?"+url.Values{
		"api-version": {"2018-02-01"}, "resource": {srv.Cloud().Resource},
	}.Encode(), nil)
	req.Header.Set("Metadata", "true")
	resp, err := vm.HTTPClient().Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 200 OK
}

// The token endpoint is busy once, and says for how long.
func ExampleServer_Inject() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices")
	srv.Inject(exchangetest.Fault{
		At: exchangetest.AtEntra, Command: "token",
		Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"60"}}, Reply: "Too Many Requests",
	})

	for range 2 {
		resp, err := srv.HTTPClient().PostForm(srv.Cloud().Authority+"/contoso.com/oauth2/v2.0/token", url.Values{
			"grant_type": {"client_credentials"}, "scope": {srv.Cloud().AppScope()},
			"client_id": {app.ClientID}, "client_secret": {app.Secret},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	// Output:
	// 429 60
	// 200
}

// A device that is not compliant: one of the refusals that come of things
// outside of the directory.
func ExampleFault_refusal() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	srv.Inject(exchangetest.Fault{At: exchangetest.AtEntra, Command: "token", AADSTS: 53000})

	resp, err := srv.HTTPClient().PostForm(srv.Cloud().Authority+"/contoso.com/oauth2/v2.0/token", url.Values{
		"grant_type": {"refresh_token"}, "client_id": {"11111111-2222-3333-4444-555555555555"}, "refresh_token": {"1.A"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	var answer struct {
		Error string `json:"error"`
		Codes []int  `json:"error_codes"`
	}
	json.NewDecoder(resp.Body).Decode(&answer)
	fmt.Println(resp.StatusCode, answer.Error, answer.Codes)
	// Output: 400 interaction_required [53000]
}

// A policy that has users sign in anew each day ends what a refresh token
// carries on.
func ExampleUser_SetState() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Mail client")
	app.AllowPublicFlows(true)
	app.Consent(nil, exchangetest.IMAPAccessAsUser)
	adele := srv.Tenant().AddUser("adele@contoso.com")
	adele.SetState(exchangetest.UserState{SignInFrequency: 24 * time.Hour})

	type answer struct {
		RefreshToken string `json:"refresh_token"`
		Codes        []int  `json:"error_codes"`
	}
	ask := func(form url.Values) (a answer) {
		form.Set("client_id", app.ClientID)
		form.Set("scope", srv.Cloud().UserScope(exchangetest.IMAPAccessAsUser)+" offline_access")
		resp, err := srv.HTTPClient().PostForm(srv.Cloud().Authority+"/contoso.com/oauth2/v2.0/token", form)
		if err != nil {
			fmt.Println(err)
			return a
		}
		defer resp.Body.Close()
		json.NewDecoder(resp.Body).Decode(&a)
		return a
	}
	first := ask(url.Values{"grant_type": {"password"}, "username": {adele.UPN}, "password": {adele.Password}})
	srv.Advance(24 * time.Hour)
	fmt.Println(ask(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {first.RefreshToken}}).Codes)
	// Output: [70043]
}

// The program asks the login host of the wrong cloud.
func ExampleTenant_SetCloud() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices")
	srv.Tenant().SetCloud(exoauth.GCCHigh)

	for _, cloud := range []exoauth.Cloud{exoauth.Global, exoauth.GCCHigh} {
		resp, err := srv.HTTPClient().PostForm(cloud.Authority+"/contoso.com/oauth2/v2.0/token", url.Values{
			"grant_type": {"client_credentials"}, "scope": {cloud.AppScope()},
			"client_id": {app.ClientID}, "client_secret": {app.Secret},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(resp.Status)
	}
	// Output:
	// 400 Bad Request
	// 200 OK
}
