package exchangetest

import (
	"cmp"
	"net/http"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
)

func (s *Server) entraRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{tenant}/oauth2/v2.0/token", s.recordToken)
	mux.HandleFunc("/{tenant}/oauth2/v2.0/devicecode", s.form(s.serveDeviceCode))
	mux.HandleFunc("/{tenant}/oauth2/v2.0/authorize", s.form(s.serveAuthorize))
	mux.HandleFunc("/{tenant}/v2.0/adminconsent", s.form(s.serveAdminConsent))
	mux.HandleFunc("/{tenant}/adminconsent", s.form(s.serveAdminConsent))
	mux.HandleFunc("/common/oauth2/deviceauth", s.form(s.serveDevicePage))
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", s.serveMetadata)
	mux.HandleFunc("GET /{tenant}/.well-known/openid-configuration", s.serveMetadata)
	mux.HandleFunc("GET /{tenant}/discovery/v2.0/keys", serveKeys)
	mux.HandleFunc("GET /{tenant}/discovery/keys", serveKeys)
	mux.HandleFunc("GET /common/discovery/instance", s.serveInstance)
	mux.HandleFunc("GET /common/UserRealm/{user}", s.serveUserRealm)
	mux.HandleFunc("GET /common/userrealm/{user}", s.serveUserRealm)
	mux.HandleFunc("GET /federation/issuers/{issuer}/.well-known/openid-configuration", s.serveIssuer)
	return mux
}

// recordToken answers a token request through the handler that a test has set,
// if any, and keeps the record.
func (s *Server) recordToken(w http.ResponseWriter, r *http.Request) {
	err := bufferForm(w, r)
	rec := &tokenRecorder{ResponseWriter: w, request: s.newRequest(r)}
	defer func() { s.records.addRequest(rec.request) }()
	if err != nil {
		rec.request.Error = "the form cannot be read"
		http.Error(rec, "Bad Request", http.StatusBadRequest)
		return
	}
	s.web.tokenHandler(http.HandlerFunc(s.serveToken)).ServeHTTP(rec, r)
	if rec.request.Status == 0 {
		rec.request.Status = http.StatusOK
	}
}

// newRequest begins the record of a token request, whose form must have been
// parsed.
func (s *Server) newRequest(r *http.Request) Request {
	id, _ := clientSecret(r)
	return Request{
		Time: s.Now(), Tenant: requestTenant(r), ClientID: id,
		Grant: r.PostForm.Get("grant_type"), Scope: r.PostForm.Get("scope"), User: r.PostForm.Get("username"),
	}
}

// A tokenRecorder notes what is answered.
type tokenRecorder struct {
	http.ResponseWriter
	request Request
}

func (rec *tokenRecorder) WriteHeader(status int) {
	rec.request.Status = cmp.Or(rec.request.Status, status)
	rec.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] through.
func (rec *tokenRecorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

// An answer is one of Entra ID's, with the ids by which Microsoft's support
// finds it.
type answer struct {
	w                  http.ResponseWriter
	r                  *http.Request
	trace, correlation string
}

func (s *Server) newAnswer(w http.ResponseWriter, r *http.Request) *answer {
	a := &answer{w, r, guid.New(), cmp.Or(r.Header.Get("client-request-id"), guid.New())}
	h := w.Header()
	if r.Header.Get("return-client-request-id") == "true" {
		h.Set("client-request-id", a.correlation)
	}
	h.Set("Date", s.entraNow().UTC().Format(http.TimeFormat))
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "-1")
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("x-ms-ests-server", "2.1.0 - TEST ProdSlices")
	h.Set("x-ms-request-id", a.trace)
	return a
}

func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	a := s.newAnswer(w, r)
	g, refusal := s.grant(r)
	if refusal != nil {
		s.refuseToken(a, refusal)
		return
	}
	s.Logger.Info("token issued", "client_id", g.app.ClientID, "resource", g.resource, "lifetime", g.lifetime)
	response := g.response(r)
	if rec, ok := w.(*tokenRecorder); ok {
		rec.request.Claims = s.claims(response["access_token"].(string))
		if g.user != nil {
			rec.request.User = g.user.UPN
		}
	}
	writeJSON(w, http.StatusOK, response)
}
