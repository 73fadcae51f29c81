package interop

import (
	"context"
	"crypto"
	"crypto/x509"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"github.com/exoauth/exoauth/exchangetest"
)

func (w *world) confidential(t testing.TB, authority string, app *exchangetest.App, cred confidential.Credential) confidential.Client {
	t.Helper()
	client, err := confidential.New(authority, app.ClientID, cred, confidential.WithHTTPClient(w.HTTPClient()))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func secretCredential(t testing.TB, app *exchangetest.App) confidential.Credential {
	t.Helper()
	cred, err := confidential.NewCredFromSecret(app.Secret)
	if err != nil {
		t.Fatal(err)
	}
	return cred
}

func TestMSALCredentials(t *testing.T) {
	w := newWorld(t)
	cert, key := certificate(t)
	w.app.AddCertificate(cert)
	issuer := w.AddIssuer("cluster")
	w.app.AddFederatedCredential(issuer.URL, "system:serviceaccount:mail:invoices", "")
	fromCert, err := confidential.NewCredFromCert([]*x509.Certificate{cert}, crypto.PrivateKey(key))
	if err != nil {
		t.Fatal(err)
	}
	federated := confidential.NewCredFromAssertionCallback(func(context.Context, confidential.AssertionRequestOptions) (string, error) {
		return issuer.Token("system:serviceaccount:mail:invoices", "", 0), nil
	})
	for name, cred := range map[string]confidential.Credential{
		"secret": secretCredential(t, w.app), "certificate": fromCert, "assertion": federated,
	} {
		t.Run(name, func(t *testing.T) {
			client := w.confidential(t, w.production(), w.app, cred)
			before := len(w.Requests())
			for range 2 {
				result, err := client.AcquireTokenByCredential(t.Context(), appScopes)
				if err != nil {
					t.Fatal(err)
				}
				w.imap(t, shared, result.AccessToken)
			}
			if got := len(w.Requests()) - before; got != 1 {
				t.Errorf("%d token requests, want 1: its cache does not work", got)
			}
		})
	}
}

// MSAL caches nothing for an authority that is not among the aliases.
func TestMSALOwnAuthority(t *testing.T) {
	w := newWorld(t)
	client, err := confidential.New(w.Cloud().Authority+"/contoso.com", w.app.ClientID, secretCredential(t, w.app),
		confidential.WithHTTPClient(w.HTTPClient()), confidential.WithInstanceDiscovery(false))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := client.AcquireTokenByCredential(t.Context(), appScopes); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(w.Requests()); got != 1 {
		t.Errorf("%d token requests", got)
	}
}

func (w *world) public(t testing.TB) public.Client {
	t.Helper()
	client, err := public.New(w.app.ClientID, public.WithAuthority(w.production()), public.WithHTTPClient(w.HTTPClient()))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// silent asks for a token with new claims, which takes the refresh token.
func (w *world) silent(t testing.TB, client public.Client, account public.Account) {
	t.Helper()
	result, err := client.AcquireTokenSilent(t.Context(), userScopes[:1], public.WithSilentAccount(account), public.WithClaims(`{"access_token":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	w.imap(t, upn, result.AccessToken)
	list := w.Requests()
	if last := list[len(list)-1]; last.Grant != "refresh_token" || last.Status != 200 {
		t.Errorf("last request %+v", last)
	}
}

func TestMSALInteractive(t *testing.T) {
	w := newWorld(t)
	browser := w.Browser(w.user)
	client := w.public(t)
	result, err := client.AcquireTokenInteractive(t.Context(), userScopes, public.WithOpenURL(func(url string) error {
		return browser.Open(t.Context(), url)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if result.Account.PreferredUsername != upn {
		t.Errorf("account %q", result.Account.PreferredUsername)
	}
	w.imap(t, upn, result.AccessToken)
	w.silent(t, client, result.Account)
}

func TestMSALDeviceCode(t *testing.T) {
	w := newWorld(t)
	client := w.public(t)
	device, err := client.AcquireTokenByDeviceCode(t.Context(), userScopes)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Browser(w.user).EnterCode(t.Context(), device.Result.UserCode); err != nil {
		t.Fatal(err)
	}
	result, err := device.AuthenticationResult(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.imap(t, upn, result.AccessToken)
	w.silent(t, client, result.Account)
}

func TestMSALPassword(t *testing.T) {
	w := newWorld(t)
	w.app.Consent(nil, exchangetest.IMAPAccessAsUser, exchangetest.SMTPSend)
	result, err := w.public(t).AcquireTokenByUsernamePassword(t.Context(), userScopes, upn, w.user.Password)
	if err != nil {
		t.Fatal(err)
	}
	w.imap(t, upn, result.AccessToken)
}

func TestMSALAuthCode(t *testing.T) {
	w := newWorld(t)
	const redirect = "https://app.contoso.com/callback"
	w.app.AddRedirectURI(exchangetest.Web, redirect)
	client := w.confidential(t, w.production(), w.app, secretCredential(t, w.app))
	uri, err := client.AuthCodeURL(t.Context(), w.app.ClientID, redirect, userScopes)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := w.Browser(w.user).Authorize(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	result, err := client.AcquireTokenByAuthCode(t.Context(), answer.Get("code"), redirect, userScopes)
	if err != nil {
		t.Fatal(err)
	}
	w.imap(t, upn, result.AccessToken)
}

func TestMSALOnBehalfOf(t *testing.T) {
	w := newWorld(t)
	api := w.tenant.AddApp("API")
	api.Consent(nil, exchangetest.IMAPAccessAsUser, exchangetest.SMTPSend)
	incoming := w.app.Token(&exchangetest.TokenOptions{User: w.user, Audience: "api://" + api.ClientID, Scopes: []string{"access_as_user"}})
	client := w.confidential(t, w.production(), api, secretCredential(t, api))
	result, err := client.AcquireTokenOnBehalfOf(t.Context(), incoming, userScopes)
	if err != nil {
		t.Fatal(err)
	}
	w.imap(t, upn, result.AccessToken)
}
