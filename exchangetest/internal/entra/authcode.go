package entra

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
)

const codeLifetime = 10 * time.Minute

// An authCode is an authorization code.
type authCode struct {
	app       *directory.App // in the tenant of the user
	user      *directory.User
	wishes    []wish
	scope     string
	redirect  string
	platform  directory.Platform
	challenge string
	method    string
	nonce     string
	mfa       bool
	signIn    time.Time
	expires   time.Time
	used      bool // guarded by the mutex of codes
}

// codes are those that were issued.
type codes struct{ *kind[*authCode] }

// use uses a code up. It reports whether it was used before.
func (cs *codes) use(c *authCode) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	used := c.used
	c.used = true
	return used
}

// authorizationCode redeems a code.
func (s *Server) authorizationCode(r *tokenRequest) (*grant, *aadsts.Refusal) {
	for _, name := range []string{"code", "redirect_uri"} {
		if r.PostForm.Get(name) == "" {
			return nil, aadsts.Refuse(aadsts.MissingParameter, "name", name)
		}
	}
	c := s.issued.codes.find(r.PostForm.Get("code"))
	if c == nil || !c.app.Same(r.app) {
		return nil, aadsts.Refuse(aadsts.BadGrant, "parameter", "code")
	}
	if refusal := s.codeCredential(r, c); refusal != nil {
		return nil, refusal
	}
	if refusal := s.useCode(r, c); refusal != nil {
		return nil, refusal
	}
	if refusal := c.user.Check(c.mfa); refusal != nil {
		return nil, refusal
	}
	w, refusal := c.wish(r.PostForm.Get("scope"))
	if refusal != nil {
		return nil, refusal
	}
	g, refusal := permit(c.app, c.user, w)
	if refusal != nil {
		return nil, refusal
	}
	g.nonce, g.signIn = c.nonce, c.signIn
	g.session = signInFacts{mfa: c.mfa, password: true, public: c.platform != directory.Web, scope: strings.Join(slices.Concat(w.oidc, w.full()), " ")}
	if c.platform == directory.SPA {
		g.session.spa = s.Clock.Now()
	}
	return g, nil
}

// wish is what the token shall be for: the first resource of the sign-in, or
// the one that the scope narrows it down to.
func (c *authCode) wish(scope string) (wish, *aadsts.Refusal) {
	w := c.wishes[0]
	if scope == "" {
		return w, nil
	}
	narrower, refusal := parseScope(scope)
	if refusal != nil {
		return w, refusal
	}
	if narrower.resource != "" {
		narrower.oidc = append(slices.Clone(w.oidc), narrower.oidc...)
		w = narrower
	}
	w.oidc = slices.Clone(w.oidc)
	slices.Sort(w.oidc)
	w.oidc = slices.Compact(w.oidc)
	return w, nil
}

// full returns the permissions with their resource.
func (w wish) full() []string {
	var list []string
	for _, p := range w.permissions {
		list = append(list, w.resource+"/"+p)
	}
	return list
}

// codeCredential wants a credential of the kind that the redirect URI is
// registered for.
func (s *Server) codeCredential(r *tokenRequest, c *authCode) *aadsts.Refusal {
	given, refusal := s.credential(r)
	origin := r.Header.Get("Origin") != ""
	switch {
	case refusal != nil:
		return refusal
	case c.platform == directory.SPA && !origin:
		return aadsts.Refuse(aadsts.SPAOnly)
	case c.platform != directory.SPA && origin:
		return aadsts.Refuse(aadsts.NotSPA)
	case c.platform == directory.Web && !given:
		return aadsts.Refuse(aadsts.CredentialRequired)
	case c.platform != directory.Web && given:
		return aadsts.Refuse(aadsts.PublicWithCredential)
	}
	return nil
}

// useCode uses a code up. A code is used up by an attempt that fails, too.
func (s *Server) useCode(r *tokenRequest, c *authCode) *aadsts.Refusal {
	switch used := s.issued.codes.use(c); {
	case used:
		return aadsts.Refuse(aadsts.CodeUsed)
	case !s.Clock.Now().Before(c.expires):
		return aadsts.Refuse(aadsts.CodeExpired)
	case r.tenant != nil && r.tenant != c.user.Tenant():
		return aadsts.Refuse(aadsts.CodeTenant)
	case r.PostForm.Get("redirect_uri") != c.redirect:
		return aadsts.Refuse(aadsts.RedirectMismatch)
	}
	return c.checkVerifier(r.PostForm.Get("code_verifier"))
}

// checkVerifier checks the proof of RFC 7636.
func (c *authCode) checkVerifier(verifier string) *aadsts.Refusal {
	if c.challenge == "" && verifier == "" {
		return nil
	}
	if len(verifier) < 43 || len(verifier) > 128 {
		return aadsts.Refuse(aadsts.VerifierSize)
	}
	if c.method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if verifier != c.challenge {
		return aadsts.Refuse(aadsts.VerifierMismatch)
	}
	return nil
}
