package entra

import "github.com/exoauth/exoauth/exchangetest/internal/aadsts"

// password is the flow that hands the password over.
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth-ropc)
func (s *Server) password(r *tokenRequest) (*grant, *aadsts.Refusal) {
	for _, name := range []string{"username", "password", "scope"} {
		if r.PostForm.Get(name) == "" {
			return nil, aadsts.Refuse(aadsts.MissingParameter, "name", name)
		}
	}
	w, refusal := parseScope(r.PostForm.Get("scope"))
	if refusal != nil {
		return nil, refusal
	}
	public, refusal := s.publicOrCredential(r)
	if refusal != nil {
		return nil, refusal
	}
	u, refusal := s.Directory.FindUser(r.tenant, r.PostForm.Get("username"))
	if refusal != nil {
		return nil, refusal
	}
	if u.Tenant().State().SecurityDefaults {
		return nil, aadsts.Refuse(aadsts.SecurityDefaults)
	}
	if refusal = u.CheckPassword(r.PostForm.Get("password"), false); refusal != nil {
		return nil, refusal
	}
	app, refusal := s.Directory.FindApp(u.Tenant(), r.app.ClientID)
	if refusal != nil {
		return nil, refusal
	}
	g, refusal := permit(app, u, w)
	if g != nil {
		g.session = signInFacts{password: true, public: public, scope: r.PostForm.Get("scope")}
	}
	return g, refusal
}
