package directory

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Clone returns a copy to try something on. What is in the mailboxes is shared.
func (d *Directory) Clone() *Directory {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := &Directory{clock: d.clock, tenants: make(map[string]*Tenant), mailboxes: make(map[string]*Mailbox), issuers: maps.Clone(d.issuers)}
	tenants := map[*Tenant]*Tenant{nil: nil}
	for name, t := range d.tenants {
		if tenants[t] == nil {
			tenants[t] = t.cloneInto(c)
		}
		c.tenants[name] = tenants[t]
	}
	c.Home, c.Consumers = tenants[d.Home], tenants[d.Consumers]
	for address, m := range d.mailboxes {
		n := *m
		n.tenant, n.fullAccess, n.sendAs = tenants[m.tenant], maps.Clone(m.fullAccess), maps.Clone(m.sendAs)
		c.mailboxes[address] = &n
	}
	regs := make(map[*registration]*registration)
	for t, copied := range tenants {
		if t != nil {
			copied.cloneMembers(t, tenants, regs)
		}
	}
	return c
}

func (t *Tenant) cloneInto(d *Directory) *Tenant {
	n := *t
	n.dir = d
	n.principals, n.scopes, n.policies, n.assignedPolicies = maps.Clone(t.principals), maps.Clone(t.scopes), maps.Clone(t.policies), maps.Clone(t.assignedPolicies)
	return &n
}

// cloneMembers gives the copy its users and applications.
func (t *Tenant) cloneMembers(from *Tenant, tenants map[*Tenant]*Tenant, regs map[*registration]*registration) {
	t.users, t.apps = make(map[string]*User), make(map[string]*App)
	for name, u := range from.users {
		n := *u
		n.tenant, n.Mailbox = t, t.dir.mailboxes[name]
		n.Mailbox.owner = &n
		t.users[name] = &n
	}
	for id, a := range from.apps {
		n := *a
		n.tenant, n.assigned, n.consents = t, maps.Clone(a.assigned), make(map[string]map[string]bool)
		for who, permissions := range a.consents {
			n.consents[who] = maps.Clone(permissions)
		}
		if regs[a.reg] == nil {
			r := *a.reg
			r.home, r.redirects, r.secrets = tenants[r.home], maps.Clone(r.redirects), slices.Clone(r.secrets)
			regs[a.reg] = &r
		}
		n.reg = regs[a.reg]
		t.apps[id] = &n
	}
}

// String describes everything that is in the directory, secrets included, but
// for what is in the mailboxes. Two directories that differ have two
// descriptions.
func (d *Directory) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(d.tenants)) {
		t := d.tenants[name]
		fmt.Fprintln(&b, "tenant", name, t.ID)
		if name != t.ID {
			continue
		}
		fmt.Fprintln(&b, t.Domains, t.state, t.principals, t.assignments, t.policies, t.assignedPolicies)
		for _, s := range sorted(t.scopes) {
			fmt.Fprintln(&b, "scope", s.Name, s.Filter)
		}
		for _, u := range sorted(t.users) {
			fmt.Fprintln(&b, "user", u.UPN, u.ObjectID, u.Mailbox.Address, u.password, u.state, u.changed, u.revoked)
		}
		for _, a := range sorted(t.apps) {
			fmt.Fprintln(&b, "app", a.Name, a.ClientID, a.ObjectID, a.ServicePrincipalID, a.ResourceID, a.roles, a.asked, a.consents, a.assigned, a.state)
			home := "elsewhere"
			if a.reg.home != nil {
				home = a.reg.home.ID
			}
			fmt.Fprintln(&b, home, a.reg.secrets, len(a.reg.certs), a.reg.federated, a.reg.redirects, a.reg.state)
		}
	}
	for _, m := range sorted(d.mailboxes) {
		fmt.Fprintln(&b, "mailbox", m.Address, m.tenant.ID, m.owner.key(), m.fullAccess, m.sendAs, m.hveApps, text(m.cas.IMAP), text(m.cas.POP), text(m.cas.SMTPDisabled))
	}
	fmt.Fprintln(&b, "issuers", d.issuers)
	return b.String()
}

func text(b *bool) string {
	if b == nil {
		return "-"
	}
	return fmt.Sprint(*b)
}
