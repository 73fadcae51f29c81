package tokensource

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/azurehost"
	"github.com/exoauth/exoauth/internal/hook"
	"github.com/exoauth/exoauth/internal/httpclient"
	"github.com/exoauth/exoauth/internal/journal"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/trace"
)

// ManagedIdentityOptions are the settings of a managed identity. The zero value
// means the system-assigned identity, and the global cloud.
type ManagedIdentityOptions struct {
	// ClientID, ObjectID and ResourceID name a user-assigned identity: by its
	// client ID, the object ID of its service principal, or its resource ID in
	// Azure, "/subscriptions/…". Set one at most. None means the
	// system-assigned identity. Some hosts do not support all three.
	ClientID, ObjectID, ResourceID string

	// Resource is the resource that the token is for. Empty means Exchange
	// Online in the global cloud. For another cloud, set it to
	// [exoauth.Cloud.Resource]. For an [Assertion], set it to
	// "api://AzureADTokenExchange".
	Resource string

	// HTTPClient sends the requests. Nil means one without a proxy, since a
	// proxy would see the secrets of this machine. The Source uses a copy that
	// follows no redirect. Its Timeout bounds each request; zero means ten
	// seconds. On Service Fabric, the copy accepts only the pinned certificate.
	HTTPClient *http.Client

	// Cache keeps tokens for the next run of the program and for other
	// processes, as [Config.Cache] does. Nil means that only the Source keeps
	// them, which is enough, since the host has a cache, too.
	Cache tokencache.Cache

	// Logger gets a record for each request, at level Debug, and for each
	// failure, at level Warn, as [Config.Logger] does. Nil means no records.
	Logger *slog.Logger

	// Trace is told of each request and of each token. Nil means nobody.
	Trace *trace.Hooks
}

// identityLimit bounds a request to a host that is near.
const identityLimit = 10 * time.Second

// ManagedIdentity returns a source of tokens for the identity that Azure has
// given to the machine or service on which the program runs. It needs no
// credential. Exchange Online treats it like any other application; see
// [Config.ClientCredentials] for the permissions. A managed identity has no app
// registration, so the portal has no page for them: grant them with
// New-MgServicePrincipalAppRoleAssignment, as the README shows.
//
// ManagedIdentity reads from the environment, once, which host to ask: Service
// Fabric, App Service (with Functions and Container Apps), Azure Machine
// Learning, Cloud Shell, Azure Arc, or else the metadata service of virtual
// machines (IMDS). The Source repeats failed requests as Microsoft documents
// for that host; if IMDS is being updated, that may take 70 seconds.
//
// These hosts cache their tokens for hours, so the next token may lack a
// permission that was granted meanwhile. The Source renews a token that lives
// for more than two hours in the background, after half its lifetime.
//
// The errors are those of [Source.TokenContext]; an [*Error] has no Tenant.
//
// (https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token)
func ManagedIdentity(o ManagedIdentityOptions) *Source {
	return managedIdentity(o, azurehost.This())
}

func managedIdentity(o ManagedIdentityOptions, m azurehost.Machine) *Source {
	if err := o.check(); err != nil {
		return &Source{broken: err}
	}
	host, bad := m.Find()
	if bad != nil {
		return &Source{broken: (*ConfigError)(bad)}
	}
	return identitySource(o, host)
}

func identitySource(o ManagedIdentityOptions, host *azurehost.Host) *Source {
	if bad := host.Ask(o.resource(), o.id()); bad != nil {
		bad.Field = "ManagedIdentityOptions." + bad.Field
		return &Source{broken: (*ConfigError)(bad)}
	}
	id := newIdentity(o, host)
	return newAppSource(id.client, id.key, id.fetch)
}

func newIdentity(o ManagedIdentityOptions, host *azurehost.Host) *identity {
	name := identityName(o, host)
	id := &identity{
		client: &client{name: name, clientID: o.ClientID, identity: name, log: journal.Logger(o.Logger), cache: o.Cache},
		host:   host, options: o, resource: o.resource(),
	}
	hc := o.HTTPClient
	if hc == nil {
		hc = &http.Client{Transport: httpclient.Bounded(azurehost.Near())}
	}
	id.hooks = hook.Tokens{Hooks: o.Trace, ClientID: o.ClientID}
	id.http, id.limit = httpclient.New(hc, identityLimit)
	id.http.Transport = host.Pinned(id.http.Transport)
	return id
}

func (o ManagedIdentityOptions) id() azurehost.ID {
	return azurehost.ID{Client: o.ClientID, Object: o.ObjectID, Resource: o.ResourceID}
}

func (o ManagedIdentityOptions) resource() string {
	return cmp.Or(o.Resource, exoauth.Global.Resource)
}

func (o ManagedIdentityOptions) check() *ConfigError {
	const which = "ManagedIdentityOptions"
	named := 0
	for _, id := range []string{o.ClientID, o.ObjectID, o.ResourceID} {
		if id != "" {
			named++
		}
	}
	resource := o.resource()
	switch {
	case named > 1:
		return &ConfigError{Field: which, Problem: "names its identity more than once", Remedy: "leave one of ClientID, ObjectID and ResourceID"}
	case o.ClientID != "" && !isClientID(o.ClientID):
		return &ConfigError{Field: which + ".ClientID", Value: unlessSecret(o.ClientID), Problem: "has characters that no id has", Remedy: "set it to the client id of the identity"}
	case o.ObjectID != "" && !plain.IsGUID(o.ObjectID):
		return &ConfigError{Field: which + ".ObjectID", Value: unlessSecret(o.ObjectID), Problem: "not a GUID", Remedy: "set it to the object (principal) id of the identity"}
	case o.ResourceID != "" && !strings.HasPrefix(o.ResourceID, "/subscriptions/"):
		return &ConfigError{Field: which + ".ResourceID", Value: unlessSecret(o.ResourceID), Problem: "not a resource id", Remedy: "set it to the one that begins with /subscriptions/"}
	case isNoScope(resource) || strings.HasSuffix(resource, "/.default"):
		return &ConfigError{Field: which + ".Resource", Value: resource, Problem: "a scope, or not a resource at all", Remedy: "leave it empty, which means " + exoauth.Global.Resource}
	case isGraph(resource):
		return &ConfigError{Field: which + ".Resource", Value: resource, Problem: problemGraph, Remedy: "leave it empty, which means " + exoauth.Global.Resource}
	}
	return checkCache(o.Cache)
}

// identity is a managed identity that is ready to be asked for tokens.
type identity struct {
	*client
	host     *azurehost.Host
	options  ManagedIdentityOptions
	resource string
}

// identityName says whose tokens they are, in logs and errors.
func identityName(o ManagedIdentityOptions, host *azurehost.Host) string {
	id := cmp.Or(o.ClientID, o.ObjectID, o.ResourceID)
	if id == "" {
		return "the managed identity of the system (" + host.Name + ")"
	}
	return "the managed identity " + id + " (" + host.Name + ")"
}

// key returns the key of its tokens in a Cache. The system-assigned identity
// differs from machine to machine. It may differ between programs on one
// machine, which then have different secrets.
func (i *identity) key() (string, error) {
	o := i.options
	parts := []string{keyIdentity, i.host.Name, i.resource, strings.ToLower(o.ClientID), strings.ToLower(o.ObjectID), strings.ToLower(o.ResourceID)}
	if o.ClientID == "" && o.ObjectID == "" && o.ResourceID == "" {
		machine, err := os.Hostname()
		if err != nil {
			return "", err
		}
		parts = append(parts, machine, i.host.URL, i.host.Secret)
	}
	return cacheKey(parts...), nil
}

// longLived are tokens that are renewed after half of their lifetime.
const longLived = 2 * time.Hour

func (i *identity) fetch(ctx context.Context, pause pauseFunc) (*token, error) {
	return i.retry(ctx, pause, i.backoff, func() (*token, error) { return i.ask(ctx) })
}

func (i *identity) backoff(try int, err error) (time.Duration, bool) {
	var status int
	if e, ok := err.(*Error); ok {
		status = e.StatusCode
	}
	switch wait, again := i.host.Wait(try, status); {
	case !again:
		return wait, false
	case wait == 0:
		return entraBackoff(try, err)
	case status == http.StatusGone:
		return wait, true
	default:
		return spread(wait, err), true
	}
}

// ask makes one request, or two if the host wants a proof. Any error is an
// *Error.
func (i *identity) ask(ctx context.Context) (*token, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, i.limit, errTimeout)
	defer cancel()
	t, challenge, e := i.send(ctx, "")
	if e != nil && e.StatusCode == http.StatusUnauthorized && i.host.KeyDir != "" {
		key, err := i.host.Key(challenge)
		if err != nil {
			return nil, i.failed(&credentialError{err})
		}
		t, _, e = i.send(ctx, key)
	}
	if e != nil {
		return nil, e
	}
	return t, nil
}

func (i *identity) send(ctx context.Context, key string) (t *token, challenge string, e *Error) {
	e = i.failed(nil)
	req, err := i.host.Request(ctx, key)
	if err != nil {
		e.Err = err
		return nil, "", e
	}
	e.CorrelationID = newGUID()
	req.Header.Set("x-ms-client-request-id", e.CorrelationID)
	secrets := new(plain.Secrets)
	secrets.Add(i.host.Secret, key)
	begun := time.Now()
	e.hint = i.host.Hint // until there is an answer
	bad := roundTrip(&i.http, req, e, secrets, func(a *answer, asked time.Time) (err error) {
		a.describeIdentity(e)
		e.passes = slices.Contains(i.host.Passing, a.status)
		challenge = a.header.Get("WWW-Authenticate")
		a.dated = true
		if t, err = a.token(asked); err == nil {
			err = i.host.CheckEcho(i.options.id(), a.fields.text)
		}
		if err != nil {
			e.hint = i.host.Remedy(a.status)
			return err
		}
		if t.RefreshIn == 0 && t.Lifetime > longLived {
			t.RefreshIn = t.Lifetime / 2
		}
		i.gotToken(ctx, t, a)
		return nil
	})
	i.requested(ctx, begun, bad)
	return t, challenge, bad
}

// describeIdentity reads the errors that are not those of OAuth: App Service's
// are flat, Service Fabric's are an object.
func (a *answer) describeIdentity(e *Error) {
	inner := parseFields(a.fields["error"])
	text := func(limit int, f fields, name string) string { return head(a.secrets.Text(f.text(name)), limit) }
	e.Code = cmp.Or(e.Code, text(128, inner, "code"))
	e.Description = cmp.Or(e.Description, text(4<<10, inner, "message"), text(4<<10, a.fields, "message"))
	e.CorrelationID = cmp.Or(text(64, inner, "correlationId"), text(64, a.fields, "correlationId"), e.CorrelationID)
	a.refused = a.refused || e.Code != "" || e.Description != "" && a.status != http.StatusOK
}
