package exchangetest

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// A Tenant is an organization: a directory in Entra ID and its Exchange
// Online.
type Tenant struct {
	ID      string   // the directory (tenant) id, a GUID
	Domains []string // as given to AddTenant

	srv         *Server
	apps        map[string]*App  // by client id
	users       map[string]*User // by UPN, in lower case
	exchange    map[string]servicePrincipal
	scopes      map[string]string // recipient filters of management scopes, by name in lower case
	assignments []roleAssignment
	transport   TransportConfig

	securityDefaults, blocked bool
	login                     string // host of its cloud; empty for every one
}

// Tenant returns the tenant that the server started with. Its domains are
// contoso.onmicrosoft.com and contoso.com, and SMTP AUTH is enabled in it.
func (s *Server) Tenant() *Tenant { return s.tenant }

// AddTenant adds an organization that has verified the domains, of which there
// must be one at least, and none that another tenant has.
func (s *Server) AddTenant(domains ...string) *Tenant {
	if len(domains) == 0 {
		panic("exchangetest: AddTenant without a domain")
	}
	return s.addTenant(newGUID(), domains)
}

func (s *Server) addTenant(id string, domains []string) *Tenant {
	t := &Tenant{
		ID: id, Domains: slices.Clone(domains), srv: s,
		apps: make(map[string]*App), users: make(map[string]*User),
		exchange: make(map[string]servicePrincipal), scopes: make(map[string]string),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range domains {
		if s.tenants[strings.ToLower(d)] != nil {
			panic(fmt.Sprintf("exchangetest: AddTenant: the domain %q belongs to another tenant", d))
		}
	}
	s.tenants[t.ID] = t
	for _, d := range domains {
		s.tenants[strings.ToLower(d)] = t
	}
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
	t.srv.mu.Lock()
	defer t.srv.mu.Unlock()
	key := strings.ToLower(address)
	if t.srv.mailboxes[key] != nil {
		panic(fmt.Sprintf("exchangetest: %s: there is a mailbox %q already", method, address))
	}
	t.srv.mailboxes[key] = m
	return m
}

// newGUID returns a random GUID (RFC 9562 section 5.4).
func newGUID() string {
	var b [16]byte
	rand.Read(b[:])
	return formatGUID(b)
}

// nameGUID returns the same GUID for the same name.
func nameGUID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return formatGUID([16]byte(sum[:]))
}

func formatGUID(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
