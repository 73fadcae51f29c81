// Package azurehost finds the host that gives tokens to a managed identity, and
// says how it is asked.
package azurehost

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/setting"
)

// A Host gives tokens to a managed identity.
type Host struct {
	Name    string
	URL     string
	Secret  string // sent in a header; empty if there is none
	KeyDir  string // of the keys that prove that we are on the machine; Azure Arc
	Passing []int  // statuses that it answers with for a while
	Hint    string // what to do if it cannot be reached

	method string // empty for GET
	query  url.Values
	header map[string]string // as it is sent
	pin    string            // SHA-1 of the server's certificate, in hex
	known  ID                // the names of the parameters for an identity
	slow   bool              // IMDS, which is tried for longer; see Wait
	echoes bool              // the answer names the identity; see CheckEcho
}

// An ID names an identity that was assigned by a user, in one of three ways. The
// zero ID is the identity of the system.
type ID struct{ Client, Object, Resource string }

// A Machine is what hosts are told by.
type Machine struct {
	Getenv func(string) string
	Exists func(path string) bool
	GOOS   string
}

// This returns the machine on which the program runs.
func This() Machine {
	return Machine{os.Getenv, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	}, runtime.GOOS}
}

// Find returns the host, by the variables that each sets, in the order in which
// MSAL looks at them.
func (m Machine) Find() (*Host, *setting.Error) {
	endpoint, header := m.Getenv("IDENTITY_ENDPOINT"), m.Getenv("IDENTITY_HEADER")
	thumbprint := m.Getenv("IDENTITY_SERVER_THUMBPRINT")
	msi, secret := m.Getenv("MSI_ENDPOINT"), m.Getenv("MSI_SECRET")
	switch {
	case endpoint != "" && header != "" && thumbprint != "":
		return serviceFabric(endpoint, header, thumbprint)
	case endpoint != "" && header != "":
		return appService(endpoint, header)
	case msi != "" && secret != "":
		return machineLearning(msi, secret, m.Getenv("DEFAULT_IDENTITY_CLIENT_ID"))
	case msi != "":
		return cloudShell(msi)
	case endpoint != "" && m.Getenv("IMDS_ENDPOINT") != "" || m.Exists(m.arcAgent()):
		return m.arc(endpoint)
	}
	return imds(), nil
}

// Ask sets the resource that a token is asked for, and the identity. The Field
// of an error is "ClientID", "ObjectID" or "ResourceID".
func (h *Host) Ask(resource string, id ID) *setting.Error {
	h.query.Set("resource", resource)
	for _, way := range []struct{ field, value, name string }{
		{"ClientID", id.Client, h.known.Client},
		{"ObjectID", id.Object, h.known.Object},
		{"ResourceID", id.Resource, h.known.Resource},
	} {
		switch {
		case way.value == "":
		case way.name == "":
			return &setting.Error{
				Field: way.field, Value: way.value, Problem: "not a way to choose an identity on " + h.Name,
				Remedy: "leave it empty, and assign the identity where the service is deployed",
			}
		default:
			h.query.Set(way.name, way.value)
		}
	}
	return nil
}

// Request returns a request for a token. key is the result of [Host.Key], or
// empty.
func (h *Host) Request(ctx context.Context, key string) (*http.Request, error) {
	method, target, body := http.MethodGet, h.URL, io.Reader(nil)
	if h.method == http.MethodPost {
		method, body = h.method, strings.NewReader(h.query.Encode())
	} else {
		separator := "?"
		if strings.Contains(target, "?") {
			separator = "&"
		}
		target += separator + h.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, errors.New("the address in the environment cannot be read")
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range h.header {
		req.Header.Set(name, value)
	}
	if key != "" {
		req.Header.Set("Authorization", "Basic "+key)
	}
	req.Header.Set("Accept", "application/json")
	return req, nil
}

// Wait returns how long to wait after the given number of tries, the last of
// which had this HTTP status, or 0 if there was no answer. It reports false if
// another try is of no use, and a wait of zero if the host has no rule of its
// own.
//
// IMDS is tried at 0, 2, 6, 14 and 30 seconds, as Microsoft advises. Its update
// takes up to 70 seconds (410), and if there is no such service, another try
// does not bring it.
func (h *Host) Wait(tries, status int) (wait time.Duration, again bool) {
	switch {
	case !h.slow:
		return 0, true
	case status == http.StatusGone:
		return 10 * time.Second, tries < 8
	case status == 0:
		return time.Second << (tries - 1), tries < 2
	}
	return 2 * time.Second << (tries - 1), tries < 5
}

// endpointOf checks an address from the environment.
func endpointOf(variable, value string, good func(*url.URL) bool, remedy string) *setting.Error {
	u, err := url.Parse(value)
	if err == nil && u.Host != "" && u.User == nil && (u.Scheme == "http" || u.Scheme == "https") && good(u) {
		return nil
	}
	return &setting.Error{Field: variable, Problem: "not an address that the host would set", Remedy: remedy}
}

func anyURL(*url.URL) bool { return true }

func isTLS(u *url.URL) bool { return u.Scheme == "https" }

func isLoopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

const remedyEndpoint = "unset it, or leave it as the host has set it"

func appService(endpoint, header string) (*Host, *setting.Error) {
	return &Host{
		Name: "App Service", URL: endpoint, query: url.Values{"api-version": {"2019-08-01"}},
		header: map[string]string{"X-IDENTITY-HEADER": header}, Secret: header, known: ID{"client_id", "object_id", "mi_res_id"},
	}, endpointOf("IDENTITY_ENDPOINT", endpoint, anyURL, remedyEndpoint)
}

func serviceFabric(endpoint, header, thumbprint string) (*Host, *setting.Error) {
	thumbprint = strings.ToLower(thumbprint)
	if len(thumbprint) != 40 || !plain.Only(thumbprint, plain.Hex) {
		return nil, &setting.Error{Field: "IDENTITY_SERVER_THUMBPRINT", Problem: "not a SHA-1 in hex", Remedy: remedyEndpoint}
	}
	return &Host{
		Name: "Service Fabric", URL: endpoint, query: url.Values{"api-version": {"2019-07-01-preview"}},
		header: map[string]string{"Secret": header}, Secret: header, pin: thumbprint,
	}, endpointOf("IDENTITY_ENDPOINT", endpoint, isTLS, remedyEndpoint)
}

func machineLearning(endpoint, secret, clientID string) (*Host, *setting.Error) {
	h := &Host{
		Name: "Azure Machine Learning", URL: endpoint, query: url.Values{"api-version": {"2017-09-01"}},
		header: map[string]string{"secret": secret}, Secret: secret, known: ID{Client: "clientid"},
	}
	if clientID != "" {
		h.query.Set("clientid", clientID)
	}
	return h, endpointOf("MSI_ENDPOINT", endpoint, anyURL, remedyEndpoint)
}

func cloudShell(endpoint string) (*Host, *setting.Error) {
	return &Host{
		Name: "Cloud Shell", method: http.MethodPost, URL: endpoint, query: url.Values{},
		header: map[string]string{"Metadata": "true"},
	}, endpointOf("MSI_ENDPOINT", endpoint, anyURL, remedyEndpoint)
}

// arc wants a host on this machine, for it is sent what proves that we are.
func (m Machine) arc(endpoint string) (*Host, *setting.Error) {
	if endpoint == "" {
		endpoint = "http://127.0.0.1:40342/metadata/identity/oauth2/token"
	}
	return &Host{
		Name: "Azure Arc", URL: endpoint, query: url.Values{"api-version": {"2020-06-01"}},
		header: map[string]string{"Metadata": "true"}, KeyDir: m.arcKeys(), echoes: true, known: ID{"client_id", "object_id", "msi_res_id"},
		Hint: "check that the agent of Azure Arc (himds) runs",
	}, endpointOf("IDENTITY_ENDPOINT", endpoint, isLoopback, remedyEndpoint)
}

func (m Machine) arcAgent() string {
	if m.GOOS == "windows" {
		return filepath.Join(m.Getenv("ProgramData"), "AzureConnectedMachineAgent", "himds.exe")
	}
	return "/opt/azcmagent/bin/himds"
}

func (m Machine) arcKeys() string {
	if m.GOOS == "windows" {
		return filepath.Join(m.Getenv("ProgramData"), "AzureConnectedMachineAgent", "Tokens")
	}
	return "/var/opt/azcmagent/tokens"
}

func imds() *Host {
	return &Host{
		Name: "IMDS", URL: "http://169.254.169.254/metadata/identity/oauth2/token", query: url.Values{"api-version": {"2018-02-01"}},
		header: map[string]string{"Metadata": "true"}, Passing: []int{http.StatusNotFound, http.StatusGone}, slow: true, known: ID{"client_id", "object_id", "msi_res_id"},
		Hint: "this seems to be no machine in Azure, or one without a managed identity",
	}
}

// Near returns a copy of http.DefaultTransport without its proxy, which would
// see what only this machine should, and without the half minute that it gives
// to a machine that is not there.
func Near() *http.Transport {
	t := new(http.Transport)
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		t = standard.Clone()
	}
	t.Proxy = nil
	t.DialContext = nearby.DialContext
	return t
}

// nearby gives a host on this machine or next to it two seconds to accept.
var nearby = net.Dialer{Timeout: 2 * time.Second}
