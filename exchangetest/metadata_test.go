package exchangetest

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/golang-jwt/jwt/v5"
)

// A stranger verifies a token with nothing but what is published.
func TestTokenShapeAndKeys(t *testing.T) {
	w := newWorld(t)
	anna := w.tenant.AddUser("anna@contoso.com")
	for _, row := range []struct {
		name    string
		options *TokenOptions
		want    map[string]any // nil: must not be there
	}{
		{"app-only", nil, map[string]any{
			"aud": "https://outlook.office365.com", "appid": w.app.ClientID, "appidacr": "1", "idtyp": "app",
			"oid": w.app.ServicePrincipalID, "sub": w.app.ServicePrincipalID, "tid": w.tenant.ID, "ver": "1.0",
			"roles": []any{"IMAP.AccessAsApp", "SMTP.SendAsApp"}, "scp": nil, "upn": nil,
		}},
		{"no roles for another resource", &TokenOptions{Audience: "https://graph.microsoft.com"}, map[string]any{
			"aud": "https://graph.microsoft.com", "roles": nil,
		}},
		{"delegated", &TokenOptions{User: anna}, map[string]any{
			"aud": "https://outlook.office.com", "oid": anna.ObjectID, "upn": "anna@contoso.com", "unique_name": "anna@contoso.com",
			"scp": "IMAP.AccessAsUser.All SMTP.Send", "roles": nil,
		}},
		{"a claim more and one less", &TokenOptions{Claims: map[string]any{"xms_cc": []string{"cp1"}, "uti": nil}}, map[string]any{
			"xms_cc": []any{"cp1"}, "uti": nil,
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			claims := jwt.MapClaims{}
			token, err := jwt.ParseWithClaims(w.app.Token(row.options), claims, func(token *jwt.Token) (any, error) {
				return w.publishedKey(t, token.Header["kid"]), nil
			}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer("https://sts.windows.net/"+w.tenant.ID+"/"))
			if err != nil {
				t.Fatal(err)
			}
			if token.Header["typ"] != "JWT" || token.Header["x5t"] != token.Header["kid"] {
				t.Errorf("header %v", token.Header)
			}
			for name, want := range row.want {
				if got := claims[name]; fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s = %v, want %v", name, got, want)
				}
			}
		})
	}
}

// publishedKey finds a key in the way of OpenID Connect Discovery.
func (w *world) publishedKey(t *testing.T, kid any) *rsa.PublicKey {
	t.Helper()
	get := func(url string, v any) {
		resp, err := w.HTTPClient().Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
			t.Fatal(err)
		}
	}
	var metadata struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	get("https://login.microsoftonline.com/contoso.com/.well-known/openid-configuration", &metadata)
	if metadata.Issuer != "https://sts.windows.net/"+w.tenant.ID+"/" {
		t.Errorf("issuer %q", metadata.Issuer)
	}
	var set struct{ Keys []struct{ Kid, N, E string } }
	get(metadata.JWKSURI, &set)
	for _, key := range set.Keys {
		if key.Kid == kid {
			n, _ := base64.RawURLEncoding.DecodeString(key.N)
			e, _ := base64.RawURLEncoding.DecodeString(key.E)
			return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
		}
	}
	t.Fatalf("no key %v", kid)
	return nil
}

func TestMetadata(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		name, path string
		status     int
		want       string
	}{
		{"version 2.0 by domain", "/contoso.com/v2.0/.well-known/openid-configuration?", 200, `"issuer":"` + w.Cloud().Authority + "/" + w.tenant.ID + `/v2.0"`},
		{"token endpoint", "/contoso.com/v2.0/.well-known/openid-configuration", 200, `"token_endpoint":"` + w.Cloud().Authority + "/" + w.tenant.ID + `/oauth2/v2.0/token"`},
		{"unknown tenant", "/fabrikam.com/v2.0/.well-known/openid-configuration", 400, `"error":"invalid_tenant"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp, err := w.HTTPClient().Get(w.Cloud().Authority + row.path)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != row.status || !strings.Contains(string(body), row.want) {
				t.Errorf("%s: %s\nwant %s", resp.Status, body, row.want)
			}
		})
	}
}

// A lockProbe finds out whether the directory is locked while an answer is
// written, which takes as long as its client likes.
type lockProbe struct {
	*httptest.ResponseRecorder
	dir    *directory.Directory
	locked bool
}

func (p *lockProbe) Write(b []byte) (int, error) {
	free := make(chan bool)
	go func() {
		p.dir.Mailbox("x")
		close(free)
	}()
	select {
	case <-free:
	case <-time.After(20 * time.Second):
		p.locked = true
	}
	return p.ResponseRecorder.Write(b)
}

func TestNoAnswerLocksTheDirectory(t *testing.T) {
	w := newWorld(t)
	user := w.tenant.AddUser("adele@contoso.com")
	routes := w.entra.Handler()
	for _, path := range []string{
		"/common/UserRealm/" + user.UPN, "/common/discovery/instance", "/contoso.com/v2.0/.well-known/openid-configuration",
		"/contoso.com/oauth2/v2.0/token", "/contoso.com/oauth2/v2.0/authorize", "/contoso.com/adminconsent",
	} {
		p := &lockProbe{httptest.NewRecorder(), w.dir, false}
		routes.ServeHTTP(p, httptest.NewRequest("GET", "https://localhost"+path, nil))
		if p.locked || p.Body.Len() == 0 {
			t.Errorf("%s: locked %v, answer %q", path, p.locked, p.Body)
		}
	}
}
