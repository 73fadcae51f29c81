package exchangetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
)

// A directory is what administrators know and change: the tenants with their
// apps, users and policies, the mailboxes, and the identity providers elsewhere.
type directory struct {
	home      *Tenant // that the server started with
	consumers *Tenant

	// mu guards what follows, and what is in tenants, apps, users and
	// mailboxes. No lock is taken while it is held but that of the records.
	mu        sync.Mutex
	tenants   map[string]*Tenant  // by id and by domain
	mailboxes map[string]*Mailbox // by address, in lower case
	issuers   map[string]*Issuer  // by URL
}

func newDirectory() *directory {
	return &directory{tenants: make(map[string]*Tenant), mailboxes: make(map[string]*Mailbox), issuers: make(map[string]*Issuer)}
}

// addTenant panics where a domain is taken.
func (d *directory) addTenant(t *Tenant) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range t.Domains {
		if d.tenants[strings.ToLower(name)] != nil {
			panic(fmt.Sprintf("exchangetest: AddTenant: the domain %q belongs to another tenant", name))
		}
	}
	d.tenants[t.ID] = t
	for _, name := range t.Domains {
		d.tenants[strings.ToLower(name)] = t
	}
}

// addMailbox reports whether the address was free.
func (d *directory) addMailbox(m *Mailbox) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := strings.ToLower(m.Address)
	if d.mailboxes[key] != nil {
		return false
	}
	d.mailboxes[key] = m
	return true
}

func (d *directory) mailboxLocked(address string) *Mailbox {
	return d.mailboxes[strings.ToLower(address)]
}

// inboxesLocked returns the mailboxes that the addresses lead to, each once.
func (d *directory) inboxesLocked(addresses []string) []*Mailbox {
	var list []*Mailbox
	for _, a := range addresses {
		if m := d.mailboxLocked(a); m != nil && !slices.Contains(list, m) {
			list = append(list, m)
		}
	}
	return list
}

// aliases are the names that stand for no tenant in particular.
var aliases = map[string]bool{"common": true, "organizations": true, "consumers": true}

// findTenant finds a tenant by what stands in a URL, for requests that must
// name one.
func (d *directory) findTenant(name string) (*Tenant, *aadsts.Refusal) {
	name = strings.ToLower(name)
	if aliases[name] {
		return nil, aadsts.Refuse(aadsts.NoTenant)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.tenants[name]
	if t == nil {
		return nil, aadsts.Refuse(aadsts.UnknownTenant)
	}
	return t, nil
}

// findTenantOrAlias is findTenant for flows in which who signs in can decide;
// the tenant is nil where that is so.
func (d *directory) findTenantOrAlias(name string) (*Tenant, *aadsts.Refusal) {
	switch strings.ToLower(name) {
	case "common", "organizations":
		return nil, nil
	case "consumers":
		return d.consumers, nil
	}
	return d.findTenant(name)
}

// findApp finds an app in the tenant, or, if that is nil, in the tenant that
// it is registered in.
func (d *directory) findApp(t *Tenant, clientID string) (*App, *aadsts.Refusal) {
	if t != nil {
		if a := t.app(clientID); a != nil {
			return a, nil
		}
		if t == d.consumers && d.registered(clientID) != nil {
			return nil, aadsts.Refuse(aadsts.WorkAccountsOnly)
		}
		return nil, aadsts.Refuse(aadsts.UnknownApp, "tenant", t.Domains[0])
	}
	switch a := d.registered(clientID); {
	case a == nil:
		return nil, aadsts.Refuse(aadsts.UnknownApp, "tenant", d.home.Domains[0])
	case a.isSingleTenant():
		return nil, aadsts.Refuse(aadsts.SingleTenant)
	default:
		return a, nil
	}
}

// registered finds an app where it is registered, or returns nil.
func (d *directory) registered(clientID string) *App {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.tenants {
		if a := t.apps[strings.ToLower(clientID)]; a != nil && a.reg.home == t {
			return a
		}
	}
	return nil
}

// findUser finds a user by name, in the tenant or, if that is nil, in any.
func (d *directory) findUser(t *Tenant, name string) (*User, *aadsts.Refusal) {
	_, domain, _ := strings.Cut(strings.ToLower(name), "@")
	d.mu.Lock()
	defer d.mu.Unlock()
	home := d.tenants[domain]
	switch {
	case home == nil:
		return nil, aadsts.Refuse(aadsts.UnknownUser, "username", name, "tenant", cmp.Or(t, d.home).ID)
	case t != nil && home != t:
		return nil, aadsts.Refuse(aadsts.ForeignUser, "username", name, "tenant", t.Domains[0])
	}
	if u := home.users[strings.ToLower(name)]; u != nil {
		return u, nil
	}
	return nil, aadsts.Refuse(aadsts.UnknownUser, "username", name, "tenant", home.ID)
}
