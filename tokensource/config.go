package tokensource

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
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
	// "contoso.onmicrosoft.com". Required. Where a user signs in it may also be
	// "organizations" for users of any tenant, "consumers" for accounts of
	// outlook.com, or "common" for both.
	Tenant string

	// ClientID is the application (client) id. Required.
	ClientID string

	// Credential proves that it is this application that asks. Nil means a
	// public client, which flows without a user refuse.
	Credential Credential

	// Scopes is what to ask for. Nil or empty means what mail needs in the
	// flow: [exoauth.Cloud.AppScope] where there is no user, otherwise
	// [exoauth.Cloud.UserScope] of IMAP.AccessAsUser.All and of SMTP.Send, and
	// offline_access, without which a user signs in again every hour.
	Scopes []string

	// HTTPClient sends the requests. Nil means the zero one. It is copied, and
	// the copy follows no redirect, for a 307 would post the secret to another
	// host. Its Timeout bounds each request; zero means 30 seconds. A nil
	// Transport means a copy of the one of package net/http that reads no more
	// than 256 KiB of an answer's status line and headers. Any other reads what
	// it is set to, 10 MiB if MaxResponseHeaderBytes of an [http.Transport] is
	// zero. Of a body 1 MiB is read in any case.
	HTTPClient *http.Client

	// Cache keeps the tokens for the next run of the program and for other
	// processes: [DirCache] in files, or your own in a database. A person who
	// has signed in is not asked again, and a program that runs every minute
	// asks Entra ID once an hour. Nil keeps them in the Source alone: when the
	// program ends, the sign-in is lost. What is stored is found again with the
	// same Cloud, ClientID and CacheKey, and with Tenant and Scopes spelled as
	// they were; the Credential may be replaced by another.
	//
	// A new refresh token is stored before it is used, and before the access
	// token that came with it is handed out. Where it cannot be stored the
	// Source returns the error, keeps the token, and tries to store it before
	// anything else when it is asked again; see [Cache] for what it does lest that
	// happens. While the cache cannot be read or
	// locked, nothing is asked of Entra ID for a user. For the application's
	// own tokens, which can be fetched again, such trouble is logged and
	// nothing more. A refresh token that has ended is deleted; a damaged entry
	// is logged and replaced.
	//
	// Where the Cache is a [Locker], which DirCache is, processes take turns,
	// for half a minute at most, and make one request between them; while a
	// person is asked, nobody waits, and others may be asked too. Without
	// locks two may make one each, and the one to store last prevails: no harm
	// with Entra ID, where the refresh tokens of both are good. There it does
	// no harm either if a process is killed between the answer and its storing.
	Cache Cache

	// CacheKey tells apart the users of one Config in its Cache: two Sources
	// with different ones never get each other's token. Make it what the
	// program itself knows the user by, such as the id of their account there.
	// What a flow knows about its user counts as well: the user name and
	// password, the refresh token or assertion it is given, the LoginHint. A
	// LoginHint is not checked: its entry is that of whoever signed in there.
	//
	// It is required where users of a web application sign in, for
	// [Config.Exchange] and [Config.SignedIn]. Empty means that one person
	// uses the program, as with most that have AuthCode or DeviceCode: whoever
	// has signed in is the user of all Sources of that flow with the same Cache.
	CacheKey string

	// Logger gets a record for each request, at level Debug, and for each
	// failure, at level Warn. Nil means silence. The records of a call are
	// written when all who waited for it have their answer, so that a handler
	// may use the Source, as one does that sends mail.
	Logger *slog.Logger
}

// requestLimit bounds a request where the HTTP client does not.
const requestLimit = 30 * time.Second

// client is a Config made ready to send requests.
type client struct {
	tenant, clientID string
	authority        string // without the slash at its end
	scope            string
	signers          []signer     // one at least
	preferred        atomic.Int32 // index of the signer to try first
	http             http.Client
	limit            time.Duration // of one request, the reading of its answer included
	cache            Cache
	cacheKey         string
	log              *slog.Logger
}

// ownClient returns a copy of hc, which may be nil, that follows no redirect,
// and the time limit of a request. That one goes into the context of each, so
// that what ends with it can be told from what the caller ends.
func ownClient(hc *http.Client, limit time.Duration) (http.Client, time.Duration) {
	own := *cmp.Or(hc, new(http.Client))
	if own.Transport == nil {
		own.Transport = sharedTransport()
	}
	limit = cmp.Or(max(own.Timeout, 0), limit)
	own.Timeout = 0
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return own, limit
}

// newClient makes a client of settings that have been checked.
func (c *Config) newClient(cloud exoauth.Cloud, scope string) *client {
	hc, limit := ownClient(c.HTTPClient, requestLimit)
	cl := &client{
		tenant:    c.Tenant,
		clientID:  c.ClientID,
		authority: strings.TrimSuffix(cloud.Authority, "/"),
		scope:     scope,
		http:      hc,
		limit:     limit,
		cache:     c.Cache,
		cacheKey:  c.CacheKey,
		log:       patientLogger(c.Logger),
		signers:   []signer{{}}, // of a public client
	}
	if c.Credential != nil {
		cl.signers = c.Credential.signers(cl)
	}
	return cl
}

// String says whose tokens they are, in logs and errors.
func (c *client) String() string { return "application " + c.clientID + " of tenant " + c.tenant }

func (c *client) logger() *slog.Logger { return c.log }

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
	return checkCache(c.Cache)
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

// consumersID is the id of the tenant "consumers".
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
