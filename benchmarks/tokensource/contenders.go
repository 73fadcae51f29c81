package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/tokensource"
)

const (
	clientID = "11111111-2222-3333-4444-555555555555"
	secret   = "not~a~real~secret"
)

var scope = exoauth.Global.AppScope()

// credential is that of one application for all its tenants, as it is with MSAL
// and azidentity.
var credential = tokensource.Secret(secret)

func tenant(n int) string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", n) }

// A contender gives tokens of tenants by their number. The function of a cold
// one makes a request each time.
type contender struct {
	name string
	open func(s *server, hc *http.Client, tenants int) func(tenant int) error
}

var contenders = []contender{
	{"exoauth", openOurs},
	{"oauth2.ReuseTokenSource", openReuse},
	{"MSAL Go", openMSAL},
	{"azidentity", openAzidentity},
}

func config(s *server, hc *http.Client, n int) *tokensource.Config {
	return &tokensource.Config{
		Cloud: exoauth.Cloud{Authority: s.URL}, Tenant: tenant(n), ClientID: clientID,
		Credential: credential, HTTPClient: hc,
	}
}

func openOurs(s *server, hc *http.Client, tenants int) func(int) error {
	sources := make([]*tokensource.Source, tenants)
	for n := range sources {
		sources[n] = config(s, hc, n).ClientCredentials()
	}
	return func(n int) error {
		_, err := sources[n].Token()
		return err
	}
}

// openReuse has the tokens already: this is the cache of x/oauth2 alone, which
// is what the others are compared with.
func openReuse(s *server, hc *http.Client, tenants int) func(int) error {
	sources := make([]oauth2.TokenSource, tenants)
	for n := range sources {
		sources[n] = oauth2.ReuseTokenSource(&oauth2.Token{AccessToken: accessToken, Expiry: time.Now().Add(24 * time.Hour)}, nil)
	}
	return func(n int) error {
		_, err := sources[n].Token()
		return err
	}
}

func msal(s *server, hc *http.Client) confidential.Client {
	credential, err := confidential.NewCredFromSecret(secret)
	check(err)
	client, err := confidential.New(s.URL+"/"+tenant(0), clientID, credential,
		confidential.WithHTTPClient(hc), confidential.WithInstanceDiscovery(false))
	check(err)
	return client
}

func openMSAL(s *server, hc *http.Client, _ int) func(int) error {
	client, scopes := msal(s, hc), []string{scope}
	return func(n int) error {
		_, err := client.AcquireTokenByCredential(context.Background(), scopes, confidential.WithTenantID(tenant(n)))
		return err
	}
}

func azure(s *server, hc *http.Client) *azidentity.ClientSecretCredential {
	o := &azidentity.ClientSecretCredentialOptions{AdditionallyAllowedTenants: []string{"*"}, DisableInstanceDiscovery: true}
	o.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: s.URL}
	o.Transport = hc
	credential, err := azidentity.NewClientSecretCredential(tenant(0), clientID, secret, o)
	check(err)
	return credential
}

func openAzidentity(s *server, hc *http.Client, _ int) func(int) error {
	credential, scopes := azure(s, hc), []string{scope}
	return func(n int) error {
		_, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: scopes, TenantID: tenant(n)})
		return err
	}
}

// expired is the lifetime of a token that has expired when it is there.
const expired = "1e-6"

// claims have MSAL pass over its cache.
const claims = `{"access_token":{"nbf":{"essential":true}}}`

// cold contenders make a request each time. Ours and x/oauth2's get tokens
// that expire at once.
var cold = []contender{
	{"exoauth", openOurs},
	{"x/oauth2 clientcredentials", func(s *server, hc *http.Client, _ int) func(int) error {
		c := clientcredentials.Config{
			ClientID: clientID, ClientSecret: secret, TokenURL: s.URL + "/" + tenant(0) + "/oauth2/v2.0/token",
			Scopes: []string{scope}, AuthStyle: oauth2.AuthStyleInParams,
		}
		ctx := context.WithValue(context.Background(), oauth2.HTTPClient, hc)
		return func(int) error {
			_, err := c.Token(ctx)
			return err
		}
	}},
	{"MSAL Go", func(s *server, hc *http.Client, _ int) func(int) error {
		client, scopes := msal(s, hc), []string{scope}
		return func(int) error {
			_, err := client.AcquireTokenByCredential(context.Background(), scopes, confidential.WithClaims(claims))
			return err
		}
	}},
	{"azidentity", func(s *server, hc *http.Client, _ int) func(int) error {
		credential, scopes := azure(s, hc), []string{scope}
		return func(int) error {
			_, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: scopes, Claims: claims})
			return err
		}
	}},
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// openReusing is x/oauth2 with its cache.
func openReusing(s *server, hc *http.Client, _ int) func(int) error {
	c := clientcredentials.Config{
		ClientID: clientID, ClientSecret: secret, TokenURL: s.URL + "/" + tenant(0) + "/oauth2/v2.0/token",
		Scopes: []string{scope}, AuthStyle: oauth2.AuthStyleInParams,
	}
	source := c.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, hc))
	return func(int) error {
		_, err := source.Token()
		return err
	}
}
