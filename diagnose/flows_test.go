package diagnose_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/diagnose"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

// flows get a token from the emulator in the ways that there are; app-only
// ones for the shared mailbox, the others for adele's own.
var flows = map[string]struct {
	kind kind
	get  func(t *testing.T, w *world) (string, error)
}{
	"client secret":         {service, func(_ *testing.T, w *world) (string, error) { return token(w.source().Token()) }},
	"another library":       {service, func(_ *testing.T, w *world) (string, error) { w.library = "oauth2"; return token(w.source().Token()) }},
	"certificate":           {service, certificate},
	"on-behalf-of":          {owner, onBehalfOf},
	"federated credential":  {service, federated},
	"managed identity":      {service, managedIdentity},
	"password":              {owner, func(_ *testing.T, w *world) (string, error) { return token(w.source().Token()) }},
	"refresh token":         {owner, refreshed},
	"authorization code":    {owner, authorizationCode},
	"device code":           {owner, deviceCode},
	"token issued directly": {delegate, func(_ *testing.T, w *world) (string, error) { return token(w.source().Token()) }},
}

func token(t *oauth2.Token, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return t.AccessToken, nil
}

func certificate(t *testing.T, w *world) (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(err)
	leaf, err := x509.ParseCertificate(der)
	must(err)
	w.app.AddCertificate(leaf)
	config := w.config(tokensource.Certificate([]*x509.Certificate{leaf}, key, nil))
	return token(config.ClientCredentials().TokenContext(t.Context()))
}

func onBehalfOf(t *testing.T, w *world) (string, error) {
	call := w.app.Token(&exchangetest.TokenOptions{User: w.adele, Audience: "api://" + w.clientID})
	return token(w.config(tokensource.Secret(w.secret)).OnBehalfOf(call).TokenContext(t.Context()))
}

func (w *world) config(credential tokensource.Credential) *tokensource.Config {
	return &tokensource.Config{
		Cloud: w.cloud, Tenant: w.tenant, ClientID: w.clientID, Credential: credential, Scopes: w.scopes, HTTPClient: w.srv.HTTPClient(),
	}
}

func federated(_ *testing.T, w *world) (string, error) {
	issuer := w.srv.AddIssuer("cluster")
	w.app.AddFederatedCredential(issuer.URL, "mail", "")
	return w.post(w.srv.HTTPClient(), w.cloud.Authority+"/"+w.tenant+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {w.clientID}, "scope": {w.cloud.AppScope()},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion":      {issuer.Token("mail", "", 0)},
	})
}

func managedIdentity(_ *testing.T, w *world) (string, error) {
	w.app = w.srv.Tenant().AddManagedIdentity("vm-mail", allRoles...)
	w.clientID = w.app.ClientID
	w.srv.Tenant().Grant(w.app, mailbox)
	vm := w.srv.AddHost(exchangetest.VM, w.app)
	request, err := http.NewRequest(http.MethodGet, "http://169.254.169.254/metadata/identity/oauth2/token?"+url.Values{
		"api-version": {"2018-02-01"}, "resource": {w.cloud.Resource},
	}.Encode(), nil)
	must(err)
	request.Header.Set("Metadata", "true")
	return answer(vm.HTTPClient().Do(request))
}

func refreshed(_ *testing.T, w *world) (string, error) {
	w.scopes = append(w.scopes, "offline_access")
	first, err := w.source().Token()
	if err != nil {
		return "", err
	}
	return token(w.userConfig().TokenSource(w.httpContext(), &oauth2.Token{RefreshToken: first.RefreshToken}).Token())
}

func authorizationCode(t *testing.T, w *world) (string, error) {
	w.app.AddRedirectURI(exchangetest.Desktop, "http://localhost")
	config := w.userConfig()
	config.RedirectURL = "http://localhost:8080"
	config.Endpoint.AuthURL = w.cloud.Authority + "/" + w.tenant + "/oauth2/v2.0/authorize"
	verifier := oauth2.GenerateVerifier()
	values, err := w.srv.Browser(w.adele).Authorize(t.Context(), config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)))
	if err != nil {
		return "", err
	}
	return token(config.Exchange(w.httpContext(), values.Get("code"), oauth2.VerifierOption(verifier)))
}

func deviceCode(t *testing.T, w *world) (string, error) {
	config := w.userConfig()
	config.Endpoint.DeviceAuthURL = w.cloud.Authority + "/" + w.tenant + "/oauth2/v2.0/devicecode"
	device, err := config.DeviceAuth(w.httpContext())
	if err != nil {
		return "", err
	}
	if err := w.srv.Browser(w.adele).EnterCode(t.Context(), device.UserCode); err != nil {
		return "", err
	}
	return w.post(w.srv.HTTPClient(), config.Endpoint.TokenURL, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {w.clientID}, "device_code": {device.DeviceCode},
	})
}

func (w *world) post(client *http.Client, url string, form url.Values) (string, error) {
	return answer(client.PostForm(url, form))
}

// answer reads the access token of a response.
func answer(response *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var body struct {
		Token       string `json:"access_token"`
		Description string `json:"error_description"`
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		return "", err
	}
	if body.Token == "" {
		return "", errors.New(body.Description)
	}
	return body.Token, nil
}

// A correct set-up gives no finding in any flow, in any cloud.
func TestRunFlows(t *testing.T) {
	checked := 0
	for name, flow := range flows {
		for _, cloud := range exoauth.Clouds() {
			t.Run(name+", "+cloud.IMAP, func(t *testing.T) {
				runFlow(t, flow.kind, cloud, flow.get)
				checked++
			})
		}
	}
	t.Logf("%d flows set up correctly, no finding", checked)
}

func runFlow(t *testing.T, k kind, cloud exoauth.Cloud, get func(*testing.T, *world) (string, error)) {
	w := newWorld(t, k, allRoles)
	w.cloud = cloud
	if k != service {
		w.scopes = []string{cloud.UserScope("IMAP.AccessAsUser.All"), cloud.UserScope("SMTP.Send")}
	}
	accessToken, err := get(t, w)
	if err != nil {
		t.Fatal(err)
	}
	check := w.check()
	check.TokenSource = oauth2.StaticTokenSource(&oauth2.Token{AccessToken: accessToken})
	check.DialContext = w.srv.DialContext
	report := diagnose.Run(context.Background(), check)
	if !report.OK() || len(report.Findings()) > 0 {
		t.Errorf("%s: %v", status(report), report.Findings())
	}
}
