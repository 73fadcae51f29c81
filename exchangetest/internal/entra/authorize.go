package entra

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/signinpage"
)

// An authorizeRequest is one to the authorization endpoint, of which the
// redirect URI has been found to be the application's.
type authorizeRequest struct {
	form     url.Values
	tenant   *directory.Tenant // nil for common and organizations
	app      *directory.App
	platform directory.Platform
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
		app, refusal := s.Directory.FindApp(in.user.Tenant(), req.app.ClientID)
		if refusal != nil {
			s.errorPage(a, refusal)
			return
		}
		s.redirectCode(a, req, app, in)
	}
}

// authorizeRequest reads what must be right for anything to be sent to the
// redirect URI.
func (s *Server) authorizeRequest(r *http.Request) (*authorizeRequest, *aadsts.Refusal) {
	req := &authorizeRequest{form: r.Form}
	var refusal *aadsts.Refusal
	if req.tenant, refusal = s.askedTenant(r); refusal != nil {
		return nil, refusal
	}
	id := r.Form.Get("client_id")
	if id == "" {
		return nil, aadsts.Refuse(aadsts.MissingParameter, "name", "client_id")
	}
	if req.app, refusal = s.Directory.FindApp(req.tenant, id); refusal != nil {
		return nil, refusal
	}
	uri, platform, refusal := req.app.Redirect(r.Form.Get("redirect_uri"))
	if refusal != nil {
		return nil, refusal
	}
	r.Form.Set("redirect_uri", uri)
	req.platform = platform
	return req, nil
}

func (req *authorizeRequest) check() (refusal *aadsts.Refusal) {
	if req.form.Get("response_type") != "code" {
		return aadsts.Refuse(aadsts.UnsupportedResponseType)
	}
	switch req.form.Get("response_mode") {
	case "", "query", "fragment", "form_post":
	default:
		return aadsts.Refuse(aadsts.UnsupportedResponseMode)
	}
	switch req.form.Get("code_challenge_method") {
	case "", "plain", "S256":
	default:
		return aadsts.Refuse(aadsts.ChallengeMethod)
	}
	switch n := len(req.form.Get("code_challenge")); {
	case req.platform == directory.SPA && n == 0:
		return aadsts.Refuse(aadsts.SPAWithoutPKCE)
	case n != 0 && (n < 43 || n > 128):
		return aadsts.Refuse(aadsts.ChallengeSize)
	}
	req.wishes, refusal = parseScopes(req.form.Get("scope"))
	return refusal
}

func (s *Server) redirectCode(a *answer, req *authorizeRequest, app *directory.App, in *signIn) {
	form := req.form
	prefix := "1.A"
	if app.Tenant() == s.Directory.Consumers {
		prefix = "M.C500_TEST."
	}
	code := prefix + rand.Text() + rand.Text()
	s.issued.codes.add(code, &authCode{
		app: app, user: in.user, mfa: in.mfa, signIn: in.at, wishes: req.wishes, scope: form.Get("scope"), nonce: form.Get("nonce"),
		redirect: form.Get("redirect_uri"), platform: req.platform,
		challenge: form.Get("code_challenge"), method: form.Get("code_challenge_method"),
		expires: s.Clock.Now().Add(codeLifetime),
	})
	values := url.Values{"code": {code}, "session_state": {guid.New()}}
	if form.Get("client_info") == "1" {
		values.Set("client_info", clientInfo(in.user))
	}
	s.redirect(a, form, values)
}

func (s *Server) redirectError(a *answer, req *authorizeRequest, e *aadsts.Refusal) {
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
