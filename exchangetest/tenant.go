package exchangetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
)

// A Tenant is an organization: a directory in Entra ID and its Exchange
// Online.
type Tenant struct {
	ID      string   // the directory (tenant) id, a GUID
	Domains []string // as given to AddTenant

	srv         *Server
	dir         *directory
	apps        map[string]*App  // by client id
	users       map[string]*User // by UPN, in lower case
	exchange    map[string]servicePrincipal
	scopes      map[string]string // recipient filters of management scopes, by name in lower case
	assignments []roleAssignment
	transport   TransportConfig
	passwords   passwordRules

	securityDefaults, blocked bool
	login                     string // host of its cloud; empty for every one
}

// Tenant returns the tenant that the server started with. Its domains are
// contoso.onmicrosoft.com and contoso.com, and SMTP AUTH is enabled in it.
func (s *Server) Tenant() *Tenant { return s.dir.home }

// AddTenant adds an organization that has verified the domains, of which there
// must be one at least, and none that another tenant has.
func (s *Server) AddTenant(domains ...string) *Tenant {
	if len(domains) == 0 {
		panic("exchangetest: AddTenant without a domain")
	}
	return s.addTenant(guid.New(), domains)
}

func (s *Server) addTenant(id string, domains []string) *Tenant {
	t := &Tenant{
		ID: id, Domains: slices.Clone(domains), srv: s, dir: s.dir,
		apps: make(map[string]*App), users: make(map[string]*User),
		exchange: make(map[string]servicePrincipal), scopes: make(map[string]string),
		passwords: passwordRules{policies: make(map[string]namedPolicy), users: make(map[string]string)},
	}
	s.dir.addTenant(t)
	return t
}

// AddMailbox adds a shared mailbox with the usual folders. The domain of
// address must be one of the tenant's, and the address must be free.
func (t *Tenant) AddMailbox(address string) *Mailbox {
	return t.addMailbox("AddMailbox", address)
}

func (t *Tenant) addMailbox(method, address string) *Mailbox {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || local == "" || !slices.ContainsFunc(t.Domains, func(d string) bool { return strings.EqualFold(d, domain) }) {
		panic(fmt.Sprintf("exchangetest: %s: %q is not an address in %s", method, address, strings.Join(t.Domains, " or ")))
	}
	m := newMailbox(t, address)
	if !t.dir.addMailbox(m) {
		panic(fmt.Sprintf("exchangetest: %s: there is a mailbox %q already", method, address))
	}
	return m
}

func (t *Tenant) app(clientID string) *App {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	return t.apps[strings.ToLower(clientID)]
}
