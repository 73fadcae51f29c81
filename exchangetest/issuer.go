package exchangetest

import (
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/assertion"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/exchangetest/internal/tokenkey"
)

// An Issuer is an identity provider elsewhere, such as a Kubernetes cluster or
// GitHub Actions, of which tokens can stand for an application.
type Issuer struct {
	// URL is what the tokens have for iss.
	URL string

	srv *Server
}

// AddIssuer adds an identity provider. Its discovery document is served at
// /federation/issuers/{name} of the server, where Issuer.URL leads.
func (s *Server) AddIssuer(name string) *Issuer {
	if name == "" || strings.ContainsAny(name, "/ ?#%") {
		panic("exchangetest: AddIssuer: the name " + name + " is not one segment of a path")
	}
	i := &Issuer{"https://" + s.web.ln.Addr().String() + "/federation/issuers/" + name, s}
	s.dir.mu.Lock()
	defer s.dir.mu.Unlock()
	s.dir.issuers[i.URL] = i
	return i
}

// Token issues a token about the subject. An empty audience means
// api://AzureADTokenExchange, and a lifetime of zero an hour; a negative one
// makes a token that has expired.
func (i *Issuer) Token(subject, audience string, lifetime time.Duration) string {
	if audience == "" {
		audience = resource.FederatedAudience
	}
	if lifetime == 0 {
		lifetime = time.Hour
	}
	now := i.srv.Now()
	return tokenkey.Sign(jwt.MapClaims{
		"iss": i.URL, "sub": subject, "aud": audience, "jti": guid.New(),
		"iat": now.Unix(), "nbf": now.Add(min(0, 2*lifetime)).Unix(), "exp": now.Add(lifetime).Unix(),
	})
}

func (s *Server) serveIssuer(w http.ResponseWriter, r *http.Request) {
	url := "https://" + s.web.ln.Addr().String() + "/federation/issuers/" + r.PathValue("issuer")
	s.dir.mu.Lock()
	known := s.dir.issuers[url] != nil
	s.dir.mu.Unlock()
	if !known {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": url, "jwks_uri": s.Cloud().Authority + "/common/discovery/v2.0/keys",
		"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

// checkFederated checks an assertion that another issuer made.
// (https://learn.microsoft.com/entra/workload-id/workload-identity-federation)
func (a *App) checkFederated(j *assertion.Assertion, now time.Time) *aadsts.Refusal {
	a.tenant.dir.mu.Lock()
	list := append([]FederatedCredential(nil), a.reg.federated...)
	known := a.tenant.dir.issuers[j.Claims.Issuer] != nil
	a.tenant.dir.mu.Unlock()
	var issuer, subject, folded bool
	for _, c := range list {
		if c.Issuer != j.Claims.Issuer {
			continue
		}
		issuer = true
		folded = folded || strings.EqualFold(c.Subject, j.Claims.Subject)
		if c.Subject != j.Claims.Subject {
			continue
		}
		subject = true
		if len(j.Claims.Audience) == 1 && c.Audience == j.Claims.Audience[0] {
			return checkIssuer(j, known, now)
		}
	}
	switch {
	case !issuer:
		return aadsts.Refuse(aadsts.FederatedIssuer, "issuer", j.Claims.Issuer)
	case subject:
		return aadsts.Refuse(aadsts.FederatedAudience, "audience", strings.Join(j.Claims.Audience, " "))
	case folded:
		return aadsts.Refuse(aadsts.FederatedCase, "subject", j.Claims.Subject)
	}
	return aadsts.Refuse(aadsts.FederatedSubject, "subject", j.Claims.Subject)
}

func checkIssuer(j *assertion.Assertion, known bool, now time.Time) *aadsts.Refusal {
	if !known || j.Header.Alg != "RS256" || !j.Verify(tokenkey.Public()) {
		return aadsts.Refuse(aadsts.UserAssertion).As("invalid_client")
	}
	return checkTime(j, now)
}
