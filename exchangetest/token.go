package exchangetest

import (
	"maps"
	mathrand "math/rand/v2"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/tokenkey"
)

// TokenOptions say how a token from [App.Token] differs from the app-only
// token for Exchange Online that the token endpoint would issue now.
type TokenOptions struct {
	// User makes it a delegated token: one for the application on behalf of
	// a user who signed in. Nil means an app-only token.
	User *User

	// Scopes are the delegated permissions, for example
	// "IMAP.AccessAsUser.All" and "SMTP.Send". Nil means these two; they are
	// ignored without a User.
	Scopes []string

	// Roles are the app roles. Nil means those that the application has,
	// and an empty list none; they are ignored with a User.
	Roles []string

	// Audience is the resource. Empty means Exchange Online's.
	Audience string

	// Lifetime is counted from now. Zero means that of the token endpoint,
	// and a negative one makes a token that has expired.
	Lifetime time.Duration

	// Claims are set last, over all others; one that is nil is left out.
	Claims map[string]any
}

// Token issues an access token without a token request. A nil options pointer
// is equivalent to the zero TokenOptions.
//
// The token is of the shape that Exchange Online gets from Entra ID: a JWT of
// version 1.0, signed with RS256 by a key that the server publishes under
// /{tenant}/discovery/v2.0/keys. Unlike in Entra ID's own, nothing in its
// header keeps others from verifying it.
func (a *App) Token(options *TokenOptions) string {
	if options == nil {
		options = &TokenOptions{}
	}
	if options.User != nil && options.User.tenant != a.tenant {
		panic("exchangetest: Token: the user is of another tenant than the application; register it there with that tenant's AddApp")
	}
	return a.issue(*options)
}

func (a *App) issue(o TokenOptions) string {
	now := a.tenant.srv.entraNow()
	if o.Lifetime == 0 {
		o.Lifetime = a.tenant.srv.tokenLifetime()
	}
	claims := jwt.MapClaims{
		"aud": o.Audience,
		"iss": "https://sts.windows.net/" + a.tenant.ID + "/",
		"iat": now.Unix(), "nbf": now.Unix(),
		"exp":             now.Add(o.Lifetime).Unix(),
		"aio":             guid.Short(),
		"app_displayname": a.Name,
		"appid":           a.ClientID,
		"appidacr":        "1",
		"rh":              "1." + guid.Short() + ".",
		"tid":             a.tenant.ID,
		"uti":             guid.Short(),
		"ver":             "1.0",
	}
	if o.Lifetime < 0 {
		// It was issued two lifetimes ago and was valid for one.
		claims["iat"] = now.Add(2 * o.Lifetime).Unix()
		claims["nbf"] = claims["iat"]
	}
	if o.User != nil {
		a.delegate(claims, o)
	} else {
		a.appOnly(claims, o)
	}
	maps.Copy(claims, o.Claims)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	if o.User != nil && a.tenant == a.tenant.dir.consumers {
		return a.tenant.srv.opaqueToken(claims)
	}
	return tokenkey.Sign(claims)
}

func (a *App) appOnly(claims jwt.MapClaims, o TokenOptions) {
	if o.Audience == "" {
		claims["aud"] = exoauth.Global.Resource
	}
	claims["idp"] = claims["iss"]
	claims["idtyp"] = "app"
	claims["oid"] = a.ServicePrincipalID
	claims["sub"] = a.ServicePrincipalID
	roles := o.Roles
	if roles == nil && clouds.IsExchange(claims["aud"].(string)) {
		a.tenant.dir.mu.Lock()
		roles = a.roles
		a.tenant.dir.mu.Unlock()
	}
	if len(roles) > 0 {
		claims["roles"] = roles
	}
}

func (a *App) delegate(claims jwt.MapClaims, o TokenOptions) {
	if o.Audience == "" {
		claims["aud"] = exoauth.Global.UserResource
	}
	scopes := o.Scopes
	if scopes == nil {
		scopes = []string{"IMAP.AccessAsUser.All", "SMTP.Send"}
	}
	claims["acr"] = "1"
	claims["amr"] = []string{"pwd", "mfa"}
	claims["idtyp"] = "user"
	claims["oid"] = o.User.ObjectID
	claims["scp"] = strings.Join(scopes, " ")
	claims["sub"] = guid.Short()
	claims["upn"] = o.User.UPN
	claims["unique_name"] = o.User.UPN
}

// tokenLifetime returns a lifetime for a new token, in whole seconds.
func (s *Server) tokenLifetime() time.Duration {
	if s.TokenLifetime != 0 {
		return s.TokenLifetime
	}
	return time.Duration(3600+mathrand.IntN(1800)) * time.Second
}
