package tokensource

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// An identityHost is what gives tokens to a managed identity.
type identityHost struct {
	name    string
	method  string // empty for GET
	url     string
	query   url.Values        // or the form of a POST
	header  map[string]string // as it is sent; may hold a secret
	secret  string            // the one in header
	pin     string            // SHA-1 of the server's certificate, in hex
	keyDir  string            // of the keys that prove that we are on the machine; Azure Arc
	passing []int             // statuses that it answers with for a while
	echoes  bool              // the answer names the identity, and must be asked about it
	backoff backoff
	hint    string // what to do where it cannot be reached
}

// A machine is what there is to tell hosts by.
type machine struct {
	getenv func(string) string
	exists func(path string) bool
	goos   string
}

func thisMachine() machine {
	return machine{os.Getenv, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	}, runtime.GOOS}
}

// ids are the names of the parameters for an identity assigned by a user, with
// "" for a way of naming it that a host does not know.
type ids struct{ client, object, resource string }

// host finds the host by the variables that each sets, in the order in which
// MSAL looks at them.
func (m machine) host(o ManagedIdentityOptions) (*identityHost, *ConfigError) {
	endpoint, header := m.getenv("IDENTITY_ENDPOINT"), m.getenv("IDENTITY_HEADER")
	thumbprint := m.getenv("IDENTITY_SERVER_THUMBPRINT")
	msi, secret := m.getenv("MSI_ENDPOINT"), m.getenv("MSI_SECRET")
	var h *identityHost
	var err *ConfigError
	var known ids
	switch {
	case endpoint != "" && header != "" && thumbprint != "":
		h, err = serviceFabric(endpoint, header, thumbprint)
	case endpoint != "" && header != "":
		h, err = appService(endpoint, header)
		known = ids{"client_id", "object_id", "mi_res_id"}
	case msi != "" && secret != "":
		h, err = machineLearning(msi, secret, m.getenv("DEFAULT_IDENTITY_CLIENT_ID"))
		known.client = "clientid"
	case msi != "":
		h, err = cloudShell(msi)
	case endpoint != "" && m.getenv("IMDS_ENDPOINT") != "" || m.exists(m.arcAgent()):
		h, err = m.arc(endpoint)
		known = ids{"client_id", "object_id", "msi_res_id"}
	default:
		h = imds()
		known = ids{"client_id", "object_id", "msi_res_id"}
	}
	if err != nil {
		return nil, err
	}
	return h, h.ask(o, known)
}

// ask puts the resource and the identity into the query.
func (h *identityHost) ask(o ManagedIdentityOptions, known ids) *ConfigError {
	h.query.Set("resource", o.resource())
	for _, id := range []struct{ field, value, name string }{
		{"ClientID", o.ClientID, known.client},
		{"ObjectID", o.ObjectID, known.object},
		{"ResourceID", o.ResourceID, known.resource},
	} {
		switch {
		case id.value == "":
		case id.name == "":
			return &ConfigError{
				Field: "ManagedIdentityOptions." + id.field, Value: id.value, Problem: "not a way to choose an identity on " + h.name,
				Remedy: "leave it empty, and assign the identity where the service is deployed",
			}
		default:
			h.query.Set(id.name, id.value)
		}
	}
	return nil
}

// endpointOf checks an address from the environment.
func endpointOf(variable, value string, good func(*url.URL) bool, remedy string) *ConfigError {
	u, err := url.Parse(value)
	if err == nil && u.Host != "" && u.User == nil && (u.Scheme == "http" || u.Scheme == "https") && good(u) {
		return nil
	}
	return &ConfigError{Field: variable, Problem: "not an address that the host would set", Remedy: remedy}
}

func anyURL(*url.URL) bool { return true }

func isTLS(u *url.URL) bool { return u.Scheme == "https" }

func isLoopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

const remedyEndpoint = "unset it, or leave it as the host has set it"

func appService(endpoint, header string) (*identityHost, *ConfigError) {
	return &identityHost{
		name: "App Service", url: endpoint, query: url.Values{"api-version": {"2019-08-01"}},
		header: map[string]string{"X-IDENTITY-HEADER": header}, secret: header, backoff: entraBackoff,
	}, endpointOf("IDENTITY_ENDPOINT", endpoint, anyURL, remedyEndpoint)
}

func serviceFabric(endpoint, header, thumbprint string) (*identityHost, *ConfigError) {
	thumbprint = strings.ToLower(thumbprint)
	if !sha1Pattern.MatchString(thumbprint) {
		return nil, &ConfigError{Field: "IDENTITY_SERVER_THUMBPRINT", Problem: "not a SHA-1 in hex", Remedy: remedyEndpoint}
	}
	return &identityHost{
		name: "Service Fabric", url: endpoint, query: url.Values{"api-version": {"2019-07-01-preview"}},
		header: map[string]string{"Secret": header}, secret: header, pin: thumbprint, backoff: entraBackoff,
	}, endpointOf("IDENTITY_ENDPOINT", endpoint, isTLS, remedyEndpoint)
}

func machineLearning(endpoint, secret, clientID string) (*identityHost, *ConfigError) {
	h := &identityHost{
		name: "Azure Machine Learning", url: endpoint, query: url.Values{"api-version": {"2017-09-01"}},
		header: map[string]string{"secret": secret}, secret: secret, backoff: entraBackoff,
	}
	if clientID != "" {
		h.query.Set("clientid", clientID)
	}
	return h, endpointOf("MSI_ENDPOINT", endpoint, anyURL, remedyEndpoint)
}

func cloudShell(endpoint string) (*identityHost, *ConfigError) {
	return &identityHost{
		name: "Cloud Shell", method: http.MethodPost, url: endpoint, query: url.Values{},
		header: map[string]string{"Metadata": "true"}, backoff: entraBackoff,
	}, endpointOf("MSI_ENDPOINT", endpoint, anyURL, remedyEndpoint)
}

// arc wants a host on this machine, for it is sent what proves that we are.
func (m machine) arc(endpoint string) (*identityHost, *ConfigError) {
	if endpoint == "" {
		endpoint = "http://127.0.0.1:40342/metadata/identity/oauth2/token"
	}
	return &identityHost{
		name: "Azure Arc", url: endpoint, query: url.Values{"api-version": {"2020-06-01"}},
		header: map[string]string{"Metadata": "true"}, keyDir: m.arcKeys(), echoes: true, backoff: entraBackoff,
		hint: "check that the agent of Azure Arc (himds) runs",
	}, endpointOf("IDENTITY_ENDPOINT", endpoint, isLoopback, remedyEndpoint)
}

func (m machine) arcAgent() string {
	if m.goos == "windows" {
		return filepath.Join(m.getenv("ProgramData"), "AzureConnectedMachineAgent", "himds.exe")
	}
	return "/opt/azcmagent/bin/himds"
}

func (m machine) arcKeys() string {
	if m.goos == "windows" {
		return filepath.Join(m.getenv("ProgramData"), "AzureConnectedMachineAgent", "Tokens")
	}
	return "/var/opt/azcmagent/tokens"
}

func imds() *identityHost {
	return &identityHost{
		name: "IMDS", url: "http://169.254.169.254/metadata/identity/oauth2/token", query: url.Values{"api-version": {"2018-02-01"}},
		header: map[string]string{"Metadata": "true"}, passing: []int{http.StatusNotFound, http.StatusGone}, backoff: imdsBackoff,
		hint: "this seems to be no machine in Azure, or one without a managed identity",
	}
}

// imdsBackoff tries at 0, 2, 6, 14 and 30 seconds or somewhat earlier, as
// Microsoft advises. An update of the service takes up to 70 seconds (410), and
// where there is no service, another try does not bring it.
func imdsBackoff(try int, err error) (time.Duration, bool) {
	e, _ := err.(*Error)
	switch {
	case e != nil && e.StatusCode == http.StatusGone:
		return 10 * time.Second, try < 8
	case e != nil && e.StatusCode == 0:
		return spread(firstWait<<(try-1), err), try < 2
	}
	return spread(2*time.Second<<(try-1), err), try < 5
}

// dialNear gives a host on this machine or next to it two seconds to accept.
func dialNear(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 2 * time.Second}
	return d.DialContext(ctx, network, addr)
}
