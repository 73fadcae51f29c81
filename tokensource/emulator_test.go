package tokensource_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
)

// newCert makes a certificate for an app registration.
var newCert = sync.OnceValues(func() (*x509.Certificate, *rsa.PrivateKey) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Invoices"}, NotBefore: time.Now().AddDate(0, 0, -1), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return cert, key
})

func newCertificate() ([]*x509.Certificate, *rsa.PrivateKey) {
	cert, key := newCert()
	return []*x509.Certificate{cert}, key
}

const subject = "system:serviceaccount:mail:reader"

// fixture is an emulator with an application that has a credential of each
// kind.
type fixture struct {
	*exchangetest.Server
	app         *exchangetest.App
	file        string // with an assertion
	credentials map[string]tokensource.Credential
}

func newFixture(t *testing.T) *fixture {
	srv := exchangetest.NewServer()
	t.Cleanup(srv.Close)
	f := &fixture{Server: srv, app: srv.Tenant().AddApp("Invoices", exchangetest.IMAPAccessAsApp)}
	cert, key := newCert()
	f.app.AddCertificate(cert)
	cluster := srv.AddIssuer("cluster")
	f.app.AddFederatedCredential(cluster.URL, subject, "")
	f.file = filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(f.file, []byte(cluster.Token(subject, "", 0)), 0o600); err != nil {
		t.Fatal(err)
	}
	chain := []*x509.Certificate{cert}
	f.credentials = map[string]tokensource.Credential{
		"secret":      tokensource.Secret(f.app.Secret),
		"certificate": tokensource.Certificate(chain, key, nil),
		"RS256, x5c":  tokensource.Certificate(chain, key, &tokensource.CertificateOptions{RS256: true, SendChain: true}),
		"federated":   tokensource.AssertionFile(f.file),
		"in order":    tokensource.InOrder(tokensource.Secret("not~it"), tokensource.Certificate(chain, key, nil)),
	}
	return f
}

func (f *fixture) config(cloud exoauth.Cloud, c tokensource.Credential) *tokensource.Config {
	return &tokensource.Config{Cloud: cloud, Tenant: f.Tenant().ID, ClientID: f.app.ClientID, Credential: c, HTTPClient: f.HTTPClient()}
}

// audience is the aud of a token, which nobody but the resource should look at.
func audience(t *testing.T, token string) string {
	t.Helper()
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		t.Fatal(err)
	}
	aud, _ := claims.GetAudience()
	return strings.Join(aud, " ")
}

func TestEachCredentialInEachCloud(t *testing.T) {
	f := newFixture(t)
	for n, cloud := range append(exoauth.Clouds(), f.Cloud()) {
		for name, c := range f.credentials {
			token, err := f.config(cloud, c).ClientCredentials().TokenContext(t.Context())
			if err != nil {
				t.Errorf("cloud %d, %s: %v", n, name, err)
				continue
			}
			if aud := audience(t, token.AccessToken); aud != cloud.Resource {
				t.Errorf("cloud %d, %s: a token for %s", n, name, aud)
			}
		}
	}
}

// The old secret is removed while the source is in use.
func TestRotationOnTheEmulator(t *testing.T) {
	f := newFixture(t)
	added := f.app.AddSecret(0)
	source := f.config(f.Cloud(), tokensource.InOrder(tokensource.Secret(f.app.Secret), tokensource.Secret(added))).ClientCredentials()
	f.app.RemoveSecret(f.app.Secret)
	if _, err := source.TokenContext(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(f.Requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

func TestEachHost(t *testing.T) {
	srv := exchangetest.NewServer()
	t.Cleanup(srv.Close)
	system := srv.Tenant().AddManagedIdentity("system", exchangetest.IMAPAccessAsApp)
	user := srv.Tenant().AddManagedIdentity("user", exchangetest.IMAPAccessAsApp)
	byUser := map[string]tokensource.ManagedIdentityOptions{
		"client id": {ClientID: user.ClientID}, "object id": {ObjectID: user.ServicePrincipalID}, "resource id": {ResourceID: user.ResourceID},
	}
	tests := []struct {
		name string
		kind exchangetest.HostKind
		ways []string // to name an identity
	}{
		{"VM", exchangetest.VM, []string{"client id", "object id", "resource id"}},
		{"App Service", exchangetest.AppService, []string{"client id", "object id", "resource id"}},
		{"Azure Arc", exchangetest.Arc, nil},
		{"Cloud Shell", exchangetest.CloudShell, nil},
		{"Machine Learning", exchangetest.AzureML, []string{"client id"}},
		{"Service Fabric", exchangetest.ServiceFabric, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			host := srv.AddHost(test.kind, system, user)
			host.KeyDir = t.TempDir()
			get := func(o tokensource.ManagedIdentityOptions, want *exchangetest.App) {
				t.Helper()
				o.HTTPClient = host.HTTPClient()
				token, err := tokensource.ManagedIdentityOn(host.Env(), host.KeyDir, o).TokenContext(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				requests := srv.Requests()
				if last := requests[len(requests)-1]; last.ClientID != want.ClientID || time.Until(token.Expiry) < 23*time.Hour {
					t.Errorf("a token of %s until %v; want that of %v", last.ClientID, token.Expiry, want)
				}
				if aud := audience(t, token.AccessToken); aud != exoauth.Global.Resource {
					t.Errorf("a token for %s", aud)
				}
			}
			get(tokensource.ManagedIdentityOptions{}, system)
			for _, way := range test.ways {
				get(byUser[way], user)
			}
		})
	}
}

// The next program on this machine asks no host.
func TestManagedIdentityIsStored(t *testing.T) {
	srv := exchangetest.NewServer()
	t.Cleanup(srv.Close)
	system, user := srv.Tenant().AddManagedIdentity("system"), srv.Tenant().AddManagedIdentity("user")
	host := srv.AddHost(exchangetest.VM, system, user)
	dir := filepath.Join(t.TempDir(), "tokens")
	get := func(clientID string) string {
		t.Helper()
		token, err := tokensource.ManagedIdentityOn(host.Env(), "", tokensource.ManagedIdentityOptions{
			ClientID: clientID, HTTPClient: host.HTTPClient(), Cache: tokencache.Dir(dir),
		}).TokenContext(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return token.AccessToken
	}
	one, two := get(""), get(user.ClientID)
	before := len(srv.Requests())
	if get("") != one || get(user.ClientID) != two || one == two {
		t.Error("another token")
	}
	if n := len(srv.Requests()) - before; n != 0 {
		t.Errorf("%d requests", n)
	}
}

// The token of a managed identity is the assertion of an application.
func TestManagedIdentityForAnAssertion(t *testing.T) {
	srv := exchangetest.NewServer()
	t.Cleanup(srv.Close)
	identity := srv.Tenant().AddManagedIdentity("pipeline")
	host := srv.AddHost(exchangetest.AppService, identity)
	source := tokensource.ManagedIdentityOn(host.Env(), "", tokensource.ManagedIdentityOptions{
		Resource: "api://AzureADTokenExchange", HTTPClient: host.HTTPClient(),
	})
	token, err := source.TokenContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if aud := audience(t, token.AccessToken); aud != "api://AzureADTokenExchange" {
		t.Errorf("a token for %s", aud)
	}
}

// A token of a day comes with the advice to renew it after half of one, which
// makes nobody wait.
func TestLongLivedTokenOfTheEmulator(t *testing.T) {
	srv := exchangetest.NewUnstartedServer()
	srv.TokenLifetime = 24 * time.Hour
	srv.Start()
	defer srv.Close()
	app := srv.Tenant().AddApp("Invoices")
	inBubble(t, srv, func(t *testing.T, client *http.Client) {
		config := &tokensource.Config{
			Cloud: srv.Cloud(), Tenant: "contoso.com", ClientID: app.ClientID, Credential: tokensource.Secret(app.Secret), HTTPClient: client,
		}
		source := config.ClientCredentials()
		first, err := source.Token()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range []struct {
			name     string
			wait     time.Duration
			renewed  bool // before the call
			requests int  // after it
		}{
			{"a minute before", 12*time.Hour - time.Minute, false, 1},
			{"at half its life", 2 * time.Minute, false, 2},
			{"afterwards", 0, true, 2},
		} {
			time.Sleep(row.wait)
			token, err := source.Token()
			if err != nil || (token.AccessToken != first.AccessToken) != row.renewed {
				t.Errorf("%s: another token: %t, %v", row.name, !row.renewed, err)
			}
			synctest.Wait()
			if n := srv.Hits("token"); n != row.requests {
				t.Errorf("%s: %d requests", row.name, n)
			}
		}
	})
}

// The assertion of a certificate is signed once more, by the time that Entra ID
// tells. More than once is of no use.
func TestClockThatIsWrong(t *testing.T) {
	for _, row := range []struct {
		name     string
		skew     time.Duration // of Entra ID's clock
		requests int
		refused  bool
	}{
		{"within what is tolerated", 4 * time.Minute, 1, false},
		{"an hour behind Entra ID", time.Hour, 2, false},
		{"an hour before it", -time.Hour, 2, false},
		{"more than a clock is wrong by", 365 * 24 * time.Hour, 1, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newFixture(t)
			f.SetSkew(row.skew)
			_, err := f.config(f.Cloud(), f.credentials["certificate"]).ClientCredentials().TokenContext(t.Context())
			if row.refused {
				checkRefusal(t, err, 700024)
			} else if err != nil {
				t.Error(err)
			}
			if n := len(f.Requests()); n != row.requests {
				t.Errorf("%d requests", n)
			}
		})
	}
}
