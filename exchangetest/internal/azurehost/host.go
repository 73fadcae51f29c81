// Package azurehost imitates the machines and services in Azure that have tokens
// of managed identities.
package azurehost

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/fault"
	"github.com/exoauth/exoauth/exchangetest/internal/record"
	"github.com/exoauth/exoauth/exchangetest/internal/token"
	"github.com/exoauth/exoauth/exchangetest/internal/web"
)

// A Kind is a kind of machine or service in Azure that has tokens for the
// programs on it. Each asks for them in a way of its own.
type Kind int

// The kinds of hosts.
const (
	VM            Kind = iota // and Container Instances, and Kubernetes nodes: IMDS at 169.254.169.254
	AppService                // and Functions and Container Apps
	Arc                       // a server outside of Azure
	CloudShell                // has the tokens of a user in Azure, here those of an identity
	AzureML                   // a compute of Machine Learning
	ServiceFabric             // with a certificate that is pinned
)

// managedLifetime is how long tokens of managed identities are valid, and how
// long hosts keep them.
const managedLifetime = 24 * time.Hour

// KeyDir is where the agent of Azure Arc leaves keys on Linux.
const KeyDir = "/var/opt/azcmagent/tokens"

// Config is what a host works with.
type Config struct {
	Mint       *token.Mint
	Faults     *fault.Faults
	Records    *record.Records
	Logger     *slog.Logger
	KeyDir     func() string // the directory for the keys of an Arc host
	Thumbprint string        // of the certificate of a Service Fabric host
}

// A Host must be made by [New].
type Host struct {
	Config
	kind       Kind
	identities []*directory.App
	secret     string

	mu     sync.Mutex
	tokens map[string]keptToken // by identity and resource
	keys   map[string]bool      // of Arc, that have not been shown yet
}

type keptToken struct {
	value   string
	expires time.Time
}

// New returns a host with managed identities. The first is the one that is meant
// if a request names none.
func New(c Config, kind Kind, identities []*directory.App) *Host {
	return &Host{Config: c, kind: kind, identities: identities, secret: rand.Text(), tokens: make(map[string]keptToken), keys: make(map[string]bool)}
}

// Handler returns the endpoints.
func (h *Host) Handler() http.Handler {
	return web.Faulty(h.Faults, fault.AtHost, h.noteFault, http.HandlerFunc(h.serve))
}

func (h *Host) noteFault(w http.ResponseWriter, r *http.Request, f *fault.Fault) (refused bool) {
	if err := web.ReadForm(w, r); err == nil {
		rec := h.newRequest(r)
		if rec.Status = f.Status; f.Status == 0 && f.Reply != "" {
			rec.Status = http.StatusOK
		}
		h.Records.AddRequest(rec)
	}
	return false
}

// Close takes away the keys that the host left.
func (h *Host) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for path := range h.keys {
		os.Remove(path)
	}
}

// Env returns the environment variables by which programs on a host at addr know
// it.
func (h *Host) Env(addr string) map[string]string {
	base := "http://" + addr
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
			"IDENTITY_ENDPOINT": "https://" + addr + "/metadata/identity/oauth2/token",
			"IDENTITY_HEADER":   h.secret, "IDENTITY_SERVER_THUMBPRINT": h.Thumbprint,
		}
	}
	return nil
}

// Forget drops the tokens that the host keeps.
func (h *Host) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.tokens)
}
