package exchangetest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
)

// A HostKind is a kind of machine or service in Azure that has tokens for the
// programs on it. Each asks for them in a way of its own.
type HostKind int

// The kinds of hosts.
const (
	VM            HostKind = iota // and Container Instances, and Kubernetes nodes: IMDS at 169.254.169.254
	AppService                    // and Functions and Container Apps
	Arc                           // a server outside of Azure
	CloudShell                    // has the tokens of a user in Azure, here those of an identity
	AzureML                       // a compute of Machine Learning
	ServiceFabric                 // with a certificate that is pinned
)

// managedLifetime is how long tokens of managed identities are valid, and how
// long hosts keep them.
const managedLifetime = 24 * time.Hour

// arcKeyDir is where the agent of Azure Arc leaves keys on Linux.
const arcKeyDir = "/var/opt/azcmagent/tokens"

// A Host is a machine or a service in Azure with managed identities.
//
// A token is kept for a day, as the hosts of Azure keep it: a role that is
// granted meanwhile is not in it. Host.Forget ends that.
type Host struct {
	// KeyDir is where an Arc host leaves the key that it wants to be shown,
	// in a file. It is /var/opt/azcmagent/tokens, and may be changed before
	// the host is asked for anything; Microsoft's clients refuse others.
	KeyDir string

	kind       HostKind
	srv        *Server
	identities []*App
	ln         net.Listener
	http       *http.Server
	transport  *http.Transport
	secret     string

	mu     sync.Mutex
	tokens map[string]keptToken // by identity and resource
	keys   map[string]bool      // of Arc, that have not been shown yet
}

type keptToken struct {
	value   string
	expires time.Time
}

// AddManagedIdentity makes a managed identity, which is an application without
// credentials: only hosts get tokens for it.
func (t *Tenant) AddManagedIdentity(name string, roles ...string) *App {
	a := t.AddApp(name, roles...)
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	a.Secret, a.reg.secrets = "", nil
	a.ResourceID = "/subscriptions/" + guid.Of(t.ID) + "/resourcegroups/mail/providers/Microsoft.ManagedIdentity/userAssignedIdentities/" + name
	return a
}

// AddHost starts a host with managed identities of the server, the first of
// which is its own (system-assigned) and the one that is meant where a request
// names none. The server must have been started; its Close ends the host.
func (s *Server) AddHost(kind HostKind, identities ...*App) *Host {
	for _, a := range identities {
		if a.ResourceID == "" || a.tenant.srv != s {
			panic(fmt.Sprintf("exchangetest: AddHost: %v is no managed identity of this server", a))
		}
	}
	h := &Host{
		KeyDir: arcKeyDir, kind: kind, srv: s, identities: identities, ln: listen(), secret: rand.Text(),
		tokens: make(map[string]keptToken), keys: make(map[string]bool),
	}
	h.transport = &http.Transport{TLSClientConfig: s.TLSConfig(), DialContext: h.dial}
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	if s.life.closed || !s.life.started {
		h.ln.Close()
		panic("exchangetest: AddHost on a server that is not running")
	}
	h.http = &http.Server{
		Handler: s.faulty(AtHost, http.HandlerFunc(h.serve)), ConnState: s.life.countHTTP,
		ErrorLog: slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	}
	s.life.hosts = append(s.life.hosts, h)
	ln := h.ln
	if kind == ServiceFabric {
		h.http.TLSConfig = s.pki.ServerConfig()
		h.http.TLSNextProto = make(map[string]func(*http.Server, *tls.Conn, http.Handler))
		s.life.running.Go(func() { h.http.ServeTLS(ln, "", "") })
	} else {
		s.life.running.Go(func() { h.http.Serve(ln) })
	}
	return h
}

// close ends the host. The keys that it left go with it.
func (h *Host) close() {
	h.transport.CloseIdleConnections()
	h.ln.Close()
	h.http.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	for path := range h.keys {
		os.Remove(path)
	}
}

// Env returns the environment variables by which programs on the host know it,
// none for a VM. Those of one kind and another must not be set together.
func (h *Host) Env() map[string]string {
	base := "http://" + h.ln.Addr().String()
	switch h.kind {
	case AppService:
		return map[string]string{"IDENTITY_ENDPOINT": base + "/msi/token", "IDENTITY_HEADER": h.secret}
	case Arc:
		return map[string]string{"IDENTITY_ENDPOINT": base + "/metadata/identity/oauth2/token", "IMDS_ENDPOINT": base}
	case CloudShell:
		return map[string]string{"MSI_ENDPOINT": base + "/oauth2/token"}
	case AzureML:
		env := map[string]string{"MSI_ENDPOINT": base + "/MSI/auth", "MSI_SECRET": h.secret}
		if len(h.identities) > 0 {
			env["DEFAULT_IDENTITY_CLIENT_ID"] = h.identities[0].ClientID
		}
		return env
	case ServiceFabric:
		return map[string]string{
			"IDENTITY_ENDPOINT": strings.Replace(base, "http:", "https:", 1) + "/metadata/identity/oauth2/token",
			"IDENTITY_HEADER":   h.secret, "IDENTITY_SERVER_THUMBPRINT": h.srv.pki.Thumbprint(),
		}
	}
	return nil
}

// HTTPClient returns a client like that of [Server.HTTPClient], for which the
// address of IMDS, 169.254.169.254, leads to the host if it is a VM.
func (h *Host) HTTPClient() *http.Client { return &http.Client{Transport: h.transport} }

func (h *Host) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if h.kind == VM && addr == "169.254.169.254:80" {
		addr = h.ln.Addr().String()
	}
	return h.srv.dialHTTP(ctx, network, addr)
}

// Forget drops the tokens that the host keeps.
func (h *Host) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.tokens)
}
