package exchangetest

import (
	"encoding/base64"
	"math/big"
	"net/http"
	"strings"
)

// serveMetadata answers with the OpenID Connect discovery document of a
// tenant. As in Entra ID its URLs name the tenant by its id even if it was
// asked for by a domain, and the document without v2.0 in its path gives the
// issuer of version 1.0 tokens, which those for Exchange Online are.
func (s *Server) serveMetadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	t, refusal := s.findTenant(r.PathValue("tenant"))
	if refusal != nil {
		refusal.name = "invalid_tenant"
		s.refuseToken(w, r, refusal, newGUID(), newGUID())
		return
	}
	base := s.Cloud().Authority + "/" + t.ID
	issuer, keys := "https://sts.windows.net/"+t.ID+"/", base+"/discovery/keys"
	if strings.Contains(r.URL.Path, "/v2.0/") {
		issuer, keys = base+"/v2.0", base+"/discovery/v2.0/keys"
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                issuer,
		"jwks_uri":                              keys,
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"device_authorization_endpoint":         base + "/oauth2/v2.0/devicecode",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

// serveKeys answers with the key that tokens are signed with (RFC 7517).
func serveKeys(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	key := signingKey()
	public := key.private.PublicKey
	writeJSON(w, http.StatusOK, map[string]any{"keys": []map[string]any{{
		"kty": "RSA", "use": "sig", "kid": key.id, "x5t": key.id,
		"n":   base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e":   base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
		"x5c": []string{base64.StdEncoding.EncodeToString(key.cert)},
	}}})
}
