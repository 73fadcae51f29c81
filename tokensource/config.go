package tokensource

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/hook"
	"github.com/exoauth/exoauth/internal/httpclient"
	"github.com/exoauth/exoauth/internal/journal"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/trace"
)

// Config describes an application as it is registered in Entra ID. Its
// methods are the flows. Each method copies the Config, so you may change it
// afterwards. The methods are safe for concurrent use as long as nobody is
// changing it.
//
// The Source reports settings that cannot work as a [*ConfigError], before it
// sends anything.
type Config struct {
	// Cloud has the hosts and resources of a Microsoft cloud. An empty field
	// means the value in [exoauth.Global].
	Cloud exoauth.Cloud

	// Tenant is the directory (tenant) ID or a verified domain, such as
	// "contoso.onmicrosoft.com". Required. If a user signs in, it may also be
	// "organizations" for users of any tenant, "consumers" for accounts of
	// outlook.com, or "common" for both.
	Tenant string

	// ClientID is the application (client) ID. Required.
	ClientID string

	// Credential proves that the request comes from this application. Nil means
	// a public client. Flows without a user require a Credential.
	Credential Credential

	// Scopes are the scopes to ask for. Empty means the scopes that mail needs:
	// [exoauth.Cloud.AppScope] without a user, otherwise
	// [exoauth.Cloud.UserScope] of IMAP.AccessAsUser.All and of SMTP.Send, and
	// offline_access, without which a user signs in again every hour.
	Scopes []string

	// HTTPClient sends the requests. Nil means the zero http.Client. The Source
	// uses a copy that follows no redirects, since a 307 would post the secret
	// to another host. Its Timeout bounds each request; zero means 30 seconds.
	//
	// A nil Transport means a copy of http.DefaultTransport that reads at most
	// 256 KiB of a response's status line and headers. Any other Transport has
	// its own limit, which is 10 MiB if the MaxResponseHeaderBytes of an
	// [http.Transport] is zero. The Source reads at most 1 MiB of a body.
	HTTPClient *http.Client

	// Cache keeps tokens for the next run of the program and for other
	// processes, such as in files ([tokencache.Dir]). With it, a user signs in
	// once, and a program that runs every minute asks Entra ID once an hour.
	// Nil means that only the Source keeps tokens: when the program ends, the
	// sign-in is lost.
	//
	// A Source finds an entry again if Cloud, ClientID and CacheKey are the
	// same, and Tenant and Scopes are spelled the same. The Credential may
	// change, but not from nil or to nil.
	//
	// A new refresh token is stored before it is used, and before the Source
	// returns the access token that came with it. If it cannot be stored, the
	// Source returns the error, keeps the token, and stores it first when it is
	// asked again. While the Cache cannot be read or locked, the Source makes
	// no requests for a user; for the application's own tokens, it only logs
	// the failure. The Source deletes a refresh token that is no longer valid,
	// and logs and replaces a damaged entry.
	//
	// If the Cache is a [tokencache.Locker], processes take turns and make one
	// request between them. A process waits for its turn for half a minute at
	// most. No process holds the lock while it asks a person to sign in, so
	// another may ask, too. Without locks, two processes may each make a
	// request, and the last one's entry stays. With Entra ID that does no harm,
	// since both refresh tokens are valid.
	Cache tokencache.Cache

	// CacheKey tells apart the users of one Config in its Cache: Sources with
	// different keys never get each other's tokens. Use the program's own name
	// for the user, such as an account ID. The key of an entry also depends on
	// the user name and password, the refresh token, the assertion or the
	// LoginHint that was passed to the flow. A LoginHint is only a hint: the
	// entry belongs to the user who signed in.
	//
	// [Config.Exchange] and [Config.Resume] require a CacheKey if there is a
	// Cache. With AuthCode and DeviceCode, empty means that one person uses the
	// program: the Sources of the same flow and Cache share one user.
	CacheKey string

	// Logger gets a record for each request, at level Debug, and for each
	// failure, at level Warn. Nil means no records. The Source writes the
	// records of a call after all its waiting callers have their result, so a
	// handler may use the Source itself, for example to send mail.
	Logger *slog.Logger

	// Trace is told of each request and of each token. Nil means nobody.
	Trace *trace.Hooks
}

// requestLimit bounds a request if the HTTP client does not.
const requestLimit = 30 * time.Second

// A client is an application whose Config is made ready to send requests, or a
// managed identity, which has only the fields up to cache.
type client struct {
	name             string // in logs and errors
	tenant, clientID string
	identity         string // the name of a managed identity, and of its host
	log              *slog.Logger
	hooks            hook.Tokens
	http             http.Client
	limit            time.Duration // of one request, the reading of its answer included
	cache            tokencache.Cache

	authority    string // without the slash at its end
	scope        string
	confidential bool // there is a credential
	authenticate authenticator
	cacheKey     string
}

// newClient returns the client of a Config that has been checked.
func (c *Config) newClient(cloud exoauth.Cloud, scope string) *client {
	hc, limit := httpclient.New(c.HTTPClient, requestLimit)
	cl := &client{
		name:         "application " + c.ClientID + " of tenant " + c.Tenant,
		tenant:       c.Tenant,
		clientID:     c.ClientID,
		log:          journal.Logger(c.Logger),
		hooks:        hook.Tokens{Hooks: c.Trace, Tenant: c.Tenant, ClientID: c.ClientID},
		authority:    strings.TrimSuffix(cloud.Authority, "/"),
		scope:        scope,
		confidential: c.Credential != nil,
		authenticate: public,
		http:         hc,
		limit:        limit,
		cache:        c.Cache,
		cacheKey:     c.CacheKey,
	}
	if c.Credential != nil {
		cl.authenticate = c.Credential.authenticator(cl)
	}
	return cl
}

// isTenant reports whether s has the characters that azidentity allows. A slash
// or a percent sign would move the request to another address.
func isTenant(s string) bool {
	inner := strings.Trim(s, ".-")
	return inner == s && plain.Only(s, plain.Alphanumeric+".-")
}

func isClientID(s string) bool { return plain.Only(s, plain.Alphanumeric+"._-") }

// check checks the settings of every flow, and returns the Cloud with its
// defaults.
func (c *Config) check() (exoauth.Cloud, *ConfigError) {
	cloud := c.Cloud.WithDefaults()
	err := checkAuthority(cloud.Authority)
	if err == nil {
		err = c.checkNames()
	}
	if err == nil {
		err = checkCache(c.Cache)
	}
	return cloud, err
}

// checkNames checks Tenant and ClientID.
func (c *Config) checkNames() *ConfigError {
	const whereIsTenant = "set it to the directory (tenant) id from the overview of the app registration, or to a domain of the tenant such as contoso.onmicrosoft.com"
	switch {
	case c.Tenant == "":
		return &ConfigError{Field: "Tenant", Problem: "empty", Remedy: whereIsTenant}
	case !isTenant(c.Tenant):
		return &ConfigError{Field: "Tenant", Value: unlessSecret(c.Tenant), Problem: "neither an id nor a domain", Remedy: whereIsTenant}
	}
	const whereIsClientID = "set it to the application (client) id from the overview of the app registration"
	switch {
	case c.ClientID == "":
		return &ConfigError{Field: "ClientID", Problem: "empty", Remedy: whereIsClientID}
	case !isClientID(c.ClientID):
		return &ConfigError{Field: "ClientID", Value: unlessSecret(c.ClientID), Problem: "has characters that no application id has", Remedy: whereIsClientID}
	}
	return nil
}

// checkCache asks a cache of package tokencache about its settings.
func checkCache(cache tokencache.Cache) *ConfigError {
	if c, ok := cache.(interface{ Check() error }); ok {
		if e, ok := errors.AsType[*tokencache.Error](c.Check()); ok {
			return &ConfigError{Field: "Cache", Problem: e.Problem, Remedy: e.Remedy}
		}
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

// checkAuthority accepts only https:// and a host, since the flow adds the
// path, and no token may be requested in plain text.
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

// consumersID is the ID of the tenant "consumers".
const consumersID = "9188040d-6c67-4c5b-b112-36a304b66dad"

// sharedTenants are the names that stand for no tenant in particular.
var sharedTenants = []string{"common", "organizations", "consumers", consumersID}

func (c *Config) isConsumers() bool {
	return strings.EqualFold(c.Tenant, "consumers") || strings.EqualFold(c.Tenant, consumersID)
}

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
