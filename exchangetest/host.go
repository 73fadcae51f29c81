package exchangetest

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/exoauth/exoauth/exchangetest/internal/azurehost"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
)

// A HostKind is a kind of machine or service in Azure that has tokens for the
// programs on it. Each kind has a protocol of its own.
type HostKind = azurehost.Kind

// The kinds of hosts.
const (
	VM            = azurehost.VM            // and Container Instances, and Kubernetes nodes: IMDS at 169.254.169.254
	AppService    = azurehost.AppService    // and Functions and Container Apps
	Arc           = azurehost.Arc           // a server outside of Azure
	CloudShell    = azurehost.CloudShell    // in Azure it has a user's tokens, here an identity's
	AzureML       = azurehost.AzureML       // a compute of Machine Learning
	ServiceFabric = azurehost.ServiceFabric // with a pinned certificate
)

// A Host is a machine or a service in Azure with managed identities.
//
// A Host keeps a token for a day, as the hosts in Azure do, so a role that is
// granted meanwhile is not in it. Host.Forget drops the tokens.
type Host struct {
	// KeyDir is the directory in which an Arc host writes the file with the key
	// that a client must send. AddHost sets it to /var/opt/azcmagent/tokens.
	// You may change it before the first request, but Microsoft's clients
	// accept no other.
	KeyDir string

	kind      HostKind
	srv       *Server
	in        *azurehost.Host
	ln        net.Listener
	transport *http.Transport
}

// AddHost starts a host with managed identities of the server. The first is the
// system-assigned one, which a request without a name gets. The server must
// have been started; its Close ends the host.
func (s *Server) AddHost(kind HostKind, identities ...*App) *Host {
	if kind < VM || kind > ServiceFabric {
		panic(fmt.Sprintf("exchangetest: AddHost: there is no HostKind(%d)", kind))
	}
	var inner []*directory.App
	for _, a := range identities {
		if a == nil || a.ResourceID == "" || a.srv != s {
			panic(fmt.Sprintf("exchangetest: AddHost: %v is no managed identity of this server", a))
		}
		inner = append(inner, a.in)
	}
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	if s.life.closed || !s.life.started {
		panic("exchangetest: AddHost on a server that is not running")
	}
	h := &Host{KeyDir: azurehost.KeyDir, kind: kind, srv: s, ln: listen(freePort)}
	h.transport = &http.Transport{TLSClientConfig: s.TLSConfig(), DialContext: h.dial}
	h.in = azurehost.New(azurehost.Config{
		Mint: s.mint, Faults: s.faults, Records: s.records, Logger: s.Logger,
		KeyDir: func() string { return h.KeyDir }, Thumbprint: s.pki.Thumbprint(),
	}, kind, inner)
	s.life.hosts = append(s.life.hosts, h)
	s.life.serveHTTP(s.httpServer(h.in.Handler()), h.ln, kind == ServiceFabric)
	return h
}

// close ends the host and removes its keys.
func (h *Host) close() {
	h.transport.CloseIdleConnections()
	h.ln.Close()
	h.in.Close()
}

// Env returns the environment variables by which a program recognizes the host.
// A VM has none. Do not set the variables of two kinds together.
func (h *Host) Env() map[string]string { return h.in.Env(h.ln.Addr().String()) }

// HTTPClient returns a client like that of [Server.HTTPClient]. If the host is
// a VM, the client connects to it for the address of IMDS, 169.254.169.254.
func (h *Host) HTTPClient() *http.Client { return &http.Client{Transport: h.transport} }

func (h *Host) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if h.kind == VM && addr == "169.254.169.254:80" {
		addr = h.ln.Addr().String()
	}
	return h.srv.dialHTTP(ctx, network, addr)
}

// Forget drops the tokens that the host keeps.
func (h *Host) Forget() { h.in.Forget() }
