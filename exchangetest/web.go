package exchangetest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
)

// maxForm bounds the body of a request to Entra ID.
const maxForm = 1 << 20

// A web is the web server of Entra ID, and the way to it.
type web struct {
	ln        net.Listener
	server    *http.Server    // nil before Start
	transport *http.Transport // of clients

	mu        sync.Mutex
	wrapToken func(http.Handler) http.Handler
	hits      map[string]int // by the last part of the path
}

func (s *Server) startHTTP() {
	s.web.server = &http.Server{
		Handler:   s.faulty(AtEntra, s.entraRoutes()),
		TLSConfig: s.pki.ServerConfig(),
		ErrorLog:  slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
		ConnState: s.life.countHTTP,
		// HTTP/1.1 alone: one goroutine for each connection, which Close
		// can wait for.
		Protocols: new(http.Protocols),
	}
	s.web.server.Protocols.SetHTTP1(true)
	s.life.running.Go(func() { s.web.server.ServeTLS(s.web.ln, "", "") })
}

// close ends the web server, as far as that does not wait for its connections.
func (w *web) close() {
	w.transport.CloseIdleConnections()
	w.ln.Close()
	if w.server != nil {
		w.server.Close()
	}
}

// SetTokenHandler puts a handler before the token endpoint, to answer in its
// stead or to look on: wrap is given the built-in handler and returns the one
// to use. Nil takes it away. What the handler answers is recorded in
// [Server.Requests] like the endpoint's own answers. The request's form has
// been parsed, and its body can be read again.
func (s *Server) SetTokenHandler(wrap func(next http.Handler) http.Handler) {
	s.web.mu.Lock()
	defer s.web.mu.Unlock()
	s.web.wrapToken = wrap
}

// tokenHandler returns the handler of the token endpoint, of which next is the
// built-in one.
func (w *web) tokenHandler(next http.Handler) http.Handler {
	w.mu.Lock()
	wrap := w.wrapToken
	w.mu.Unlock()
	if wrap == nil {
		return next
	}
	return wrap(next)
}

// Hits returns how often an endpoint of Entra ID was asked so far, which is
// named by the last part of its path: "token", "devicecode", "authorize",
// "openid-configuration", "keys", "instance".
func (s *Server) Hits(endpoint string) int {
	s.web.mu.Lock()
	defer s.web.mu.Unlock()
	return s.web.hits[endpoint]
}

func (w *web) hit(endpoint string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hits[endpoint]++
}

// HTTPClient returns a client that trusts the server and nobody else, and that
// connects to the server where a URL names a login host of [exoauth.Clouds],
// so that a configuration made for production works unchanged. Its idle
// connections are closed by Close.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: s.web.transport}
}

func (s *Server) dialHTTP(ctx context.Context, network, addr string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(addr); err == nil && port == "443" && clouds.LoginHosts()[strings.ToLower(host)] {
		addr = s.web.ln.Addr().String()
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

// form reads the form of a request that may be GET or POST.
func (s *Server) form(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := bufferForm(w, r); err != nil {
			http.Error(w, "Bad Request", http.StatusBadRequest)
			return
		}
		next(w, r)
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

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	must(err)
	w.WriteHeader(status)
	w.Write(body)
}
