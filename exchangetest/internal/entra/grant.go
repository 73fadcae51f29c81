package entra

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/token"
	"github.com/exoauth/exoauth/exchangetest/internal/tokenkey"
)

// A grant is what a token request is answered with.
type grant struct {
	app      *directory.App
	user     *directory.User // nil for an app-only token
	resource string
	scopes   []string // delegated permissions, without the resource
	oidc     []string // of openid, profile, email and offline_access what was asked for
	nonce    string
	lifetime time.Duration
	session  signInFacts // what a refresh token carries on
	signIn   time.Time   // zero means now
}

// signInFacts is what is known of a sign-in.
type signInFacts struct {
	mfa      bool
	password bool // it was a password, whose change ends the session
	public   bool // the client has no credential
	spa      time.Time
	scope    string // as asked for at sign-in
	line     *line  // of the refresh tokens that came of it; nil before the first
}

// grants are the flows, by grant_type. The short name of the device code flow
// is what MSAL sends.
func (s *Server) grants() map[string]func(*tokenRequest) (*grant, *aadsts.Refusal) {
	return map[string]func(*tokenRequest) (*grant, *aadsts.Refusal){
		"client_credentials": s.clientCredentials,
		"authorization_code": s.authorizationCode,
		"refresh_token":      s.refreshToken,
		"password":           s.password,
		"device_code":        s.deviceToken,
		"urn:ietf:params:oauth:grant-type:device_code": s.deviceToken,
		"urn:ietf:params:oauth:grant-type:jwt-bearer":  s.onBehalfOf,
	}
}

// A tokenRequest is a request to the token endpoint.
type tokenRequest struct {
	*http.Request
	tenant *directory.Tenant // nil for common and organizations
	app    *directory.App
}

// grant checks a request in the order in which it is made: to a tenant, with a
// grant, by an application.
func (s *Server) grant(r *http.Request) (*grant, *aadsts.Refusal) {
	if r.Method != http.MethodPost {
		return nil, aadsts.Refuse(aadsts.NotPOST)
	}
	name := r.PostForm.Get("grant_type")
	if name == "" {
		return nil, aadsts.Refuse(aadsts.MissingParameter, "name", "grant_type")
	}
	flow := s.grants()[name]
	if flow == nil {
		return nil, aadsts.Refuse(aadsts.UnsupportedGrant)
	}
	if isVersion1(r) {
		if refusal := fromVersion1(r); refusal != nil {
			return nil, refusal
		}
	} else if r.PostForm.Get("resource") != "" {
		return nil, aadsts.Refuse(aadsts.ResourceParameter)
	}
	req := &tokenRequest{Request: r}
	if refusal := s.findRequestTenant(req, name); refusal != nil {
		return nil, refusal
	}
	id, _ := clientSecret(r)
	if id == "" {
		return nil, aadsts.Refuse(aadsts.MissingParameter, "name", "client_id")
	}
	var refusal *aadsts.Refusal
	if req.app, refusal = s.Directory.FindApp(req.tenant, id); refusal != nil {
		return nil, s.withoutPrincipal(req, id, name, refusal)
	}
	if req.app.State().Disabled {
		return nil, aadsts.Refuse(aadsts.DisabledApp)
	}
	if refusal = s.checkLoop(req); refusal != nil {
		return nil, refusal
	}
	g, refusal := flow(req)
	if refusal != nil {
		return nil, refusal
	}
	g.lifetime = s.Mint.NewLifetime()
	return g, nil
}

// withoutPrincipal says of an application that is registered in another tenant,
// and was not consented to in this one, what it lacks.
// (https://learn.microsoft.com/entra/identity-platform/retire-service-principal-less-authentication)
func (s *Server) withoutPrincipal(r *tokenRequest, id, grant string, refusal *aadsts.Refusal) *aadsts.Refusal {
	elsewhere := s.Directory.Registered(id)
	if grant != "client_credentials" || refusal.Code != aadsts.UnknownApp || elsewhere == nil || elsewhere.State().SingleTenant {
		return refusal
	}
	return aadsts.Refuse(aadsts.NoPrincipal, "tenant", r.tenant.ID)
}

func (s *Server) findRequestTenant(req *tokenRequest, grant string) (refusal *aadsts.Refusal) {
	name := strings.ToLower(req.PathValue("tenant"))
	switch grant {
	case "client_credentials":
		if directory.IsAlias(name) {
			return aadsts.Refuse(aadsts.NoTenant)
		}
	case "password", "urn:ietf:params:oauth:grant-type:jwt-bearer":
		if name == "common" || name == "consumers" || name == "organizations" && grant != "password" {
			return aadsts.Refuse(aadsts.GrantNotThere)
		}
	}
	req.tenant, refusal = s.askedTenant(req.Request)
	return refusal
}

// longLived is how long a token must live for the client to be told to renew it
// long before its end. Entra ID's limit is not known; this is that of MSAL for
// managed identities.
const longLived = 2 * time.Hour

// response returns the answer in JSON (RFC 6749 §5.1), with what
// Microsoft adds to it.
func (s *Server) response(g *grant, r *http.Request) map[string]any {
	seconds := int(g.lifetime / time.Second)
	answer := map[string]any{
		"token_type":     "Bearer",
		"expires_in":     seconds,
		"ext_expires_in": seconds,
		"access_token":   s.accessToken(g),
	}
	if g.lifetime > longLived {
		answer["refresh_in"] = seconds / 2
	}
	if g.user == nil {
		return answer
	}
	answer["scope"] = g.grantedScope()
	if slices.Contains(g.oidc, "openid") {
		answer["id_token"] = s.idToken(g, "https://"+r.Host)
	}
	if slices.Contains(g.oidc, "offline_access") {
		answer["refresh_token"] = s.issueRefreshToken(g)
	}
	if r.PostForm.Get("client_info") == "1" {
		answer["client_info"] = clientInfo(g.user)
	}
	return answer
}

func (s *Server) accessToken(g *grant) string {
	o := token.Options{User: g.user, Scopes: g.scopes, Audience: g.resource, Lifetime: g.lifetime}
	if g.user != nil && !g.session.mfa {
		o.Claims = map[string]any{"amr": []string{"pwd"}}
	}
	return s.Mint.Issue(g.app, o)
}

// grantedScope lists what was granted, as Entra ID does with the resource.
func (g *grant) grantedScope() string {
	var list []string
	for _, p := range g.scopes {
		list = append(list, strings.TrimSuffix(g.resource, "/")+"/"+p)
	}
	for _, p := range g.oidc {
		if p != "offline_access" {
			list = append(list, p)
		}
	}
	return strings.Join(list, " ")
}

func clientInfo(u *directory.User) string {
	info, err := json.Marshal(map[string]string{"uid": u.ObjectID, "utid": u.Tenant().ID})
	must(err)
	return base64.RawURLEncoding.EncodeToString(info)
}

// idToken is of version 2.0, unlike the access token.
func (s *Server) idToken(g *grant, authority string) string {
	now := s.Clock.Now()
	claims := jwt.MapClaims{
		"aud": g.app.ClientID, "iss": authority + "/" + g.user.Tenant().ID + "/v2.0",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"name": g.user.UPN, "preferred_username": g.user.UPN, "email": g.user.UPN,
		"oid": g.user.ObjectID, "sub": guid.Of(g.app.ClientID + g.user.ObjectID),
		"tid": g.user.Tenant().ID, "uti": guid.Short(), "ver": "2.0",
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	return tokenkey.Sign(claims)
}

// clientCredentials is the flow without a user.
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow)
func (s *Server) clientCredentials(r *tokenRequest) (*grant, *aadsts.Refusal) {
	resource, refusal := appResource(r.PostForm.Get("scope"))
	if refusal != nil {
		return nil, refusal
	}
	given, refusal := s.credential(r)
	switch {
	case refusal != nil:
		return nil, refusal
	case !given:
		return nil, aadsts.Refuse(aadsts.NoCredential)
	}
	if refusal = checkResource(r.tenant, resource); refusal != nil {
		return nil, refusal
	}
	return &grant{app: r.app, resource: resource}, nil
}
