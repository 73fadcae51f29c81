package exchangetest

import (
	_ "embed"
	"html/template"
	"net/http"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// A page is one that a person sees.
type page struct {
	Step        string // signin, mfa, consent, code, post, done or error
	Title       string
	Action      string // where the form leads; empty means the page's own URL
	Hidden      []hiddenField
	User        string
	App         string
	Code        string
	Permissions []string
	Error       string
}

type hiddenField struct{ Name, Value string }

func (s *Server) page(a *answer, status int, p page) {
	if p.Action == "" {
		p.Action = a.r.URL.RequestURI()
	}
	h := a.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	a.w.WriteHeader(status)
	if err := pageTemplate.Execute(a.w, p); err != nil {
		s.Logger.Info("page not written", "error", err)
	}
}

// errorPage shows a refusal that the application is not told of.
func (s *Server) errorPage(a *answer, e *entraError) {
	s.Logger.Info("sign-in refused", "aadsts", e.Code)
	s.page(a, http.StatusBadRequest, page{Step: "error", Title: "Sorry, but we're having trouble signing you in.", Error: s.describe(a, e)})
}
