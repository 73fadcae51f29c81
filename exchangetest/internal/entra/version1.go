package entra

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
)

// isVersion1 reports whether a request is to the token endpoint of version 1.0,
// which takes a resource in place of scopes.
// (https://learn.microsoft.com/previous-versions/azure/active-directory/azuread-dev/v1-oauth2-client-creds-grant-flow)
func isVersion1(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/oauth2/token") }

// fromVersion1 puts a request in the words of version 2.0. A code and a refresh
// token need no resource: they have one. In version 1.0 everybody gets a refresh
// token who has signed in.
func fromVersion1(r *http.Request) *aadsts.Refusal {
	resource, grant := r.PostForm.Get("resource"), r.PostForm.Get("grant_type")
	r.PostForm.Del("resource")
	var scopes []string
	switch {
	case resource != "":
		scopes = append(scopes, resource+"/.default")
	case grant != "authorization_code" && grant != "refresh_token":
		return aadsts.Refuse(aadsts.MissingParameter, "name", "resource")
	}
	if grant == "password" {
		scopes = append(scopes, "offline_access")
		if strings.Contains(r.PostForm.Get("scope"), "openid") {
			scopes = append(scopes, "openid")
		}
	}
	r.PostForm.Set("scope", strings.Join(scopes, " "))
	return nil
}

// asVersion1 puts an answer in the words of version 1.0, whose numbers are
// strings.
func (s *Server) asVersion1(answer map[string]any, g *grant) {
	now, seconds := s.Mint.Now().Unix(), int64(g.lifetime.Seconds())
	text := func(n int64) string { return strconv.FormatInt(n, 10) }
	answer["expires_in"], answer["ext_expires_in"] = text(seconds), text(seconds)
	answer["not_before"], answer["expires_on"] = text(now), text(now+seconds)
	answer["resource"] = g.resource
	delete(answer, "refresh_in")
	if g.user != nil {
		answer["scope"] = strings.Join(g.scopes, " ")
	}
}
