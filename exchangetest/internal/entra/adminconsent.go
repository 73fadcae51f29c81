package entra

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
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
	app := in.user.Tenant().App(req.app.ClientID)
	var permissions []string
	for _, p := range strings.Fields(r.Form.Get("scope")) {
		permissions = append(permissions, p[strings.LastIndexByte(p, '/')+1:])
	}
	app.ConsentForAll(expandDefault(permissions))
	s.redirect(a, r.Form, url.Values{"tenant": {in.user.Tenant().ID}, "admin_consent": {"True"}})
}

func (s *Server) checkAdminConsent(u *directory.User, req *authorizeRequest) *aadsts.Refusal {
	app := u.Tenant().App(req.app.ClientID)
	switch {
	case !u.State().Administrator:
		return aadsts.Refuse(aadsts.AdministratorNeeded).As("permission_denied")
	case !app.AsksForRoles() && req.form.Get("scope") == "":
		return aadsts.Refuse(aadsts.NothingConfigured)
	}
	return nil
}
