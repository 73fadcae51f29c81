// Package directory is what administrators know and change: the tenants with
// their applications, users and policies, the mailboxes with their permissions,
// and the identity providers elsewhere.
//
// It guards itself. Every method may be called by several goroutines at once,
// and none calls out of the room while the lock is held. What the fields of the
// exported types say does not change.
package directory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
)

// ConsumersID is the tenant of all personal accounts.
// (https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc)
const ConsumersID = "9188040d-6c67-4c5b-b112-36a304b66dad"

// A Clock tells the time.
type Clock interface{ Now() time.Time }

// A Directory must be made by [New].
type Directory struct {
	Home      *Tenant // the first one
	Consumers *Tenant

	clock Clock

	mu        sync.Mutex          // guards what follows, and all that hangs on it
	tenants   map[string]*Tenant  // by id and by domain
	mailboxes map[string]*Mailbox // by address, in lower case
	issuers   map[string]bool     // by URL
}

// New returns a directory with the tenant of personal accounts and one more,
// which has the domains.
func New(clock Clock, domains ...string) *Directory {
	d := &Directory{clock: clock, tenants: make(map[string]*Tenant), mailboxes: make(map[string]*Mailbox), issuers: make(map[string]bool)}
	d.Consumers, _ = d.addTenant(ConsumersID, []string{"outlook.com", "hotmail.com", "live.com"})
	d.Home, _ = d.AddTenant(domains...)
	return d
}

// AddTenant adds an organization. The domains must not be another one's.
func (d *Directory) AddTenant(domains ...string) (*Tenant, error) {
	return d.addTenant(guid.New(), domains)
}

func (d *Directory) addTenant(id string, domains []string) (*Tenant, error) {
	t := &Tenant{
		ID: id, Domains: slices.Clone(domains), dir: d,
		apps: make(map[string]*App), users: make(map[string]*User),
		principals: make(map[string]ServicePrincipal), scopes: make(map[string]Scope),
		policies: make(map[string]Policy), assignedPolicies: make(map[string]string),
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range domains {
		if d.tenants[strings.ToLower(name)] != nil {
			return nil, fmt.Errorf("the domain %q belongs to another tenant", name)
		}
	}
	d.tenants[id] = t
	for _, name := range domains {
		d.tenants[strings.ToLower(name)] = t
	}
	return t, nil
}

// aliases are the names that stand for no tenant in particular.
var aliases = map[string]bool{"common": true, "organizations": true, "consumers": true}

// IsAlias reports whether a name in a URL stands for no tenant in particular.
func IsAlias(name string) bool { return aliases[strings.ToLower(name)] }

// FindTenant finds a tenant by its name in a URL, for requests that must name
// one.
func (d *Directory) FindTenant(name string) (*Tenant, *aadsts.Refusal) {
	if IsAlias(name) {
		return nil, aadsts.Refuse(aadsts.NoTenant)
	}
	if t := d.Tenant(name); t != nil {
		return t, nil
	}
	return nil, aadsts.Refuse(aadsts.UnknownTenant)
}

// Tenant returns the tenant with the id or the domain, or nil.
func (d *Directory) Tenant(name string) *Tenant {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.tenants[strings.ToLower(name)]
}

// FindTenantOrAlias is FindTenant for flows in which the user may decide. The
// tenant is nil then.
func (d *Directory) FindTenantOrAlias(name string) (*Tenant, *aadsts.Refusal) {
	switch strings.ToLower(name) {
	case "common", "organizations":
		return nil, nil
	case "consumers":
		return d.Consumers, nil
	}
	return d.FindTenant(name)
}

// FindApp finds an application in the tenant, or, if that is nil, in the tenant
// that it is registered in.
func (d *Directory) FindApp(t *Tenant, clientID string) (*App, *aadsts.Refusal) {
	registered := d.Registered(clientID)
	if t != nil {
		if a := t.App(clientID); a != nil {
			return a, nil
		}
		if t == d.Consumers && registered != nil {
			return nil, aadsts.Refuse(aadsts.WorkAccountsOnly)
		}
		return nil, aadsts.Refuse(aadsts.UnknownApp, "tenant", t.Domains[0])
	}
	switch {
	case registered == nil:
		return nil, aadsts.Refuse(aadsts.UnknownApp, "tenant", d.Home.Domains[0])
	case registered.State().SingleTenant:
		return nil, aadsts.Refuse(aadsts.SingleTenant)
	}
	return registered, nil
}

// Registered finds an application where it is registered, or anywhere if that is
// not here. It returns nil if there is none.
func (d *Directory) Registered(clientID string) *App {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.tenants {
		if a := t.apps[strings.ToLower(clientID)]; a != nil && (a.reg.home == t || a.reg.home == nil) {
			return a
		}
	}
	return nil
}

// FindUser finds a user by name, in the tenant or, if that is nil, in any.
func (d *Directory) FindUser(t *Tenant, name string) (*User, *aadsts.Refusal) {
	_, domain, _ := strings.Cut(name, "@")
	home := d.Tenant(domain)
	switch {
	case home == nil:
		return nil, aadsts.Refuse(aadsts.UnknownUser, "username", name, "tenant", cmp.Or(t, d.Home).ID)
	case t != nil && home != t:
		return nil, aadsts.Refuse(aadsts.ForeignUser, "username", name, "tenant", t.Domains[0])
	}
	if u := home.User(name); u != nil {
		return u, nil
	}
	return nil, aadsts.Refuse(aadsts.UnknownUser, "username", name, "tenant", home.ID)
}

// Mailbox returns the mailbox with the address, or nil.
func (d *Directory) Mailbox(address string) *Mailbox {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.mailboxes[strings.ToLower(address)]
}

// Mailboxes returns those that the addresses lead to, each once. note is called
// in the same moment: a mailbox that is made after it is not among them.
func (d *Directory) Mailboxes(addresses []string, note func()) []*Mailbox {
	d.mu.Lock()
	defer d.mu.Unlock()
	note()
	var list []*Mailbox
	for _, a := range addresses {
		if m := d.mailboxes[strings.ToLower(a)]; m != nil && !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	return list
}

// AddIssuer adds an identity provider.
func (d *Directory) AddIssuer(url string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.issuers[url] = true
}

// HasIssuer reports whether there is such an identity provider.
func (d *Directory) HasIssuer(url string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.issuers[url]
}

func sorted[T any](m map[string]T) []T {
	var list []T
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[key])
	}
	return list
}
