package exchangetest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest"
)

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

// Move the clock to make a client secret expire.
func ExampleServer_Advance() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	config := clientcredentials.Config{
		ClientID: app.ClientID, ClientSecret: app.AddSecret(90 * 24 * time.Hour),
		TokenURL: srv.Cloud().Authority + "/contoso.com/oauth2/v2.0/token", Scopes: []string{srv.Cloud().AppScope()},
	}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, srv.HTTPClient())

	_, err := config.Token(ctx)
	fmt.Println(err)
	srv.Advance(90 * 24 * time.Hour)
	_, err = config.Token(ctx)
	requests := srv.Requests()
	fmt.Println(err != nil, requests[len(requests)-1].AADSTS)
	// Output:
	// <nil>
	// true 7000222
}

// Requests returns what the token endpoint was asked, and its answers.
func ExampleServer_Requests() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	config := clientcredentials.Config{
		ClientID: app.ClientID, ClientSecret: app.Secret,
		TokenURL: srv.Cloud().Authority + "/contoso.com/oauth2/v2.0/token", Scopes: []string{"https://graph.microsoft.com/.default"},
	}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, srv.HTTPClient())
	if _, err := config.Token(ctx); err != nil {
		fmt.Println(err)
		return
	}
	asked := srv.Requests()[0]
	fmt.Println(asked.Grant, asked.Scope, asked.Status)
	fmt.Println(asked.Claims["aud"], asked.Claims["roles"])
	// Output:
	// client_credentials https://graph.microsoft.com/.default 200
	// https://graph.microsoft.com <nil>
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

// An application whose only secret has expired, and is replaced.
func ExampleApp_ExpireSecret() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices")
	config := clientcredentials.Config{
		ClientID: app.ClientID, ClientSecret: app.Secret,
		TokenURL: srv.Cloud().Authority + "/contoso.com/oauth2/v2.0/token", Scopes: []string{srv.Cloud().AppScope()},
	}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, srv.HTTPClient())

	app.ExpireSecret(app.Secret)
	_, err := config.Token(ctx)
	fmt.Println(err != nil)
	config.ClientSecret = app.AddSecret(24 * time.Hour)
	_, err = config.Token(ctx)
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

// A user signs in and consents, as in a browser.
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

// A workload outside of Azure proves itself with a token of its own issuer.
func ExampleServer_AddIssuer() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	cluster := srv.AddIssuer("cluster")
	app := srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	app.AddFederatedCredential(cluster.URL, "system:serviceaccount:mail:invoices", "")

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

// A policy makes users sign in anew each day, so refresh tokens end after a
// day.
func ExampleUser_SetState() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	app := srv.Tenant().AddApp("Mail client")
	app.SetPublicFlows(true)
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
