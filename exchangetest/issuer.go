package exchangetest

import (
	"cmp"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/exchangetest/internal/tokenkey"
)

// An Issuer is another identity provider, such as a Kubernetes cluster or
// GitHub Actions. Its tokens can be the credential of an application; see
// [App.AddFederatedCredential].
type Issuer struct {
	// URL is the claim iss of its tokens.
	URL string

	srv *Server
}

// AddIssuer adds an identity provider. Its URL is /federation/issuers/{name} on
// the server, which serves its discovery document.
func (s *Server) AddIssuer(name string) *Issuer {
	if name == "" || strings.ContainsAny(name, "/ ?#%") {
		panic("exchangetest: AddIssuer: the name " + name + " is not one segment of a path")
	}
	i := &Issuer{s.entra.IssuerURL(name), s}
	s.dir.AddIssuer(i.URL)
	return i
}

// Token issues a token with that subject. An empty audience means
// api://AzureADTokenExchange. A zero lifetime means an hour; with a negative
// one, the token has expired already.
func (i *Issuer) Token(subject, audience string, lifetime time.Duration) string {
	lifetime = cmp.Or(lifetime, time.Hour)
	now := i.srv.Now()
	return tokenkey.Sign(jwt.MapClaims{
		"iss": i.URL, "sub": subject, "aud": cmp.Or(audience, resource.FederatedAudience), "jti": guid.New(),
		"iat": now.Unix(), "nbf": now.Add(min(0, 2*lifetime)).Unix(), "exp": now.Add(lifetime).Unix(),
	})
}
