package entra

import (
	"crypto/rsa"
	"crypto/x509"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/assertion"
	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// checkAssertion checks a client assertion: signed with a certificate of the
// application, or by an issuer that vouches for it. That it was used before is
// no reason to refuse it; Microsoft's own clients use one until it expires.
// (https://learn.microsoft.com/entra/identity-platform/certificate-credentials)
func (s *Server) checkAssertion(a *directory.App, text, host string) *aadsts.Refusal {
	j, ok := assertion.Parse(text)
	if !ok {
		return aadsts.Refuse(aadsts.MalformedAssertion)
	}
	now := s.Mint.Now()
	if j.Claims.Issuer != a.ClientID && !strings.EqualFold(j.Claims.Issuer, a.ClientID) {
		return s.checkFederated(a, j, now)
	}
	if !strings.EqualFold(j.Claims.Subject, j.Claims.Issuer) {
		return aadsts.Refuse(aadsts.AssertionSubject)
	}
	cert, refusal := signedWith(a, j)
	if refusal != nil {
		return refusal
	}
	if !slices.ContainsFunc(j.Claims.Audience, func(aud string) bool { return s.isTokenEndpoint(a, aud, host) }) {
		return aadsts.Refuse(aadsts.AssertionAudience).As("invalid_client").Because("Client assertion audience claim does not match Realm issuer.")
	}
	if refusal := checkTime(j, now); refusal != nil {
		return refusal
	}
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return aadsts.Refuse(aadsts.CertificateTime)
	}
	return nil
}

// signedWith returns the certificate of the application that an assertion was
// signed with.
func signedWith(a *directory.App, j *assertion.Assertion) (*x509.Certificate, *aadsts.Refusal) {
	for _, c := range a.Certificates() {
		if !j.Header.Names(c.Raw) {
			continue
		}
		if !j.Verify(c.PublicKey.(*rsa.PublicKey)) {
			return nil, aadsts.Refuse(aadsts.AssertionKey).Because("Client assertion contains an invalid signature. [Reason - The key was found, but the signature cannot be verified with it.]")
		}
		return c, nil
	}
	return nil, aadsts.Refuse(aadsts.AssertionKey)
}

func checkTime(j *assertion.Assertion, now time.Time) *aadsts.Refusal {
	from, to := time.Unix(int64(j.Claims.NotBefore), 0), time.Unix(int64(j.Claims.Expires), 0)
	const skew = 5 * time.Minute
	if now.Before(from.Add(-skew)) || !now.Before(to.Add(skew)) {
		return aadsts.Refuse(aadsts.AssertionTime, "now", aadsts.Time(now), "from", aadsts.Time(from), "to", aadsts.Time(to))
	}
	return nil
}

// isTokenEndpoint reports whether an assertion for aud is one for this Entra
// ID and the application's tenant.
func (s *Server) isTokenEndpoint(a *directory.App, aud, host string) bool {
	u, err := url.Parse(aud)
	if err != nil || u.Scheme != "https" {
		return false
	}
	own := strings.EqualFold(u.Host, host) || u.Host == s.Address
	if !own && !clouds.LoginAliases()[strings.ToLower(u.Hostname())] {
		return false
	}
	tenant, rest, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if rest != "" && rest != "oauth2/v2.0/token" && rest != "oauth2/token" && rest != "v2.0" {
		return false
	}
	if directory.IsAlias(tenant) {
		return true
	}
	t, refusal := s.Directory.FindTenant(tenant)
	return refusal == nil && t == a.Tenant()
}
