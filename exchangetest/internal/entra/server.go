// Package entra is Entra ID: the token endpoint with its flows, the pages that a
// person signs in and consents on, and the documents that clients ask for.
package entra

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/clock"
	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/fault"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/record"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/exchangetest/internal/token"
	"github.com/exoauth/exoauth/exchangetest/internal/web"
)

// Config is what a server works with.
type Config struct {
	Directory *directory.Directory
	Mint      *token.Mint
	Faults    *fault.Faults
	Records   *record.Records
	Clock     *clock.Clock
	Logger    *slog.Logger
	Address   string // host:port that it listens on

	DeviceInterval time.Duration // between two polls; zero means five seconds
	RefreshOnce    bool          // a refresh token is good for one use
	LoopLimit      int           // how often a request may be repeated; zero: as often as one likes
}

// A Server must be made by [New].
type Server struct {
	Config
	issued *issued
	loops  loops

	mu        sync.Mutex
	wrapToken func(http.Handler) http.Handler
	hits      map[string]int // by endpoint
}

// New returns a server. Its Config may be changed until Handler is called.
func New(c Config) *Server {
	return &Server{Config: c, issued: newIssued(), loops: loops{byForm: make(map[[sha256.Size]byte]*loop)}, hits: make(map[string]int)}
}

// Handler returns the endpoints.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{tenant}/oauth2/v2.0/token", s.recordToken)
	mux.HandleFunc("/{tenant}/oauth2/token", s.recordToken)
	mux.HandleFunc("/{tenant}/oauth2/v2.0/devicecode", web.Form(s.serveDeviceCode))
	mux.HandleFunc("/{tenant}/oauth2/v2.0/authorize", web.Form(s.serveAuthorize))
	mux.HandleFunc("/{tenant}/v2.0/adminconsent", web.Form(s.serveAdminConsent))
	mux.HandleFunc("/{tenant}/adminconsent", web.Form(s.serveAdminConsent))
	mux.HandleFunc("/common/oauth2/deviceauth", web.Form(s.serveDevicePage))
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", s.serveMetadata)
	mux.HandleFunc("GET /{tenant}/.well-known/openid-configuration", s.serveMetadata)
	mux.HandleFunc("GET /{tenant}/discovery/v2.0/keys", serveKeys)
	mux.HandleFunc("GET /{tenant}/discovery/keys", serveKeys)
	mux.HandleFunc("GET /common/discovery/instance", s.serveInstance)
	mux.HandleFunc("GET /common/UserRealm/{user}", s.serveUserRealm)
	mux.HandleFunc("GET /common/userrealm/{user}", s.serveUserRealm)
	mux.HandleFunc("GET /federation/issuers/{issuer}/.well-known/openid-configuration", s.serveIssuer)
	faulty := web.Faulty(s.Faults, fault.AtEntra, s.noteFault, mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hit(web.EntraEndpoint(r))
		faulty.ServeHTTP(w, r)
	})
}

func (s *Server) hit(endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hits[endpoint]++
}

// Hits returns how often an endpoint was asked so far.
func (s *Server) Hits(endpoint string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits[endpoint]
}

// WrapToken puts a handler before the token endpoint.
func (s *Server) WrapToken(wrap func(next http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrapToken = wrap
}

func (s *Server) tokenHandler() http.Handler {
	s.mu.Lock()
	wrap := s.wrapToken
	s.mu.Unlock()
	if wrap == nil {
		return http.HandlerFunc(s.serveToken)
	}
	return wrap(http.HandlerFunc(s.serveToken))
}

// noteFault records a request that a fault answers, and refuses it if that is
// the fault.
func (s *Server) noteFault(w http.ResponseWriter, r *http.Request, f *fault.Fault) (refused bool) {
	r.SetPathValue("tenant", requestTenant(r))
	refusal := new(aadsts.Refusal)
	if f.AADSTS != 0 {
		refusal = aadsts.Refuse(f.AADSTS)
		refusal.HTTP = cmp.Or(f.Status, refusal.HTTP)
	}
	if err := web.ReadForm(w, r); err == nil && web.Endpoint(r) == "token" {
		s.Records.AddRequest(s.faultRecord(r, f, refusal))
	}
	if f.AADSTS != 0 {
		s.refuseByFault(w, r, f, refusal)
	}
	return f.AADSTS != 0
}

func (s *Server) faultRecord(r *http.Request, f *fault.Fault, refusal *aadsts.Refusal) record.Request {
	rec := s.newRequest(r)
	rec.Status = f.Status
	switch {
	case f.AADSTS != 0:
		rec.Status, rec.AADSTS, rec.Error = refusal.Status(), refusal.Code, s.words(r, refusal)
	case f.Status == 0 && f.Reply != "":
		rec.Status = http.StatusOK
	}
	return rec
}

// refuseByFault refuses a request in the way of its endpoint.
func (s *Server) refuseByFault(w http.ResponseWriter, r *http.Request, f *fault.Fault, e *aadsts.Refusal) {
	a := s.newAnswer(w, r)
	web.SetHeader(w, f)
	switch web.Endpoint(r) {
	case "authorize", "adminconsent":
		if req, refusal := s.authorizeRequest(r); refusal == nil && !e.Page {
			s.redirectError(a, req, e)
			return
		}
		s.errorPage(a, e)
	case "deviceauth":
		s.errorPage(a, e)
	default:
		s.refuseToken(a, e)
	}
}

// askedTenant finds the tenant that a request may be made to. It is nil if the
// user decides.
func (s *Server) askedTenant(r *http.Request) (*directory.Tenant, *aadsts.Refusal) {
	t, refusal := s.Directory.FindTenantOrAlias(r.PathValue("tenant"))
	if t != nil && refusal == nil {
		_, secret := clientSecret(r)
		refusal = t.CheckRequest(r.Host, secret != "" || r.PostForm.Has("client_assertion"))
	}
	return t, refusal
}

// checkResource refuses a resource that tokens of the tenant cannot be for. It
// may be one of Microsoft's, or an application of the tenant by its client id.
func checkResource(t *directory.Tenant, name string) *aadsts.Refusal {
	known := false
	if plain := strings.ToLower(strings.TrimSuffix(name, "/")); clouds.IsExchange(name) {
		login := t.State().Login
		known = login == "" || clouds.IsExchangeAt(login, name)
	} else if u, err := url.Parse(plain); err == nil && u.Scheme == "https" {
		known = resource.IsOther(u.Host)
	} else {
		id := strings.TrimPrefix(plain, "api://")
		known = resource.IsOther(id) || t.App(id) != nil
	}
	if known {
		return nil
	}
	return aadsts.Refuse(aadsts.UnknownResource, "resource", name, "tenant", t.Domains[0])
}

// must is for what fails only if this package is wrong.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("entra: %v", err))
	}
}

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
	h.Set("Date", s.Mint.Now().UTC().Format(http.TimeFormat))
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "-1")
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("x-ms-ests-server", "2.1.0 - TEST ProdSlices")
	h.Set("x-ms-request-id", a.trace)
	return a
}
