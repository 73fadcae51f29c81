package exchangetest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/smtp"
	"net/url"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/xoauth2"
)

// Gmail refuses a token with a challenge, which the client must answer before
// it gets the refusal. Exchange sends no challenge.
func ExampleFault() {
	srv := exchangetest.NewServer()
	defer srv.Close()
	srv.Inject(exchangetest.Fault{
		At: exchangetest.AtSMTP, Command: "AUTH",
		Challenge: "334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIn0=",
		Reply:     "535 5.7.8 Username and Password not accepted.",
	})

	client, err := smtp.Dial(srv.Cloud().SMTP)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	config := srv.TLSConfig()
	config.ServerName = "smtp.office365.com"
	if err := client.StartTLS(config); err != nil {
		fmt.Println(err)
		return
	}
	token := &oauth2.Token{AccessToken: "ya29.a0"}
	fmt.Println(client.Auth(xoauth2.SMTPAuth("invoices@example.com", oauth2.StaticTokenSource(token))))
	// Output: xoauth2: the server refused the token: status "401"
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

// The device is not compliant: a refusal for a reason that is not in the
// directory.
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
