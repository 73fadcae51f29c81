package exchangetest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/exchangetest/internal/tokenkey"
)

// resigned returns a token with another header, and with what sign makes of it.
func resigned(t *testing.T, token string, method jwt.SigningMethod, key any, kid any) string {
	t.Helper()
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		t.Fatal(err)
	}
	other := jwt.NewWithClaims(method, claims)
	if kid != nil {
		other.Header["kid"] = kid
	}
	text, err := other.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Nobody but this Entra ID makes an assertion for the application, and one of
// either version will do.
func TestOnBehalfOfSignature(t *testing.T) {
	p := newPeople(t)
	api := p.tenant.AddApp("API")
	api.Consent(nil, IMAPAccessAsUser)
	p.public = api
	incoming := func(claims map[string]any) string {
		return p.app.Token(&TokenOptions{User: p.user, Audience: api.ClientID, Claims: claims})
	}
	version2 := func(issuer string) map[string]any {
		return map[string]any{"ver": "2.0", "iss": issuer, "upn": nil, "unique_name": nil, "appid": nil, "azp": p.app.ClientID, "preferred_username": p.user.UPN}
	}
	good := incoming(nil)
	header, _, _ := jwt.NewParser().ParseUnverified(good, jwt.MapClaims{})
	kid, parts := header.Header["kid"], strings.Split(good, ".")
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(tokenkey.Public())
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := p.AddTenant("fabrikam.com")
	for _, row := range []struct {
		name, assertion string
		want            string // AADSTS, and what the text says
	}{
		{"version 1.0", good, ""},
		{"version 2.0, as the server is named", incoming(version2(p.Cloud().Authority + "/" + p.tenant.ID + "/v2.0")), ""},
		{"version 2.0, as Entra ID is named", incoming(version2("https://login.microsoftonline.com/" + p.tenant.ID + "/v2.0")), ""},
		{"signed by a stranger", resigned(t, good, jwt.SigningMethodRS256, stranger, kid), "AADSTS50013: Assertion failed signature validation. [Reason - Key was found, but use of the key to verify the signature failed.]"},
		{"unknown key", resigned(t, good, jwt.SigningMethodRS256, stranger, "x"), "AADSTS50013: Assertion failed signature validation. [Reason - The key was not found.]"},
		{"no key named", resigned(t, good, jwt.SigningMethodRS256, stranger, nil), "AADSTS50013: Assertion failed signature validation. [Reason - The key was not found.]"},
		{"not signed", resigned(t, good, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid), "AADSTS50013: "},
		{"signed with what is public", resigned(t, good, jwt.SigningMethodHS256, public, kid), "AADSTS50013: "},
		{"with the claims of another", parts[0] + "." + strings.Split(p.app.Token(nil), ".")[1] + "." + parts[2], "AADSTS50013: Assertion failed signature validation. [Reason - Key was found, but use of the key to verify the signature failed.]"},
		{"for another application", p.app.Token(&TokenOptions{User: p.user}), "AADSTS500131: Assertion audience does not match the Client app presenting the assertion. The audience in the assertion was 'https://outlook.office.com' and the expected audience is 'api://" + api.ClientID + "'"},
		{"expired", p.app.Token(&TokenOptions{User: p.user, Audience: api.ClientID, Lifetime: -time.Second}), "AADSTS500133: Assertion is not within its valid time range."},
		{"issuer of another tenant", incoming(map[string]any{"iss": "https://sts.windows.net/" + elsewhere.ID + "/"}), "AADSTS50013: "},
		{"issuer elsewhere", incoming(version2("https://login.example.com/" + p.tenant.ID + "/v2.0")), "AADSTS50013: "},
		{"no issuer", incoming(map[string]any{"iss": nil}), "AADSTS50013: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			answer, problem := p.redeem(t, "contoso.com",
				"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "requested_token_use", "on_behalf_of", "client_secret", api.Secret,
				"assertion", row.assertion, "scope", "https://outlook.office.com/IMAP.AccessAsUser.All",
			)
			if (problem == "") != (row.want == "") || !strings.HasPrefix(answer.Description, row.want) || row.want != "" && !strings.HasPrefix(problem, "invalid_grant") {
				t.Errorf("%q, %q; want %q", problem, answer.Description, row.want)
			}
		})
	}
}
