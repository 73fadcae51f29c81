package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"
)

// server is the least of Entra ID that all contenders get a token from, and a
// transport to it with a network (TLS on loopback) and one without.
type server struct {
	*httptest.Server
	requests atomic.Int64 // to token endpoints

	// May be changed before the first request.
	lifetime string        // of the tokens, as it stands in expires_in
	pause    time.Duration // before an answer
	refuse   bool          // with an expired secret
}

func newServer() *server {
	s := &server{lifetime: "86400"}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.EnableHTTP2 = false
	s.StartTLS()
	return s
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	base := "https://" + r.Host
	tenant, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch path {
	case "v2.0/.well-known/openid-configuration":
		json.NewEncoder(w).Encode(map[string]string{
			"authorization_endpoint": base + "/" + tenant + "/oauth2/v2.0/authorize",
			"token_endpoint":         base + "/" + tenant + "/oauth2/v2.0/token",
			"issuer":                 base + "/" + tenant + "/v2.0",
		})
	case "oauth2/v2.0/token":
		s.requests.Add(1)
		time.Sleep(s.pause)
		if s.refuse {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys are expired.","error_codes":[7000222]}`)
			return
		}
		fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":%s,"ext_expires_in":%[1]s,"access_token":"%[2]s"}`, s.lifetime, accessToken)
	default:
		http.NotFound(w, r)
	}
}

// accessToken is about as long as those for Exchange are.
var accessToken = strings.Repeat("token", 300)

// direct is a transport that calls the server without a network.
type direct struct{ s *server }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = r.URL.Host
	w := httptest.NewRecorder()
	d.s.serve(w, r)
	return w.Result(), nil
}

func (d direct) client() *http.Client { return &http.Client{Transport: d} }
