package entra

import (
	"cmp"
	"net/http"

	"github.com/exoauth/exoauth/exchangetest/internal/record"
	"github.com/exoauth/exoauth/exchangetest/internal/web"
)

// recordToken answers a token request through the handler that a test has set,
// if any, and keeps the record.
func (s *Server) recordToken(w http.ResponseWriter, r *http.Request) {
	err := web.ReadForm(w, r)
	rec := &tokenRecorder{ResponseWriter: w, request: s.newRequest(r)}
	defer func() { s.Records.AddRequest(rec.request) }()
	if err != nil {
		rec.request.Error = "the form cannot be read"
		http.Error(rec, "Bad Request", http.StatusBadRequest)
		return
	}
	s.tokenHandler().ServeHTTP(rec, r)
	if rec.request.Status == 0 {
		rec.request.Status = http.StatusOK
	}
}

// newRequest begins the record of a token request, whose form must have been
// parsed.
func (s *Server) newRequest(r *http.Request) record.Request {
	id, _ := clientSecret(r)
	return record.Request{
		Time: s.Clock.Now(), Tenant: requestTenant(r), ClientID: id,
		Grant: r.PostForm.Get("grant_type"), Scope: cmp.Or(r.PostForm.Get("scope"), r.PostForm.Get("resource")), User: r.PostForm.Get("username"),
	}
}

// A tokenRecorder notes what is answered.
type tokenRecorder struct {
	http.ResponseWriter
	request record.Request
}

func (rec *tokenRecorder) WriteHeader(status int) {
	rec.request.Status = cmp.Or(rec.request.Status, status)
	rec.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] through.
func (rec *tokenRecorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	a := s.newAnswer(w, r)
	g, refusal := s.grant(r)
	if refusal != nil {
		s.refuseToken(a, refusal)
		return
	}
	s.Logger.Info("token issued", "client_id", g.app.ClientID, "resource", g.resource, "lifetime", g.lifetime)
	response := s.response(g, r)
	if isVersion1(r) {
		s.asVersion1(response, g)
	}
	if rec, ok := w.(*tokenRecorder); ok {
		rec.request.Claims = s.Mint.ClaimsOf(response["access_token"].(string))
		if g.user != nil {
			rec.request.User = g.user.UPN
		}
	}
	web.WriteJSON(w, http.StatusOK, response)
}
