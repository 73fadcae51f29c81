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

// An Issuer is an identity provider elsewhere, such as a Kubernetes cluster or
// GitHub Actions. Its tokens can stand for an application.
type Issuer struct {
	// URL is what the tokens have for iss.
	URL string

	srv *Server
}

// AddIssuer adds an identity provider. Its discovery document is served at
// /federation/issuers/{name} of the server, to which Issuer.URL leads.
func (s *Server) AddIssuer(name string) *Issuer {
	if name == "" || strings.ContainsAny(name, "/ ?#%") {
		panic("exchangetest: AddIssuer: the name " + name + " is not one segment of a path")
	}
	i := &Issuer{s.entra.IssuerURL(name), s}
	s.dir.AddIssuer(i.URL)
	return i
}

// Token issues a token about the subject. An empty audience means
// api://AzureADTokenExchange, and a lifetime of zero an hour; a negative one
// makes a token that has expired.
func (i *Issuer) Token(subject, audience string, lifetime time.Duration) string {
	lifetime = cmp.Or(lifetime, time.Hour)
	now := i.srv.Now()
	return tokenkey.Sign(jwt.MapClaims{
		"iss": i.URL, "sub": subject, "aud": cmp.Or(audience, resource.FederatedAudience), "jti": guid.New(),
		"iat": now.Unix(), "nbf": now.Add(min(0, 2*lifetime)).Unix(), "exp": now.Add(lifetime).Unix(),
	})
}
