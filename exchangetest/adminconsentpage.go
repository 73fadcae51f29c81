package exchangetest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
)

// serveAdminConsent lets an administrator consent for everybody to what the
// application is configured for, in version 1 of the endpoint, or to the scope.
// (https://learn.microsoft.com/entra/identity-platform/v2-admin-consent)
func (s *Server) serveAdminConsent(w http.ResponseWriter, r *http.Request) {
	a := s.newAnswer(w, r)
	req, refusal := s.authorizeRequest(r)
	if refusal != nil {
		s.errorPage(a, refusal)
		return
	}
	in, refusal := s.interact(a, &interaction{tenant: req.tenant, app: req.app, admin: true})
	if in == nil && refusal == nil {
		return
	}
	if refusal == nil {
		refusal = s.checkAdminConsent(in.user, req)
	}
	if refusal != nil {
		s.redirectError(a, req, refusal)
		return
	}
	app := in.user.tenant.app(req.app.ClientID)
	app.consentForAll(r.Form.Get("scope"))
	s.redirect(a, r.Form, url.Values{"tenant": {in.user.tenant.ID}, "admin_consent": {"True"}})
}

func (s *Server) checkAdminConsent(u *User, req *authorizeRequest) *aadsts.Refusal {
	app := u.tenant.app(req.app.ClientID)
	s.dir.mu.Lock()
	defer s.dir.mu.Unlock()
	switch {
	case !u.state.Administrator:
		return aadsts.Refuse(aadsts.AdministratorNeeded).As("permission_denied")
	case len(app.roles)+len(app.asked) == 0 && req.form.Get("scope") == "":
		return aadsts.Refuse(aadsts.NothingConfigured)
	}
	return nil
}

func (a *App) consentForAll(scope string) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	roles := slices.Concat(a.roles, a.asked)
	slices.Sort(roles)
	a.roles = slices.Compact(roles)
	var permissions []string
	for _, s := range strings.Fields(scope) {
		permissions = append(permissions, s[strings.LastIndexByte(s, '/')+1:])
	}
	a.consentLocked(nil, expandDefault(permissions))
}

// Configure adds app roles to the application's API permissions, for which
// nobody has consented yet: an administrator does so on the page of admin
// consent or with "az ad app permission admin-consent".
func (a *App) Configure(roles ...string) {
	checkRoles("Configure", roles)
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.asked = append(a.asked, roles...)
}
