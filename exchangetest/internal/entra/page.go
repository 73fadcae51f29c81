package entra

import (
	"cmp"
	"net/http"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/signinpage"
)

// page answers with a page, of which the form leads to where it was asked for
// unless it says where.
func (s *Server) page(a *answer, status int, p signinpage.Page) {
	p.Action = cmp.Or(p.Action, a.r.URL.RequestURI())
	if err := p.Write(a.w, status); err != nil {
		s.Logger.Info("page not written", "error", err)
	}
}

// errorPage shows a refusal that the application is not told of.
func (s *Server) errorPage(a *answer, e *aadsts.Refusal) {
	s.Logger.Info("sign-in refused", "aadsts", e.Code)
	s.page(a, http.StatusBadRequest, signinpage.Page{Step: "error", Title: "Sorry, but we're having trouble signing you in.", Error: s.describe(a, e)})
}
