package exchangetest

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertionClaims take what real clients send: MSAL.NET writes times as
// strings.
type assertionClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	NotBefore number   `json:"nbf"`
	Expires   number   `json:"exp"`
}

// An assertionHeader names the key in one of several ways, in whichever
// base64.
type assertionHeader struct {
	Alg     string `json:"alg"`
	KeyID   string `json:"kid"`
	X5T     string `json:"x5t"`
	X5TS256 string `json:"x5t#S256"`
}

type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

type number int64

func (n *number) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	*n = number(f)
	return err
}

// An assertion is a JWT in three parts.
type assertion struct {
	header    assertionHeader
	claims    assertionClaims
	signed    string
	signature []byte
}

func parseAssertion(text string) (*assertion, bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, false
	}
	a := &assertion{signed: parts[0] + "." + parts[1]}
	for i, into := range []any{&a.header, &a.claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(b, into) != nil {
			return nil, false
		}
	}
	var err error
	a.signature, err = base64.RawURLEncoding.DecodeString(parts[2])
	return a, err == nil
}

func (a *assertion) verify(key *rsa.PublicKey) bool {
	switch a.header.Alg {
	case "RS256":
		return jwt.SigningMethodRS256.Verify(a.signed, a.signature, key) == nil
	case "PS256":
		return jwt.SigningMethodPS256.Verify(a.signed, a.signature, key) == nil
	}
	return false
}

// names reports whether the header's thumbprint is that of the certificate.
func (h assertionHeader) names(der []byte) bool {
	one, two := sha1.Sum(der), sha256.Sum256(der)
	return sameBase64(h.X5T, one[:]) || sameBase64(h.X5TS256, two[:])
}

// sameBase64 compares with either alphabet, padded or not. MSAL Go writes
// x5t#S256 in the standard one, with padding.
func sameBase64(text string, want []byte) bool {
	text = strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(text), "=")
	return text != "" && text == base64.RawURLEncoding.EncodeToString(want)
}

// checkAssertion checks a client assertion: signed with a certificate of the
// application, or by an issuer that vouches for it. That it was used before is
// no reason to refuse it; Microsoft's own clients use one until it expires.
// (https://learn.microsoft.com/entra/identity-platform/certificate-credentials)
func (a *App) checkAssertion(text, host string) *entraError {
	j, ok := parseAssertion(text)
	if !ok {
		return refuse(aadsts.MalformedAssertion)
	}
	now := a.tenant.srv.entraNow()
	if j.claims.Issuer != a.ClientID && !strings.EqualFold(j.claims.Issuer, a.ClientID) {
		return a.checkFederated(j, now)
	}
	if !strings.EqualFold(j.claims.Subject, j.claims.Issuer) {
		return refuse(aadsts.AssertionSubject)
	}
	if refusal := a.checkSignature(j); refusal != nil {
		return refusal
	}
	if !slices.ContainsFunc(j.claims.Audience, func(aud string) bool { return a.isTokenEndpoint(aud, host) }) {
		return refuse(aadsts.AssertionAudience).as("invalid_client").because("Client assertion audience claim does not match Realm issuer.")
	}
	return j.checkTime(now)
}

func (a *App) checkSignature(j *assertion) *entraError {
	a.tenant.srv.mu.Lock()
	certs := slices.Clone(a.reg.certs)
	a.tenant.srv.mu.Unlock()
	for _, c := range certs {
		if !j.header.names(c.cert.Raw) {
			continue
		}
		if !j.verify(c.cert.PublicKey.(*rsa.PublicKey)) {
			return refuse(aadsts.AssertionKey).because("Client assertion contains an invalid signature. [Reason - The key was found, but the signature cannot be verified with it.]")
		}
		return nil
	}
	return refuse(aadsts.AssertionKey)
}

func (j *assertion) checkTime(now time.Time) *entraError {
	from, to := time.Unix(int64(j.claims.NotBefore), 0), time.Unix(int64(j.claims.Expires), 0)
	const skew = 5 * time.Minute
	if now.Before(from.Add(-skew)) || !now.Before(to.Add(skew)) {
		return refuse(aadsts.AssertionTime, "now", iso7(now), "from", iso7(from), "to", iso7(to))
	}
	return nil
}

// isTokenEndpoint reports whether an assertion for aud is one for this Entra
// ID and the application's tenant.
func (a *App) isTokenEndpoint(aud, host string) bool {
	u, err := url.Parse(aud)
	if err != nil || u.Scheme != "https" {
		return false
	}
	own := strings.EqualFold(u.Host, host) || u.Host == a.tenant.srv.httpLn.Addr().String()
	if !own && !loginAliases()[strings.ToLower(u.Hostname())] {
		return false
	}
	tenant, rest, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if rest != "" && rest != "oauth2/v2.0/token" && rest != "oauth2/token" && rest != "v2.0" {
		return false
	}
	if aliases[strings.ToLower(tenant)] {
		return true
	}
	t, refusal := a.tenant.srv.findTenant(tenant)
	return refusal == nil && t == a.tenant
}
