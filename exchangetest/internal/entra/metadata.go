package entra

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/tokenkey"
	"github.com/exoauth/exoauth/exchangetest/internal/web"
)

// serveMetadata answers with the OpenID Connect discovery document of a
// tenant. As in Entra ID its URLs name the tenant by its id even if it was
// asked for by a domain, and the document without v2.0 in its path gives the
// issuer of version 1.0 tokens, which those for Exchange Online are. For
// common and organizations the issuer is a template.
func (s *Server) serveMetadata(w http.ResponseWriter, r *http.Request) {
	a := s.newAnswer(w, r)
	name := strings.ToLower(r.PathValue("tenant"))
	t, refusal := s.Directory.FindTenantOrAlias(name)
	if refusal != nil {
		s.refuseToken(a, refusal.As("invalid_tenant"))
		return
	}
	id := "{tenantid}"
	if t != nil {
		name, id = t.ID, t.ID
	}
	host := "https://" + r.Host
	base := host + "/" + name
	issuer, keys, token := "https://sts.windows.net/"+id+"/", base+"/discovery/keys", base+"/oauth2/token"
	if strings.Contains(r.URL.Path, "/v2.0/") {
		issuer, keys, token = host+"/"+id+"/v2.0", base+"/discovery/v2.0/keys", base+"/oauth2/v2.0/token"
	}
	web.WriteJSON(w, http.StatusOK, map[string]any{
		"issuer":                                issuer,
		"jwks_uri":                              keys,
		"token_endpoint":                        token,
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"device_authorization_endpoint":         base + "/oauth2/v2.0/devicecode",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"response_types_supported":              []string{"code"},
		"scopes_supported":                      oidcScopes,
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

// serveInstance answers which names the authority of each cloud goes by. The
// server's own address is one more: MSAL caches nothing for a name that is not
// there. A name that is none is refused.
func (s *Server) serveInstance(w http.ResponseWriter, r *http.Request) {
	a := s.newAnswer(w, r)
	if u, err := url.Parse(r.FormValue("authorization_endpoint")); err == nil && u.Host != "" && u.Host != r.Host && !clouds.LoginAliases()[strings.ToLower(u.Host)] {
		s.refuseToken(a, aadsts.Refuse(aadsts.UnknownInstance))
		return
	}
	var list []map[string]any
	own := !clouds.LoginAliases()[strings.ToLower(r.Host)]
	for _, names := range clouds.LoginNames() {
		list = append(list, instance(names.Network, names.Cache, names.Aliases))
	}
	if own {
		list = append(list, instance(r.Host, r.Host, []string{r.Host}))
	}
	web.WriteJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": "https://" + r.Host + "/common/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata":                  list,
	})
}

func instance(network, cache string, aliases []string) map[string]any {
	return map[string]any{"preferred_network": network, "preferred_cache": cache, "aliases": aliases}
}

// serveUserRealm answers whether passwords of a user are checked here, which
// MSAL asks before it sends one.
func (s *Server) serveUserRealm(w http.ResponseWriter, r *http.Request) {
	s.newAnswer(w, r)
	name := r.PathValue("user")
	answer := map[string]any{"ver": "1.0", "account_type": "Unknown", "cloud_instance_name": "microsoftonline.com"}
	if u, refusal := s.Directory.FindUser(nil, name); refusal == nil {
		_, domain, _ := strings.Cut(name, "@")
		answer["account_type"] = "Managed"
		answer["domain_name"] = domain
		answer["cloud_audience_urn"] = "urn:federation:MicrosoftOnline"
		if u.State().Federated {
			answer["account_type"] = "Federated"
			answer["federation_protocol"] = "WSTrust"
			answer["federation_metadata_url"] = "https://sts." + domain + "/adfs/services/trust/mex"
		}
	}
	web.WriteJSON(w, http.StatusOK, answer)
}

// serveKeys answers with the key that tokens are signed with (RFC 7517).
func serveKeys(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	web.WriteJSON(w, http.StatusOK, tokenkey.Set())
}
