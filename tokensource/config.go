package tokensource

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/exoauth/exoauth"
)

// Config describes an application as it is registered in Entra ID. Its
// methods are the flows. Each takes a copy, so a Config may be changed
// afterwards, and is safe for concurrent use while nobody does.
//
// Settings that cannot work are reported by the Source, as a [*ConfigError],
// before anything is sent.
type Config struct {
	// Cloud says where tokens are issued and what for. Empty fields are those
	// of [exoauth.Global].
	Cloud exoauth.Cloud

	// Tenant is the directory (tenant) id or a verified domain, such as
	// "contoso.onmicrosoft.com". Required.
	Tenant string

	// ClientID is the application (client) id. Required.
	ClientID string

	// Credential proves that it is this application that asks. Nil means a
	// public client, which flows without a user refuse.
	Credential Credential

	// Scopes is what to ask for. Nil or empty means what mail needs in the
	// flow: [exoauth.Cloud.AppScope] where there is no user, otherwise
	// IMAP.AccessAsUser.All, SMTP.Send and offline_access, by which a refresh
	// token comes along.
	Scopes []string

	// HTTPClient sends the requests. Nil means one with the transport of
	// package net/http. It is copied, and the copy follows no redirect, for
	// a 307 would post the secret to another host. Its Timeout bounds each
	// request; zero means 30 seconds.
	HTTPClient *http.Client

	// SaveRefreshToken stores a refresh token, in the flows with a user. It is
	// called with each new one, before the access token that came with it is
	// handed out and before it is used itself, and never by two goroutines for
	// one Source. Where it returns an error so does the Source, which keeps
	// the token and calls again before it next uses it. ctx ends when nobody
	// waits for a token any more. Nil means that the Source alone knows it,
	// so that with the program the sign-in is lost.
	SaveRefreshToken func(ctx context.Context, token string) error

	// Logger gets a record for each request, at level Debug, and for each
	// failure, at level Warn. Nil means silence.
	Logger *slog.Logger
}

// requestLimit bounds a request where the HTTP client does not.
const requestLimit = 30 * time.Second

// client is a Config made ready to send requests.
type client struct {
	tenant, clientID string
	tokenURL         string
	credential       Credential
	scope            string
	http             *http.Client
	limit            time.Duration // of one request, the reading of its answer included
	save             func(ctx context.Context, refreshToken string) error
	log              *slog.Logger
}

// newClient makes a client of settings that have been checked. The time limit
// of the HTTP client goes into the context of each request, so that what ends
// with it can be told from what the caller ends.
func (c *Config) newClient(cloud exoauth.Cloud, scopes ...string) *client {
	hc := new(http.Client)
	if c.HTTPClient != nil {
		*hc = *c.HTTPClient
	}
	limit := cmp.Or(max(hc.Timeout, 0), requestLimit)
	hc.Timeout = 0
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{
		tenant:     c.Tenant,
		clientID:   c.ClientID,
		tokenURL:   strings.TrimSuffix(cloud.Authority, "/") + "/" + c.Tenant + "/oauth2/v2.0/token",
		credential: c.Credential,
		scope:      strings.Join(scopes, " "),
		http:       hc,
		limit:      limit,
		save:       c.SaveRefreshToken,
		log:        c.logger(),
	}
}

func (c *Config) logger() *slog.Logger {
	if c.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Logger
}

var (
	// tenantPattern has the characters that azidentity allows. A slash or a
	// percent sign would move the request to another address.
	tenantPattern   = regexp.MustCompile(`^[A-Za-z0-9]+([.-]+[A-Za-z0-9]+)*$`)
	clientIDPattern = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	guidPattern     = regexp.MustCompile(`^(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// check looks at what every flow needs. cloud has its defaults.
func (c *Config) check(cloud exoauth.Cloud) *ConfigError {
	if err := checkAuthority(cloud.Authority); err != nil {
		return err
	}
	const whereIsTenant = "set it to the directory (tenant) id from the overview of the app registration, or to a domain of the tenant such as contoso.onmicrosoft.com"
	switch {
	case c.Tenant == "":
		return &ConfigError{Field: "Tenant", Problem: "empty", Remedy: whereIsTenant}
	case !tenantPattern.MatchString(c.Tenant):
		return &ConfigError{Field: "Tenant", Value: unlessSecret(c.Tenant), Problem: "neither an id nor a domain", Remedy: whereIsTenant}
	}
	const whereIsClientID = "set it to the application (client) id from the overview of the app registration"
	switch {
	case c.ClientID == "":
		return &ConfigError{Field: "ClientID", Problem: "empty", Remedy: whereIsClientID}
	case !clientIDPattern.MatchString(c.ClientID):
		return &ConfigError{Field: "ClientID", Value: unlessSecret(c.ClientID), Problem: "has characters that no application id has", Remedy: whereIsClientID}
	}
	return nil
}

// unlessSecret returns a value to be shown, but not one that may be the secret
// in the wrong place: Entra ID puts a tilde into each.
func unlessSecret(value string) string {
	if strings.Contains(value, "~") {
		return ""
	}
	return value
}

// checkAuthority wants nothing but a host: the path is the flow's, and a token
// is not asked for in plain text.
func checkAuthority(authority string) *ConfigError {
	bad := &ConfigError{
		Field:   "Cloud.Authority",
		Problem: "not https:// and a host alone",
		Remedy:  "set it to something like https://login.microsoftonline.com, and put the tenant into Tenant",
	}
	u, err := url.Parse(authority)
	if err != nil || u.User != nil {
		return bad // without the value, which may hold a password
	}
	bad.Value = authority
	if u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || strings.ContainsAny(authority, "?#") {
		return bad
	}
	return nil
}

// sharedTenants are the names that stand for no tenant in particular. The
// last one is the id of "consumers".
var sharedTenants = []string{"common", "organizations", "consumers", "9188040d-6c67-4c5b-b112-36a304b66dad"}

// checkOwnTenant is for the flows without a user. Entra ID refuses them there
// too, with AADSTS50059 or AADSTS9001023.
func (c *Config) checkOwnTenant() *ConfigError {
	if !slices.Contains(sharedTenants, strings.ToLower(c.Tenant)) {
		return nil
	}
	return &ConfigError{
		Field:   "Tenant",
		Value:   c.Tenant,
		Problem: "stands for many tenants, and a token without a user belongs to one",
		Remedy:  "set it to the directory (tenant) id or a domain of the tenant whose mailboxes are to be opened",
	}
}

// graph lists Microsoft Graph in its clouds and by its application id.
var graph = []string{
	"graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us",
	"microsoftgraph.chinacloudapi.cn", "00000003-0000-0000-c000-000000000000",
}

// appScope returns the one scope of a request without a user. Entra ID would
// issue a token for Microsoft Graph, which Exchange refuses without a reason.
func (c *Config) appScope(cloud exoauth.Cloud) (string, *ConfigError) {
	field, scope := "Scopes", cloud.AppScope()
	switch len(c.Scopes) {
	case 0:
		field = "Cloud.Resource"
	case 1:
		scope = c.Scopes[0]
	default:
		return "", &ConfigError{
			Field: field, Value: strings.Join(c.Scopes, " "), Problem: "a token without a user has exactly one scope",
			Remedy: "leave it nil, or set it to " + scope + " alone",
		}
	}
	resource, ok := strings.CutSuffix(scope, "/.default")
	bad := &ConfigError{Field: field, Value: scope, Remedy: "leave it unset, which means " + exoauth.Global.AppScope() + " in the global cloud"}
	switch {
	case !ok || resource == "":
		bad.Problem = "the scope of a token without a user ends in /.default (AADSTS1002012)"
	case strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' }):
		bad.Problem = "has white space or characters that no scope has"
	case slices.ContainsFunc(graph, func(host string) bool { return hostOf(resource) == host }):
		bad.Problem = "Exchange Online refuses tokens for Microsoft Graph"
	default:
		return scope, nil
	}
	return "", bad
}

// hostOf returns the host in a resource, or the resource where it is none.
func hostOf(resource string) string {
	_, host, ok := strings.Cut(strings.ToLower(resource), "://")
	if !ok {
		return strings.ToLower(resource)
	}
	host, _, _ = strings.Cut(host, "/")
	return host
}
