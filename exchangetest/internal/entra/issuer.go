package entra

import (
	"net/http"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/assertion"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/tokenkey"
	"github.com/exoauth/exoauth/exchangetest/internal/web"
)

// IssuerURL is where an identity provider of the name is served.
func (s *Server) IssuerURL(name string) string {
	return "https://" + s.Address + "/federation/issuers/" + name
}

func (s *Server) serveIssuer(w http.ResponseWriter, r *http.Request) {
	url := s.IssuerURL(r.PathValue("issuer"))
	if !s.Directory.HasIssuer(url) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	web.WriteJSON(w, http.StatusOK, map[string]any{
		"issuer": url, "jwks_uri": "https://" + s.Address + "/common/discovery/v2.0/keys",
		"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

// checkFederated checks an assertion that another issuer made.
// (https://learn.microsoft.com/entra/workload-id/workload-identity-federation)
func (s *Server) checkFederated(a *directory.App, j *assertion.Assertion, now time.Time) *aadsts.Refusal {
	known := s.Directory.HasIssuer(j.Claims.Issuer)
	var issuer, subject, folded bool
	for _, c := range a.Federated() {
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
