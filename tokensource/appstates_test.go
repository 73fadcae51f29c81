package tokensource_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/tokensource"
)

// assertionOf is a credential in a file.
func assertionOf(t *testing.T, text string) tokensource.Credential {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return tokensource.AssertionFile(path)
}

// signedBy is an assertion that somebody signs with the key, in the name of the
// application's certificate.
func signedBy(t *testing.T, key *rsa.PrivateKey, issuer, subject, audience string) tokensource.Credential {
	t.Helper()
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": issuer, "sub": subject, "aud": audience, "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	cert, _ := newCert()
	thumbprint := sha256.Sum256(cert.Raw)
	token.Header["x5t#S256"] = base64.RawURLEncoding.EncodeToString(thumbprint[:])
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return assertionOf(t, text)
}

// stranger is a certificate that no application has.
func stranger(t *testing.T) ([]*x509.Certificate, *rsa.PrivateKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return []*x509.Certificate{{Raw: []byte("x"), PublicKey: key.Public(), SerialNumber: big.NewInt(2), NotAfter: time.Now().AddDate(1, 0, 0)}}, key
}

// The states of an application, of its credential and of its tenant that Entra
// ID refuses a token for.
func TestStatesOfApplications(t *testing.T) {
	federated := func(subject, audience string, lifetime time.Duration) func(*testing.T, *fixture, *tokensource.Config) {
		return func(t *testing.T, f *fixture, c *tokensource.Config) {
			c.Credential = assertionOf(t, f.AddIssuer("cluster").Token(subject, audience, lifetime))
		}
	}
	for _, row := range []struct {
		name   string
		code   int
		change func(*testing.T, *fixture, *tokensource.Config)
	}{
		{"wrong secret", 7000215, func(_ *testing.T, _ *fixture, c *tokensource.Config) { c.Credential = tokensource.Secret("not~it") }},
		{"secret removed", 7000215, func(_ *testing.T, f *fixture, _ *tokensource.Config) { f.app.RemoveSecret(f.app.Secret) }},
		{"secret expired", 7000222, func(_ *testing.T, f *fixture, _ *tokensource.Config) { f.app.ExpireSecret(f.app.Secret) }},
		{"certificate not uploaded", 700027, func(t *testing.T, _ *fixture, c *tokensource.Config) {
			chain, key := stranger(t)
			c.Credential = tokensource.Certificate(chain, key, nil)
		}},
		{"assertion with a stranger's signature", 700027, func(t *testing.T, f *fixture, c *tokensource.Config) {
			_, key := stranger(t)
			c.Credential = signedBy(t, key, f.app.ClientID, f.app.ClientID, f.Cloud().Authority+"/contoso.com/oauth2/v2.0/token")
		}},
		{"certificate for another tenant", 700023, func(t *testing.T, f *fixture, c *tokensource.Config) {
			_, key := newCert()
			c.Credential = signedBy(t, key, f.app.ClientID, f.app.ClientID, f.Cloud().Authority+"/fabrikam.com/oauth2/v2.0/token")
		}},
		{"certificate, another subject", 50048, func(t *testing.T, f *fixture, c *tokensource.Config) {
			_, key := newCert()
			c.Credential = signedBy(t, key, f.app.ClientID, subject, f.Cloud().Authority+"/contoso.com/oauth2/v2.0/token")
		}},
		{"assertion that is none", 50027, func(t *testing.T, _ *fixture, c *tokensource.Config) {
			c.Credential = assertionOf(t, "no.assertion.here")
		}},
		{"federated, expired", 700024, federated(subject, "", -time.Hour)},
		{"federated, another subject", 700213, federated(subject+"s", "", 0)},
		{"federated, the subject in upper case", 7002138, federated(strings.ToUpper(subject), "", 0)},
		{"federated, another audience", 700212, federated(subject, "api://contoso", 0)},
		{"federated, another issuer", 700211, func(t *testing.T, f *fixture, c *tokensource.Config) {
			c.Credential = assertionOf(t, f.AddIssuer("other").Token(subject, "", 0))
		}},
		{"federated, signed by a stranger", 50013, func(t *testing.T, f *fixture, c *tokensource.Config) {
			_, key := stranger(t)
			c.Credential = signedBy(t, key, f.AddIssuer("cluster").URL, subject, "api://AzureADTokenExchange")
		}},
		{"unknown application", 700016, func(_ *testing.T, _ *fixture, c *tokensource.Config) {
			c.ClientID = "11111111-2222-3333-4444-555555555555"
		}},
		{"application switched off", 7000112, func(_ *testing.T, f *fixture, _ *tokensource.Config) {
			do(f.Tenant(), "Update-MgServicePrincipal -ServicePrincipalId "+f.app.ServicePrincipalID+" -AccountEnabled:$false")
		}},
		{"unknown tenant", 90002, func(_ *testing.T, _ *fixture, c *tokensource.Config) { c.Tenant = "fabrikam.example.com" }},
		{"blocked tenant", 5000224, func(_ *testing.T, f *fixture, _ *tokensource.Config) { f.Tenant().SetBlocked(true) }},
		{"tenant of the US Government", 900439, func(_ *testing.T, f *fixture, c *tokensource.Config) {
			f.Tenant().SetCloud(exoauth.GCCHigh)
			c.Cloud = exoauth.Global
		}},
		{"tenant in China", 900382, func(_ *testing.T, f *fixture, c *tokensource.Config) {
			f.Tenant().SetCloud(exoauth.China)
			c.Cloud = exoauth.Global
		}},
		{"resource of another cloud", 500011, func(_ *testing.T, f *fixture, c *tokensource.Config) {
			f.Tenant().SetCloud(exoauth.China)
		}},
		{"resource that is none", 500011, func(_ *testing.T, _ *fixture, c *tokensource.Config) {
			c.Scopes = []string{"https://outlook.ofice365.com/.default"}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFixture(t)
			config := f.config(f.Cloud(), f.credentials["secret"])
			row.change(t, f, config)
			checkCause(t, f.Server, config.ClientCredentials(), row.code, f.app.Secret)
		})
	}
}
