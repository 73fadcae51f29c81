package exchangetest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/signinpage"
)

const codeLifetime = 10 * time.Minute

// An authCode is an authorization code.
type authCode struct {
	app       *App // in the tenant of the user
	user      *User
	wishes    []wish
	scope     string
	redirect  string
	platform  Platform
	challenge string
	method    string
	nonce     string
	mfa       bool
	signIn    time.Time
	expires   time.Time
	used      bool // guarded by the mutex of codes
}

// codes are those that were issued.
type codes struct {
	mu      sync.Mutex
	byValue map[string]*authCode
}

func (cs *codes) add(value string, c *authCode) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.byValue[value] = c
}

func (cs *codes) find(value string) *authCode {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.byValue[value]
}

// use uses a code up. It reports whether it was used before.
func (cs *codes) use(c *authCode) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	used := c.used
	c.used = true
	return used
}

// An authorizeRequest is one to the authorization endpoint, of which the
// redirect URI has been found to be the application's.
type authorizeRequest struct {
	form     url.Values
	tenant   *Tenant // nil for common and organizations
	app      *App
	platform Platform
	wishes   []wish
}

// serveAuthorize is the authorization endpoint, with the pages that a person
// signs in and consents on.
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow)
func (s *Server) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	a := s.newAnswer(w, r)
	req, refusal := s.authorizeRequest(r)
	if refusal != nil {
		s.errorPage(a, refusal)
		return
	}
	if refusal = req.check(); refusal != nil {
		s.redirectError(a, req, refusal)
		return
	}
	in, refusal := s.interact(a, &interaction{
		tenant: req.tenant, app: req.app, wishes: req.wishes, prompt: r.Form.Get("prompt"), hint: r.Form.Get("login_hint"),
	})
	switch {
	case refusal != nil:
		s.redirectError(a, req, refusal)
	case in != nil:
		app, refusal := s.dir.findApp(in.user.tenant, req.app.ClientID)
		if refusal != nil {
			s.errorPage(a, refusal)
			return
		}
		s.redirectCode(a, req, app, in)
	}
}

// authorizeRequest reads what must be right for anything to be sent to the
// redirect URI.
func (s *Server) authorizeRequest(r *http.Request) (*authorizeRequest, *entraError) {
	req := &authorizeRequest{form: r.Form}
	var refusal *entraError
	if req.tenant, refusal = s.askedTenant(r); refusal != nil {
		return nil, refusal
	}
	id := r.Form.Get("client_id")
	if id == "" {
		return nil, refuse(aadsts.MissingParameter, "name", "client_id")
	}
	if req.app, refusal = s.dir.findApp(req.tenant, id); refusal != nil {
		return nil, refusal
	}
	uri := r.Form.Get("redirect_uri")
	s.dir.mu.Lock()
	defer s.dir.mu.Unlock()
	reg := req.app.reg
	if len(reg.redirects) == 0 {
		return nil, refuse(aadsts.NoRedirect)
	}
	if uri == "" && len(reg.redirects) == 1 {
		for uri = range reg.redirects {
			r.Form.Set("redirect_uri", uri)
		}
	}
	var ok bool
	if req.platform, ok = reg.redirectPlatform(uri); !ok {
		return nil, refuse(aadsts.RedirectMismatch)
	}
	return req, nil
}

func (req *authorizeRequest) check() (refusal *entraError) {
	if req.form.Get("response_type") != "code" {
		return refuse(aadsts.UnsupportedResponseType)
	}
	switch req.form.Get("response_mode") {
	case "", "query", "fragment", "form_post":
	default:
		return refuse(aadsts.UnsupportedResponseMode)
	}
	switch req.form.Get("code_challenge_method") {
	case "", "plain", "S256":
	default:
		return refuse(aadsts.ChallengeMethod)
	}
	switch n := len(req.form.Get("code_challenge")); {
	case req.platform == SPA && n == 0:
		return refuse(aadsts.SPAWithoutPKCE)
	case n != 0 && (n < 43 || n > 128):
		return refuse(aadsts.ChallengeSize)
	}
	req.wishes, refusal = parseScopes(req.form.Get("scope"))
	return refusal
}

func (s *Server) redirectCode(a *answer, req *authorizeRequest, app *App, in *signIn) {
	form := req.form
	prefix := "1.A"
	if app.tenant == s.dir.consumers {
		prefix = "M.C500_TEST."
	}
	code := prefix + rand.Text() + rand.Text()
	s.issued.codes.add(code, &authCode{
		app: app, user: in.user, mfa: in.mfa, signIn: in.at, wishes: req.wishes, scope: form.Get("scope"), nonce: form.Get("nonce"),
		redirect: form.Get("redirect_uri"), platform: req.platform,
		challenge: form.Get("code_challenge"), method: form.Get("code_challenge_method"),
		expires: s.Now().Add(codeLifetime),
	})
	values := url.Values{"code": {code}, "session_state": {newGUID()}}
	if form.Get("client_info") == "1" {
		values.Set("client_info", clientInfo(in.user))
	}
	s.redirect(a, form, values)
}

func (s *Server) redirectError(a *answer, req *authorizeRequest, e *entraError) {
	values := url.Values{"error": {e.Error}, "error_description": {s.describe(a, e)}}
	if e.Suberror == "cancel" {
		values.Set("error_subcode", "cancel")
	}
	s.redirect(a, req.form, values)
}

// redirect sends the browser to the redirect URI with the values, in the way
// that response_mode asks for.
func (s *Server) redirect(a *answer, form, values url.Values) {
	if state := form.Get("state"); state != "" {
		values.Set("state", state)
	}
	to := form.Get("redirect_uri")
	if form.Get("response_mode") == "form_post" {
		s.page(a, http.StatusOK, signinpage.Page{Step: "post", Title: "Working", Action: to, Hidden: values})
		return
	}
	if u, err := url.Parse(to); err == nil && u.Path == "" && u.RawQuery == "" {
		to += "/"
	}
	separator := "?"
	switch {
	case form.Get("response_mode") == "fragment":
		separator = "#"
	case strings.Contains(to, "?"):
		separator = "&"
	}
	a.w.Header().Set("Location", to+separator+values.Encode())
	a.w.WriteHeader(http.StatusFound)
}

// authorizationCode redeems a code.
func (s *Server) authorizationCode(r *tokenRequest) (*grant, *entraError) {
	for _, name := range []string{"code", "redirect_uri"} {
		if r.PostForm.Get(name) == "" {
			return nil, refuse(aadsts.MissingParameter, "name", name)
		}
	}
	c := s.issued.codes.find(r.PostForm.Get("code"))
	if c == nil || c.app.reg != r.app.reg {
		return nil, refuse(aadsts.BadGrant, "parameter", "code")
	}
	if refusal := r.codeCredential(c); refusal != nil {
		return nil, refusal
	}
	if refusal := s.useCode(r, c); refusal != nil {
		return nil, refusal
	}
	if refusal := c.user.checkUser(c.mfa); refusal != nil {
		return nil, refusal
	}
	w, refusal := c.wish(r.PostForm.Get("scope"))
	if refusal != nil {
		return nil, refusal
	}
	g, refusal := c.app.permit(c.user, w)
	if refusal != nil {
		return nil, refusal
	}
	g.nonce, g.signIn = c.nonce, c.signIn
	g.session = signInFacts{mfa: c.mfa, password: true, public: c.platform != Web, scope: strings.Join(slices.Concat(w.oidc, w.full()), " ")}
	if c.platform == SPA {
		g.session.spa = s.Now()
	}
	return g, nil
}

// wish is what the token shall be for: the first resource of the sign-in, or
// the one that the scope narrows it down to.
func (c *authCode) wish(scope string) (wish, *entraError) {
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
func (r *tokenRequest) codeCredential(c *authCode) *entraError {
	given, refusal := r.credential()
	origin := r.Header.Get("Origin") != ""
	switch {
	case refusal != nil:
		return refusal
	case c.platform == SPA && !origin:
		return refuse(aadsts.SPAOnly)
	case c.platform != SPA && origin:
		return refuse(aadsts.NotSPA)
	case c.platform == Web && !given:
		return refuse(aadsts.CredentialRequired)
	case c.platform != Web && given:
		return refuse(aadsts.PublicWithCredential)
	}
	return nil
}

// useCode uses a code up. A code is used up by an attempt that fails, too.
func (s *Server) useCode(r *tokenRequest, c *authCode) *entraError {
	switch used := s.issued.codes.use(c); {
	case used:
		return refuse(aadsts.CodeUsed)
	case !s.Now().Before(c.expires):
		return refuse(aadsts.CodeExpired)
	case r.tenant != nil && r.tenant != c.user.tenant:
		return refuse(aadsts.CodeTenant)
	case r.PostForm.Get("redirect_uri") != c.redirect:
		return refuse(aadsts.RedirectMismatch)
	}
	return c.checkVerifier(r.PostForm.Get("code_verifier"))
}

// checkVerifier checks the proof of RFC 7636.
func (c *authCode) checkVerifier(verifier string) *entraError {
	if c.challenge == "" && verifier == "" {
		return nil
	}
	if len(verifier) < 43 || len(verifier) > 128 {
		return refuse(aadsts.VerifierSize)
	}
	if c.method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if verifier != c.challenge {
		return refuse(aadsts.VerifierMismatch)
	}
	return nil
}
