package tokensource

import (
	"cmp"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/azurehost"
	"github.com/exoauth/exoauth/tokencache"
)

// ManagedIdentityOptions says which managed identity is asked for a token, and
// how. The zero value is the one of the system, for the global cloud.
type ManagedIdentityOptions struct {
	// ClientID, ObjectID and ResourceID name an identity that was assigned by
	// a user: its client id, the object id of its service principal, or its
	// resource id in Azure, "/subscriptions/…". One at most; none means the
	// identity of the system. Not every host knows all of them.
	ClientID, ObjectID, ResourceID string

	// Resource is what the token is for. Empty means Exchange Online in the
	// global cloud; for another cloud set it to [exoauth.Cloud.Resource]. With
	// "api://AzureADTokenExchange" the token is one for [Assertion].
	Resource string

	// HTTPClient sends the requests. Nil means one that uses no proxy, which
	// would see what only this machine should. It is copied, and the copy
	// follows no redirect. Its Timeout bounds each request; zero means ten
	// seconds. For Service Fabric its Transport is replaced by one that
	// accepts the pinned certificate only.
	HTTPClient *http.Client

	// Cache keeps the tokens for the next run of the program and for other
	// processes, as [Config.Cache] does. Nil keeps them in the Source alone,
	// which will do: the host has a cache too.
	Cache tokencache.Cache

	// Logger gets a record for each request, at level Debug, and for each
	// failure, at level Warn, as [Config.Logger] does. Nil means silence.
	Logger *slog.Logger
}

// identityLimit bounds a request to a host that is near.
const identityLimit = 10 * time.Second

// ManagedIdentity returns a source of tokens for the identity that Azure has
// given to the machine or service on which the program runs, so that it needs
// no credential at all. Exchange Online treats it as any other application:
// see [Config.ClientCredentials] for what an administrator grants to it. It has
// no app registration, so the portal has no page for the permission: that is
// given with New-MgServicePrincipalAppRoleAssignment, for which the README has
// the commands.
//
// Which host is asked is told by the environment, read once: Service Fabric,
// App Service (with Functions and Container Apps), Azure Machine Learning,
// Cloud Shell, Azure Arc, and where it says nothing, the metadata service of
// virtual machines (IMDS). Each has its own rules for what is tried again; that
// service needs up to 70 seconds where it is being updated.
//
// These hosts keep their tokens for hours, so that a permission granted
// meanwhile is not in the next one. Tokens of more than two hours are renewed
// after half of that, in the background.
//
// The errors are as those of [Source.TokenContext], with an [Error] that has no
// Tenant.
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
	if bad := host.Ask(o.resource(), azurehost.ID{Client: o.ClientID, Object: o.ObjectID, Resource: o.ResourceID}); bad != nil {
		bad.Field = "ManagedIdentityOptions." + bad.Field
		return &Source{broken: (*ConfigError)(bad)}
	}
	id := newIdentity(o, host)
	return newAppSource(id.owner, o.Cache, id.key, id.fetch)
}

func newIdentity(o ManagedIdentityOptions, host *azurehost.Host) *identity {
	name := identityName(o, host)
	id := &identity{
		owner: &owner{name: name, clientID: o.ClientID, identity: name, log: patientLogger(o.Logger)},
		host:  host, options: o, resource: o.resource(),
	}
	hc := o.HTTPClient
	if hc == nil {
		hc = &http.Client{Transport: boundTransport(azurehost.Near())}
	}
	id.http, id.limit = ownClient(hc, identityLimit)
	id.http.Transport = host.Pinned(id.http.Transport)
	return id
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
	case o.ClientID != "" && !clientIDPattern.MatchString(o.ClientID):
		return &ConfigError{Field: which + ".ClientID", Value: unlessSecret(o.ClientID), Problem: "has characters that no id has", Remedy: "set it to the client id of the identity"}
	case o.ObjectID != "" && !guidPattern.MatchString(o.ObjectID):
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
