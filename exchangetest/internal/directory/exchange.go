package directory

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
)

// A ServicePrincipal is an application as Exchange knows it. Both ids are in
// lower case.
type ServicePrincipal struct{ AppID, ObjectID string }

// AddServicePrincipal tells Exchange of an application. Like the cmdlet it does
// not look into Entra ID.
func (t *Tenant) AddServicePrincipal(appID, objectID string) error {
	for _, id := range []string{appID, objectID} {
		if !guid.Valid(id) {
			return fmt.Errorf("%q is not a GUID; it takes the application (client) id and the object id of the enterprise application", id)
		}
	}
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	for _, sp := range t.principals {
		if strings.EqualFold(sp.AppID, appID) || strings.EqualFold(sp.ObjectID, objectID) {
			return fmt.Errorf("the application %s is registered with the object id %s already; remove it first", sp.AppID, sp.ObjectID)
		}
	}
	t.principals[strings.ToLower(objectID)] = ServicePrincipal{strings.ToLower(appID), strings.ToLower(objectID)}
	return nil
}

// RemoveServicePrincipal removes an application, by either id, with its
// permissions.
func (t *Tenant) RemoveServicePrincipal(identity string) error {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	sp, ok := t.principalLocked(identity)
	if !ok {
		return noPrincipal(identity)
	}
	delete(t.principals, sp.ObjectID)
	t.assignments = slices.DeleteFunc(slices.Clone(t.assignments), func(a RoleAssignment) bool { return a.App == sp.ObjectID })
	for _, m := range t.dir.mailboxes {
		if m.tenant == t {
			delete(m.fullAccess, sp.ObjectID)
			delete(m.sendAs, sp.ObjectID)
		}
	}
	return nil
}

func noPrincipal(identity string) error {
	return fmt.Errorf("there is no service principal %q", identity)
}

// FindServicePrincipal finds an application, by either id.
func (t *Tenant) FindServicePrincipal(identity string) (ServicePrincipal, bool) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	return t.principalLocked(identity)
}

func (t *Tenant) principalLocked(identity string) (ServicePrincipal, bool) {
	identity = strings.ToLower(identity)
	if sp, ok := t.principals[identity]; ok {
		return sp, true
	}
	for _, sp := range t.principals {
		if sp.AppID == identity {
			return sp, true
		}
	}
	return ServicePrincipal{}, false
}

// ServicePrincipals returns the applications, ordered by application id.
func (t *Tenant) ServicePrincipals() []ServicePrincipal {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	list := sorted(t.principals)
	slices.SortFunc(list, func(a, b ServicePrincipal) int { return cmp.Compare(a.AppID, b.AppID) })
	return list
}

// SMTPRole is the management role by which RBAC for Applications lets an
// application submit mail without a permission in Entra ID.
// (https://learn.microsoft.com/exchange/client-developer/legacy-protocols/smtp-app-rbac-onboarding)
const SMTPRole = "Application SMTP.SendAsApp"

// A Scope is a set of mailboxes.
type Scope struct {
	Name    string
	Filter  string
	Matches func(address, kind string) bool
}

// A RoleAssignment lets an application do what a role allows with the mailboxes
// of a scope.
type RoleAssignment struct {
	Name  string
	App   string // object id of the service principal
	Role  string
	Scope string // name; empty means all mailboxes
}

// AddScope adds a set of mailboxes.
func (t *Tenant) AddScope(s Scope) error {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	key := strings.ToLower(s.Name)
	if _, ok := t.scopes[key]; ok {
		return fmt.Errorf("there is a scope %q already", s.Name)
	}
	t.scopes[key] = s
	return nil
}

// AssignRole adds an assignment. Its App may be either id, and its Name empty.
func (t *Tenant) AssignRole(a RoleAssignment) (RoleAssignment, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	sp, ok := t.principalLocked(a.App)
	if !ok {
		return a, fmt.Errorf("there is no service principal %q; make it with New-ServicePrincipal first", a.App)
	}
	if !strings.EqualFold(a.Role, SMTPRole) {
		return a, fmt.Errorf("there is no role %q here, only %q", a.Role, SMTPRole)
	}
	if _, ok := t.scopes[strings.ToLower(a.Scope)]; a.Scope != "" && !ok {
		return a, fmt.Errorf("there is no management scope %q", a.Scope)
	}
	a.App, a.Role, a.Name = sp.ObjectID, SMTPRole, cmp.Or(a.Name, SMTPRole+"-"+sp.ObjectID)
	if slices.ContainsFunc(t.assignments, func(b RoleAssignment) bool { return strings.EqualFold(a.Name, b.Name) }) {
		return a, fmt.Errorf("there is a role assignment %q already", a.Name)
	}
	t.assignments = append(slices.Clone(t.assignments), a)
	return a, nil
}

// RoleAssignments returns the assignments in the order in which they were made.
func (t *Tenant) RoleAssignments() []RoleAssignment {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	return slices.Clone(t.assignments)
}

// RemoveRoleAssignment removes the assignment with the name.
func (t *Tenant) RemoveRoleAssignment(name string) error {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	i := slices.IndexFunc(t.assignments, func(a RoleAssignment) bool { return strings.EqualFold(a.Name, name) })
	if i < 0 {
		return fmt.Errorf("there is no role assignment %q", name)
	}
	t.assignments = slices.Delete(slices.Clone(t.assignments), i, i+1)
	return nil
}

// HasRole reports whether RBAC for Applications lets the application submit mail
// for any mailbox.
func (t *Tenant) HasRole(sp ServicePrincipal) bool {
	return slices.ContainsFunc(t.RoleAssignments(), func(a RoleAssignment) bool { return a.App == sp.ObjectID })
}

// HasRoleFor is HasRole for one mailbox.
func (t *Tenant) HasRoleFor(sp ServicePrincipal, m *Mailbox) bool {
	return slices.ContainsFunc(t.RoleAssignments(), func(a RoleAssignment) bool { return a.App == sp.ObjectID && t.InScope(a, m) })
}

// InScope reports whether an assignment is for the mailbox.
func (t *Tenant) InScope(a RoleAssignment, m *Mailbox) bool {
	if a.Scope == "" {
		return true
	}
	kind := m.Kind()
	t.dir.mu.Lock()
	scope := t.scopes[strings.ToLower(a.Scope)]
	t.dir.mu.Unlock()
	return scope.Matches(m.Address, kind)
}

// A Policy is an authentication policy: it says in which protocols Exchange
// takes a password.
type Policy struct {
	Name            string
	IMAP, POP, SMTP bool
}

// AddPolicy adds an authentication policy.
func (t *Tenant) AddPolicy(p Policy) error {
	if p.Name == "" {
		return errors.New("a policy has a name")
	}
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	if old, ok := t.policies[strings.ToLower(p.Name)]; ok {
		return fmt.Errorf("there is an authentication policy %q already", old.Name)
	}
	t.policies[strings.ToLower(p.Name)] = p
	return nil
}

// ChangePolicy changes an authentication policy. The function must not call
// back.
func (t *Tenant) ChangePolicy(name string, f func(*Policy)) error {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	p, ok := t.policies[strings.ToLower(name)]
	if !ok {
		return noPolicy(name)
	}
	f(&p)
	t.policies[strings.ToLower(name)] = p
	return nil
}

func noPolicy(name string) error {
	return fmt.Errorf("there is no authentication policy %q; make it with New-AuthenticationPolicy", name)
}

// FindPolicy returns the authentication policy with the name.
func (t *Tenant) FindPolicy(name string) (Policy, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	p, ok := t.policies[strings.ToLower(name)]
	if !ok {
		return p, noPolicy(name)
	}
	return p, nil
}

// Policies returns the authentication policies, ordered by name.
func (t *Tenant) Policies() []Policy {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	return sorted(t.policies)
}

// RemovePolicy removes an authentication policy. Users keep its name, which
// allows nothing from then on.
func (t *Tenant) RemovePolicy(name string) error {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	if _, ok := t.policies[strings.ToLower(name)]; !ok {
		return noPolicy(name)
	}
	delete(t.policies, strings.ToLower(name))
	return nil
}

// AssignPolicy assigns a policy to a user. An empty one takes back what was
// assigned.
func (t *Tenant) AssignPolicy(upn, policy string) error {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	upn = strings.ToLower(upn)
	if t.users[upn] == nil {
		return fmt.Errorf("there is no user %q in %s", upn, t.Domains[0])
	}
	if policy == "" {
		delete(t.assignedPolicies, upn)
		return nil
	}
	if _, ok := t.policies[strings.ToLower(policy)]; !ok {
		return noPolicy(policy)
	}
	t.assignedPolicies[upn] = strings.ToLower(policy)
	return nil
}

// PolicyOf returns the policy that holds for a user. One that was removed allows
// nothing.
func (d *Directory) PolicyOf(upn string) Policy {
	upn = strings.ToLower(upn)
	_, domain, _ := strings.Cut(upn, "@")
	t := d.Tenant(domain)
	if t == nil {
		return Policy{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	name, assigned := t.assignedPolicies[upn]
	if !assigned {
		name = strings.ToLower(t.state.Policy)
	}
	return t.policies[name]
}
