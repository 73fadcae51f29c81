package entra

import (
	"crypto/rand"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
)

const (
	refreshInactivity = 90 * 24 * time.Hour
	refreshSPA        = 24 * time.Hour
)

// A refreshToken stands for a sign-in. Each use makes a new one, and the old
// one goes on to be valid, unless Config.RefreshOnce is set.
// (https://learn.microsoft.com/entra/identity-platform/refresh-tokens)
type refreshToken struct {
	app     *directory.App
	user    *directory.User
	session signInFacts
	signIn  time.Time // of the user
	issued  time.Time

	// Guarded by the mutex of refreshTokens, as is the line of the session.
	used  time.Time
	spent bool
}

// A line is that of one sign-in's refresh tokens.
type line struct{ ended bool }

// refreshTokens are those that were issued.
type refreshTokens struct{ *kind[*refreshToken] }

// isInactive reports whether a token was not used for too long.
func (ts *refreshTokens) isInactive(t *refreshToken, now time.Time) bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return now.Sub(t.used) >= refreshInactivity
}

// use notes that a token is used. Where one is good for one use only, a second
// ends the line; ok is false for every token of that.
func (ts *refreshTokens) use(t *refreshToken, once bool, now time.Time) (ok bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if once && (t.spent || t.session.line.ended) {
		t.session.line.ended = true
		return false
	}
	t.used, t.spent = now, true
	return true
}

func (s *Server) issueRefreshToken(g *grant) string {
	prefix := "1.A"
	if g.user.Tenant() == s.Directory.Consumers {
		prefix = "M.C500_TEST.0.U.-"
	}
	value := prefix + rand.Text() + rand.Text()
	now := s.Clock.Now()
	if g.session.scope == "" {
		g.session.scope = g.grantedScope() + " offline_access"
	}
	if g.session.line == nil {
		g.session.line = new(line)
	}
	s.issued.refresh.add(value, &refreshToken{app: g.app, user: g.user, session: g.session, signIn: g.signedIn(now), issued: now, used: now})
	return value
}

// signedIn returns when the user signed in.
func (g *grant) signedIn(now time.Time) time.Time {
	if g.signIn.IsZero() {
		return now
	}
	return g.signIn
}

// refreshToken is the flow that carries a sign-in on.
func (s *Server) refreshToken(r *tokenRequest) (*grant, *aadsts.Refusal) {
	value := r.PostForm.Get("refresh_token")
	if value == "" {
		return nil, aadsts.Refuse(aadsts.MissingParameter, "name", "refresh_token")
	}
	t := s.issued.refresh.find(value)
	switch {
	case t == nil:
		return nil, aadsts.Refuse(aadsts.BadGrant, "parameter", "refresh_token")
	case !t.app.Same(r.app):
		return nil, aadsts.Refuse(aadsts.BadGrant).Sub("client_mismatch").Because("The refresh token was issued to another client.")
	}
	if refusal := s.refreshCredential(r, t); refusal != nil {
		return nil, refusal
	}
	if refusal := s.checkRefreshToken(t); refusal != nil {
		return nil, refusal
	}
	scope := r.PostForm.Get("scope")
	if scope == "" {
		scope = t.session.scope
	}
	w, refusal := parseScope(scope)
	if refusal != nil {
		return nil, refusal
	}
	g, refusal := permit(t.app, t.user, w)
	if refusal != nil {
		return nil, refusal
	}
	// A request that is refused is no use of it.
	if !s.issued.refresh.use(t, s.RefreshOnce, s.Clock.Now()) {
		return nil, aadsts.Refuse(aadsts.Revoked, "issued", aadsts.Time(t.signIn))
	}
	// A new one comes whether or not offline_access is asked for again.
	g.oidc = appendMissing(g.oidc, "offline_access")
	g.session, g.signIn = t.session, t.signIn
	return g, nil
}

func appendMissing(list []string, value string) []string {
	for _, v := range list {
		if v == value {
			return list
		}
	}
	return append(list[:len(list):len(list)], value)
}

// refreshCredential wants the kind of credential that the token was issued to.
func (s *Server) refreshCredential(r *tokenRequest, t *refreshToken) *aadsts.Refusal {
	given, refusal := s.credential(r)
	spa := !t.session.spa.IsZero()
	switch {
	case refusal != nil:
		return refusal
	case spa && r.Header.Get("Origin") == "":
		return aadsts.Refuse(aadsts.SPAOnly)
	case !spa && r.Header.Get("Origin") != "":
		return aadsts.Refuse(aadsts.NotSPA)
	case t.session.public && given:
		return aadsts.Refuse(aadsts.PublicWithCredential)
	case !t.session.public && !given:
		return aadsts.Refuse(aadsts.CredentialRequired)
	}
	return nil
}

func (s *Server) checkRefreshToken(t *refreshToken) *aadsts.Refusal {
	now, u := s.Clock.Now(), t.user
	inactive := s.issued.refresh.isInactive(t, now)
	revoked, changed := u.Ended(t.signIn)
	switch {
	case !t.session.spa.IsZero() && now.Sub(t.session.spa) >= refreshSPA:
		return aadsts.Refuse(aadsts.RefreshSPA, "issued", aadsts.Time(t.session.spa))
	case inactive:
		return aadsts.Refuse(aadsts.RefreshInactive, "issued", aadsts.Time(t.issued))
	case revoked, t.session.password && t.session.public && changed:
		return aadsts.Refuse(aadsts.Revoked, "issued", aadsts.Time(t.signIn))
	}
	if refusal := u.CheckFrequency(t.signIn); refusal != nil {
		return refusal
	}
	return u.Check(t.session.mfa)
}
