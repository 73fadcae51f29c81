package exchangetest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// maxForm bounds the body of a token request.
const maxForm = 1 << 20

// SetTokenHandler puts a handler before the token endpoint, to answer in its
// stead or to look on: wrap is given the built-in handler and returns the one
// to use. Nil takes it away. What the handler answers is recorded in
// [Server.Requests] like the endpoint's own answers. The request's form has
// been parsed, and its body can be read again.
func (s *Server) SetTokenHandler(wrap func(next http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrapToken = wrap
}

func (s *Server) startHTTP() {
	mux := http.NewServeMux()
	mux.HandleFunc("/{tenant}/oauth2/v2.0/token", s.recordToken)
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", s.serveMetadata)
	mux.HandleFunc("GET /{tenant}/.well-known/openid-configuration", s.serveMetadata)
	mux.HandleFunc("GET /{tenant}/discovery/v2.0/keys", serveKeys)
	mux.HandleFunc("GET /{tenant}/discovery/keys", serveKeys)
	s.http = &http.Server{
		Handler:   mux,
		TLSConfig: s.pki.serverConfig(),
		ErrorLog:  slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
		ConnState: s.countConn,
		// HTTP/1.1 alone: one goroutine for each connection, which Close
		// can wait for.
		Protocols: new(http.Protocols),
	}
	s.http.Protocols.SetHTTP1(true)
	s.wg.Go(func() { s.http.ServeTLS(s.httpLn, "", "") })
}

func (s *Server) countConn(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.httpWG.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.httpWG.Done()
	}
}

// recordToken answers a token request through the handler that a test has set,
// if any, and keeps the record.
func (s *Server) recordToken(w http.ResponseWriter, r *http.Request) {
	if err := bufferForm(w, r); err != nil {
		http.Error(w, "Bad Request", http.StatusBadRequest)
		return
	}
	rec := &tokenRecorder{ResponseWriter: w, request: Request{
		Time:     s.Now(),
		Tenant:   r.PathValue("tenant"),
		Grant:    r.PostForm.Get("grant_type"),
		ClientID: r.PostForm.Get("client_id"),
		Scope:    r.PostForm.Get("scope"),
	}}
	if id, _, ok := r.BasicAuth(); ok && rec.request.ClientID == "" {
		rec.request.ClientID = id
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests = append(s.requests, rec.request)
	}()
	s.mu.Lock()
	wrap := s.wrapToken
	s.mu.Unlock()
	var handler http.Handler = http.HandlerFunc(s.serveToken)
	if wrap != nil {
		handler = wrap(handler)
	}
	handler.ServeHTTP(rec, r)
	if rec.request.Status == 0 {
		rec.request.Status = http.StatusOK
	}
}

func bufferForm(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	err = r.ParseForm()
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err
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

func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	correlation := cmp.Or(r.Header.Get("client-request-id"), newGUID())
	if r.Header.Get("return-client-request-id") == "true" {
		w.Header().Set("client-request-id", correlation)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "-1")
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("x-ms-ests-server", "2.1.0 - TEST ProdSlices")
	trace := newGUID()
	h.Set("x-ms-request-id", trace)
	app, resource, refusal := s.clientCredentials(r)
	if refusal != nil {
		s.refuseToken(w, r, refusal, trace, correlation)
		return
	}
	lifetime := s.tokenLifetime()
	s.Logger.Info("token issued", "client_id", app.ClientID, "resource", resource, "lifetime", lifetime)
	writeJSON(w, http.StatusOK, map[string]any{
		"token_type":     "Bearer",
		"expires_in":     int(lifetime / time.Second),
		"ext_expires_in": int(lifetime / time.Second),
		"access_token":   app.issue(TokenOptions{Audience: resource, Lifetime: lifetime}),
	})
}

// clientCredentials checks a request for an app-only token, in the order in
// which a request is made: to a tenant, with a grant, by an application that
// proves itself, for a resource.
func (s *Server) clientCredentials(r *http.Request) (app *App, resource string, refusal *entraError) {
	if r.Method != http.MethodPost {
		return nil, "", errNotPOST()
	}
	form := r.PostForm
	if form.Get("grant_type") == "" {
		return nil, "", errMissingParameter("grant_type")
	}
	if grant := form.Get("grant_type"); grant != "client_credentials" {
		return nil, "", errUnsupportedGrant(grant)
	}
	tenant, refusal := s.findTenant(r.PathValue("tenant"))
	if refusal != nil {
		return nil, "", refusal
	}
	id, secret := clientSecret(r)
	if id == "" {
		return nil, "", errMissingParameter("client_id")
	}
	if app = tenant.app(id); app == nil {
		return nil, "", errUnknownApp(id, tenant)
	}
	if resource, refusal = appResource(form.Get("scope")); refusal != nil {
		return nil, "", refusal
	}
	if refusal = app.checkSecret(secret, form.Get("client_assertion") != ""); refusal != nil {
		return nil, "", refusal
	}
	return app, resource, nil
}

func (s *Server) findTenant(name string) (*Tenant, *entraError) {
	name = strings.ToLower(name)
	switch name {
	case "common", "organizations", "consumers":
		return nil, errNoTenant()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tenants[name]
	if t == nil {
		return nil, errUnknownTenant(name)
	}
	return t, nil
}

func (t *Tenant) app(clientID string) *App {
	t.srv.mu.Lock()
	defer t.srv.mu.Unlock()
	return t.apps[strings.ToLower(clientID)]
}

// clientSecret takes the credential from the body or, as RFC 6749 section
// 2.3.1 has it, from the Authorization header.
func clientSecret(r *http.Request) (id, secret string) {
	id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		id, secret = cmp.Or(id, unescape(user)), cmp.Or(secret, unescape(password))
	}
	return id, secret
}

// appResource returns the one resource of a scope parameter, beside which
// MSAL always asks for the scopes of OpenID Connect.
func appResource(scope string) (string, *entraError) {
	var resource string
	for _, s := range strings.Fields(scope) {
		switch s {
		case "openid", "profile", "offline_access":
			continue
		}
		r, ok := strings.CutSuffix(s, "/.default")
		if !ok || r == "" || resource != "" {
			return "", errScope(scope)
		}
		resource = r
	}
	if resource == "" {
		return "", errMissingScope()
	}
	return resource, nil
}

func (a *App) checkSecret(value string, assertion bool) *entraError {
	if assertion {
		return errAssertion(a)
	}
	if value == "" {
		return errNoCredential()
	}
	a.tenant.srv.mu.Lock()
	defer a.tenant.srv.mu.Unlock()
	for _, s := range a.reg.secrets {
		switch {
		case s.value != value:
		case !a.tenant.srv.Now().Before(s.expires):
			return errExpiredSecret(a)
		default:
			return nil
		}
	}
	return errWrongSecret(a)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	must(err)
	w.WriteHeader(status)
	w.Write(body)
}
