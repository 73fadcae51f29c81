package exchangetest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/pki"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

type keyPair struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

func newKeyPair() keyPair {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	return keyPair{key, pki.SelfSigned("invoices", key)}
}

var testKeys = sync.OnceValue(func() [2]keyPair { return [2]keyPair{newKeyPair(), newKeyPair()} })

// An assertionOf is a client assertion as a table changes it.
type assertionOf struct {
	method jwt.SigningMethod
	header map[string]any
	claims jwt.MapClaims
	key    keyPair
}

func (w *world) assertion(change func(*assertionOf)) string {
	pair := testKeys()[0]
	sum, now := sha256.Sum256(pair.cert.Raw), w.Now()
	a := &assertionOf{
		method: jwt.SigningMethodPS256, key: pair,
		header: map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])},
		claims: jwt.MapClaims{
			"aud": w.Cloud().Authority + "/" + w.tenant.ID + "/oauth2/v2.0/token", "iss": w.app.ClientID, "sub": w.app.ClientID,
			"jti": guid.New(), "nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
		},
	}
	if change != nil {
		change(a)
	}
	token := jwt.NewWithClaims(a.method, a.claims)
	for k, v := range a.header {
		token.Header[k] = v
	}
	text, err := token.SignedString(a.key.key)
	must(err)
	return text
}

func (w *world) assertionForm(assertion string) url.Values {
	form := w.form()
	form.Del("client_secret")
	form.Set("client_assertion_type", assertionType)
	form.Set("client_assertion", assertion)
	return form
}

func TestClientAssertion(t *testing.T) {
	w := newWorld(t)
	pair := testKeys()[0]
	w.app.AddCertificate(pair.cert)
	one, two := sha1.Sum(pair.cert.Raw), sha256.Sum256(pair.cert.Raw)
	aud := func(aud string) func(*assertionOf) { return func(a *assertionOf) { a.claims["aud"] = aud } }
	for _, row := range []struct {
		name   string
		change func(*assertionOf)
		code   int
	}{
		{"PS256 and x5t#S256", nil, 0},
		{"RS256 and x5t", func(a *assertionOf) {
			a.method, a.header = jwt.SigningMethodRS256, map[string]any{"x5t": base64.RawURLEncoding.EncodeToString(one[:])}
		}, 0},
		{"thumbprint in padded standard base64", func(a *assertionOf) {
			a.header["x5t#S256"] = base64.StdEncoding.EncodeToString(two[:])
		}, 0},
		{"times in strings", func(a *assertionOf) {
			a.claims["nbf"], a.claims["exp"] = "0", strconv.FormatInt(w.Now().Add(time.Minute).Unix(), 10)
		}, 0},
		{"no nbf", func(a *assertionOf) { delete(a.claims, "nbf") }, 0},
		{"list of audiences", func(a *assertionOf) { a.claims["aud"] = []any{a.claims["aud"]} }, 0},
		{"audience with the domain", aud(w.Cloud().Authority + "/contoso.com/oauth2/v2.0/token"), 0},
		{"audience of version 2.0", aud("https://login.microsoftonline.com/" + w.tenant.ID + "/v2.0"), 0},
		{"audience with another name of the host", aud("https://login.windows.net/" + w.tenant.ID + "/oauth2/v2.0/token"), 0},
		{"audience elsewhere", aud("https://login.example.com/" + w.tenant.ID + "/oauth2/v2.0/token"), 700023},
		{"audience of another tenant", aud(w.Cloud().Authority + "/" + w.Consumers().ID + "/oauth2/v2.0/token"), 700023},
		{"audience of another endpoint", aud(w.Cloud().Authority + "/" + w.tenant.ID + "/oauth2/v2.0/authorize"), 700023},
		{"expired five minutes ago", func(a *assertionOf) { a.claims["exp"] = w.Now().Add(-5*time.Minute - time.Second).Unix() }, 700024},
		{"expired within five minutes", func(a *assertionOf) { a.claims["exp"] = w.Now().Add(-4 * time.Minute).Unix() }, 0},
		{"not valid for six minutes", func(a *assertionOf) { a.claims["nbf"] = w.Now().Add(6 * time.Minute).Unix() }, 700024},
		{"another certificate", func(a *assertionOf) {
			a.key = testKeys()[1]
			sum := sha256.Sum256(a.key.cert.Raw)
			a.header["x5t#S256"] = base64.RawURLEncoding.EncodeToString(sum[:])
		}, 700027},
		{"another key", func(a *assertionOf) { a.key = testKeys()[1] }, 700027},
		{"no thumbprint", func(a *assertionOf) { a.header = nil }, 700027},
		{"another algorithm", func(a *assertionOf) { a.method = jwt.SigningMethodRS512 }, 700027},
		{"subject is not the issuer", func(a *assertionOf) { a.claims["sub"] = "other" }, 50048},
		{"issuer is another application", func(a *assertionOf) { a.claims["iss"] = guid.New() }, 700211},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp, body := w.post(t, w.tenant.ID, w.assertionForm(w.assertion(row.change)))
			if row.code == 0 && resp.StatusCode != 200 {
				t.Fatal(body)
			}
			if row.code != 0 {
				checkEntraError(t, resp, body, 401, "invalid_client", row.code)
			}
		})
	}
}

func TestClientAssertionReused(t *testing.T) {
	w := newWorld(t)
	w.app.AddCertificate(testKeys()[0].cert)
	form := w.assertionForm(w.assertion(nil))
	for range 2 {
		if resp, body := w.post(t, w.tenant.ID, form); resp.StatusCode != 200 {
			t.Error(body)
		}
	}
	w.Advance(16 * time.Minute)
	_, body := w.post(t, w.tenant.ID, form)
	if !strings.Contains(body, "AADSTS700024") || !strings.Contains(body, "Current time: "+w.Now().UTC().Format("2006-01-02T15:04")) {
		t.Error(body)
	}
	w.app.in.RemoveCertificate(testKeys()[0].cert)
	if _, body := w.post(t, w.tenant.ID, w.assertionForm(w.assertion(nil))); !strings.Contains(body, "AADSTS700027") {
		t.Error(body)
	}
}

// A certificate ends by the clock of Entra ID, whatever the client's says.
func TestCertificateThatHasEnded(t *testing.T) {
	w := newWorld(t)
	cert := testKeys()[0].cert
	w.app.AddCertificate(cert)
	for _, row := range []struct {
		name string
		at   time.Time
		code int
	}{
		{"last minute", cert.NotAfter.Add(-time.Minute), 0},
		{"after it", cert.NotAfter.Add(time.Second), 1000502},
	} {
		t.Run(row.name, func(t *testing.T) {
			w.Advance(row.at.Sub(w.Now()))
			resp, body := w.post(t, w.tenant.ID, w.assertionForm(w.assertion(nil)))
			if row.code == 0 && resp.StatusCode != 200 {
				t.Error(body)
			}
			if row.code != 0 {
				checkEntraError(t, resp, body, 401, "invalid_client", row.code)
			}
		})
	}
}

func TestClientAssertionMalformed(t *testing.T) {
	w := newWorld(t)
	for _, text := range []string{"x", "a.b.c", "e30.e30.!", "e30.W10.e30"} {
		resp, body := w.post(t, w.tenant.ID, w.assertionForm(text))
		checkEntraError(t, resp, body, 401, "invalid_client", 50027)
	}
	form := w.assertionForm(w.assertion(nil))
	form.Del("client_assertion_type")
	resp, body := w.post(t, w.tenant.ID, form)
	checkEntraError(t, resp, body, 400, "invalid_request", 900144)
}

func TestFederatedCredential(t *testing.T) {
	w := newWorld(t)
	issuer, other := w.AddIssuer("cluster"), w.AddIssuer("other")
	const subject = "system:serviceaccount:mail:Invoices"
	w.app.AddFederatedCredential(issuer.URL, subject, "")
	w.app.AddFederatedCredential("https://nobody.example.com", subject, "")
	forged := w.assertion(func(a *assertionOf) {
		a.method = jwt.SigningMethodRS256
		a.claims["iss"], a.claims["sub"], a.claims["aud"] = issuer.URL, subject, resource.FederatedAudience
	})
	for _, row := range []struct {
		name, token string
		code        int
	}{
		{"that of the issuer", issuer.Token(subject, "", 0), 0},
		{"another issuer", other.Token(subject, "", 0), 700211},
		{"another subject", issuer.Token("system:serviceaccount:mail:orders", "", 0), 700213},
		{"case of the subject", issuer.Token(strings.ToLower(subject), "", 0), 7002138},
		{"another audience", issuer.Token(subject, "https://kubernetes.default", 0), 700212},
		{"expired", issuer.Token(subject, "", -10*time.Minute), 700024},
		{"signed by somebody else", forged, 50013},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp, body := w.post(t, w.tenant.ID, w.assertionForm(row.token))
			if row.code == 0 && resp.StatusCode != 200 {
				t.Fatal(body)
			}
			if row.code != 0 {
				checkEntraError(t, resp, body, 401, "invalid_client", row.code)
			}
		})
	}
	resp, err := w.HTTPClient().Get(issuer.URL + "/.well-known/openid-configuration")
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
}
