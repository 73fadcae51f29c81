// Package token makes the access tokens that Exchange Online gets from Entra ID,
// and reads them.
package token

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest/internal/clock"
	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/exchangetest/internal/tokenkey"
)

// Options say how a token differs from the usual app-only one.
type Options struct {
	User     *directory.User // nil for an app-only token
	Scopes   []string
	Roles    []string // nil means those of the application
	Audience string
	Lifetime time.Duration
	Claims   map[string]any // set last; one that is nil is left out
}

// A Mint makes tokens. It may be used by several goroutines at once, and must be
// made by [New].
type Mint struct {
	Clock    *clock.Clock
	Lifetime time.Duration // zero means a random one, as in Entra ID
	Skew     atomic.Int64  // of Entra ID's clock, in nanoseconds

	mu     sync.Mutex
	opaque map[string]string // the JWTs that opaque tokens stand for
}

// New returns a mint.
func New(clock *clock.Clock) *Mint { return &Mint{Clock: clock, opaque: make(map[string]string)} }

// Now returns the time on the clock of Entra ID.
func (m *Mint) Now() time.Time { return m.Clock.Now().Add(time.Duration(m.Skew.Load())) }

// NewLifetime returns a lifetime for a new token, in whole seconds.
func (m *Mint) NewLifetime() time.Duration {
	return cmp.Or(m.Lifetime, time.Duration(3600+mathrand.IntN(1800))*time.Second)
}

// Issue makes a token for the application.
func (m *Mint) Issue(a *directory.App, o Options) string {
	now, t := m.Now(), a.Tenant()
	o.Lifetime = cmp.Or(o.Lifetime, m.NewLifetime())
	claims := jwt.MapClaims{
		"aud": o.Audience,
		"iss": "https://sts.windows.net/" + t.ID + "/",
		"iat": now.Unix(), "nbf": now.Unix(),
		"exp":             now.Add(o.Lifetime).Unix(),
		"aio":             guid.Short(),
		"app_displayname": a.Name,
		"appid":           a.ClientID,
		"appidacr":        "1",
		"rh":              "1." + guid.Short() + ".",
		"tid":             t.ID,
		"uti":             guid.Short(),
		"ver":             "1.0",
	}
	if o.Lifetime < 0 {
		// It was issued two lifetimes ago and was valid for one.
		claims["iat"] = now.Add(2 * o.Lifetime).Unix()
		claims["nbf"] = claims["iat"]
	}
	if o.User != nil {
		delegate(claims, o)
	} else {
		appOnly(claims, a, o)
	}
	maps.Copy(claims, o.Claims)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	if o.User != nil && t == t.Directory().Consumers {
		return m.hide(claims)
	}
	return tokenkey.Sign(claims)
}

func appOnly(claims jwt.MapClaims, a *directory.App, o Options) {
	audience := cmp.Or(o.Audience, exoauth.Global.Resource)
	claims["aud"] = audience
	claims["idp"] = claims["iss"]
	claims["idtyp"] = "app"
	claims["oid"] = a.ServicePrincipalID
	claims["sub"] = a.ServicePrincipalID
	roles := o.Roles
	if roles == nil && clouds.IsExchange(audience) {
		roles = a.Roles()
	}
	if len(roles) > 0 {
		claims["roles"] = roles
	}
}

func delegate(claims jwt.MapClaims, o Options) {
	claims["aud"] = cmp.Or(o.Audience, exoauth.Global.UserResource)
	scopes := o.Scopes
	if scopes == nil {
		scopes = []string{resource.IMAP.Scope, resource.SMTP.Scope}
	}
	claims["acr"] = "1"
	claims["amr"] = []string{"pwd", "mfa"}
	claims["idtyp"] = "user"
	claims["oid"] = o.User.ObjectID
	claims["scp"] = strings.Join(slices.Clone(scopes), " ")
	claims["sub"] = guid.Short()
	claims["upn"] = o.User.UPN
	claims["unique_name"] = o.User.UPN
}

// hide makes the opaque token of a personal account. The server alone knows what
// it says.
func (m *Mint) hide(claims jwt.MapClaims) string {
	var b [330]byte
	rand.Read(b[:])
	text := "EwB4" + base64.StdEncoding.EncodeToString(b[:])
	m.mu.Lock()
	defer m.mu.Unlock()
	m.opaque[text] = tokenkey.Sign(claims)
	return text
}

func (m *Mint) readable(text string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return cmp.Or(m.opaque[text], text)
}

// ClaimsOf returns what a token says, without a check.
func (m *Mint) ClaimsOf(text string) map[string]any {
	claims := make(jwt.MapClaims)
	if _, _, err := jwt.NewParser().ParseUnverified(m.readable(text), claims); err != nil {
		return nil
	}
	return claims
}

// Claims are those of an access token that others read.
type Claims struct {
	jwt.RegisteredClaims
	AppID string   `json:"appid"`
	OID   string   `json:"oid"`
	TID   string   `json:"tid"`
	UPN   string   `json:"upn"`
	Name  string   `json:"preferred_username"` // the same in version 2.0
	Scope string   `json:"scp"`
	Roles []string `json:"roles"`
	AMR   []string `json:"amr"` // how the user signed in
}

// Parse reads a token into claims, as [tokenkey.Parse] does.
func (m *Mint) Parse(text string, c *Claims) error {
	return tokenkey.Parse(m.readable(text), c, m.Clock.Now)
}
