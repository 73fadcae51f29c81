package directory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
)

// A Tenant is an organization.
type Tenant struct {
	ID      string
	Domains []string // one at least

	dir              *Directory
	apps             map[string]*App             // by client id
	users            map[string]*User            // by UPN, in lower case
	principals       map[string]ServicePrincipal // by object id
	scopes           map[string]Scope            // by name, in lower case
	assignments      []RoleAssignment
	policies         map[string]Policy // by name, in lower case
	assignedPolicies map[string]string // names of policies, by UPN
	state            TenantState
}

// TenantState is what holds for a whole tenant. The zero value is that of a new
// one.
type TenantState struct {
	SecurityDefaults bool
	Blocked          bool
	SMTPDisabled     bool   // SmtpClientAuthenticationDisabled of Set-TransportConfig
	Policy           string // name of the authentication policy of users without one
	Login            string // host of Entra ID in its cloud; empty for every one
}

// State returns what holds for the tenant.
func (t *Tenant) State() TenantState {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	return t.state
}

// Change changes what holds for the tenant. The function must not call back.
func (t *Tenant) Change(f func(*TenantState)) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	f(&t.state)
}

// Directory returns the directory that the tenant is in.
func (t *Tenant) Directory() *Directory { return t.dir }

// App returns the application with the client id, or nil.
func (t *Tenant) App(clientID string) *App {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	return t.apps[strings.ToLower(clientID)]
}

// Apps returns the applications, ordered by client id.
func (t *Tenant) Apps() []*App {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	return sorted(t.apps)
}

// User returns the user with the name, or nil.
func (t *Tenant) User(upn string) *User {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	return t.users[strings.ToLower(upn)]
}

// Users returns the users, ordered by name.
func (t *Tenant) Users() []*User {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	return sorted(t.users)
}

// Mailbox returns the tenant's mailbox with the address.
func (t *Tenant) Mailbox(address string) (*Mailbox, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	return t.mailboxLocked(address)
}

func (t *Tenant) mailboxLocked(address string) (*Mailbox, error) {
	m := t.dir.mailboxes[strings.ToLower(address)]
	if m == nil || m.tenant != t {
		return nil, fmt.Errorf("there is no mailbox %q in %s", address, t.Domains[0])
	}
	return m, nil
}

// AddMailbox adds a shared mailbox.
func (t *Tenant) AddMailbox(address string) (*Mailbox, error) {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || local == "" || !slices.ContainsFunc(t.Domains, func(d string) bool { return strings.EqualFold(d, domain) }) {
		return nil, fmt.Errorf("%q is not an address in %s", address, strings.Join(t.Domains, " or "))
	}
	m := newMailbox(t, address)
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	key := strings.ToLower(address)
	if t.dir.mailboxes[key] != nil {
		return nil, fmt.Errorf("there is a mailbox %q already", address)
	}
	t.dir.mailboxes[key] = m
	return m, nil
}

// CheckRequest refuses a request to a host of the wrong cloud, or for a tenant
// that is blocked.
func (t *Tenant) CheckRequest(host string, credential bool) *aadsts.Refusal {
	st, host := t.State(), strings.ToLower(host)
	switch {
	case st.Blocked:
		return aadsts.Refuse(aadsts.BlockedTenant)
	case st.Login == "" || host == st.Login || !clouds.LoginAliases()[host]:
		return nil
	case st.Login == clouds.LoginHost(exoauth.GCCHigh):
		return aadsts.Refuse(aadsts.OtherCloud)
	case credential:
		return aadsts.Refuse(aadsts.ConfidentialElsewhere)
	}
	return aadsts.Refuse(aadsts.TenantElsewhere)
}
