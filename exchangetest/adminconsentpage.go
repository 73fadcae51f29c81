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
	a := newAnswer(w, r)
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
		s.mu.Lock()
		if !in.user.state.Administrator {
			refusal = refuse(aadsts.AdministratorNeeded)
		}
		s.mu.Unlock()
	}
	if refusal != nil {
		values := url.Values{"error": {"permission_denied"}, "error_description": {s.describe(a, refusal)}}
		if refusal.Code != aadsts.AdministratorNeeded {
			values = url.Values{"error": {refusal.Error}, "error_description": {s.describe(a, refusal)}, "error_subcode": {"cancel"}}
		}
		s.redirect(a, r.Form, values)
		return
	}
	app := in.user.tenant.app(req.app.ClientID)
	app.consentForAll(r.Form.Get("scope"))
	s.redirect(a, r.Form, url.Values{"tenant": {in.user.tenant.ID}, "admin_consent": {"True"}})
}

func (a *App) consentForAll(scope string) {
	a.tenant.srv.mu.Lock()
	defer a.tenant.srv.mu.Unlock()
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
	a.tenant.srv.mu.Lock()
	defer a.tenant.srv.mu.Unlock()
	a.asked = append(a.asked, roles...)
}
