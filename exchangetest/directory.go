package exchangetest

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The application permissions of Office 365 Exchange Online that concern mail
// protocols, as [Tenant.AddApp] takes them.
const (
	IMAPAccessAsApp = "IMAP.AccessAsApp"
	POPAccessAsApp  = "POP.AccessAsApp"
	SMTPSendAsApp   = "SMTP.SendAsApp"
)

// A Tenant is an organization: a directory in Entra ID and its Exchange
// Online.
type Tenant struct {
	ID      string   // the directory (tenant) id, a GUID
	Domains []string // as given to AddTenant

	srv       *Server
	apps      map[string]*App  // by client id
	users     map[string]*User // by UPN, in lower case
	exchange  map[string]servicePrincipal
	transport TransportConfig
}

// An App is an application registration together with its enterprise
// application, which Entra ID makes of it in the tenant. The two have object
// ids of their own, and Exchange wants to know the second.
type App struct {
	Name               string
	ClientID           string // application (client) id
	ObjectID           string // object id of the app registration
	ServicePrincipalID string // object id of the enterprise application
	Secret             string // value of the first client secret

	tenant  *Tenant
	roles   []string
	secrets []secret
}

type secret struct {
	value   string
	expires time.Time
}

// A User can sign in and has a mailbox of the same address.
type User struct {
	UPN      string // user principal name
	ObjectID string
	Mailbox  *Mailbox

	tenant *Tenant
}

// secretLifetime is the longest that the portal offers.
const secretLifetime = 2 * 365 * 24 * time.Hour

// Tenant returns the tenant that the server started with. Its domains are
// contoso.onmicrosoft.com and contoso.com, and SMTP AUTH is enabled in it.
func (s *Server) Tenant() *Tenant { return s.tenant }

// AddTenant adds an organization that has verified the domains, of which there
// must be one at least, and none that another tenant has.
func (s *Server) AddTenant(domains ...string) *Tenant {
	if len(domains) == 0 {
		panic("exchangetest: AddTenant without a domain")
	}
	t := &Tenant{
		ID: newGUID(), Domains: slices.Clone(domains), srv: s,
		apps: make(map[string]*App), users: make(map[string]*User),
		exchange: make(map[string]servicePrincipal),
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

// AddApp registers an application with one client secret, valid for two years,
// and with admin consent to the roles, which are [IMAPAccessAsApp],
// [POPAccessAsApp] or [SMTPSendAsApp]. Without roles it still gets tokens; it
// is Exchange that refuses them.
func (t *Tenant) AddApp(name string, roles ...string) *App {
	for _, r := range roles {
		if r != IMAPAccessAsApp && r != POPAccessAsApp && r != SMTPSendAsApp {
			panic(fmt.Sprintf("exchangetest: AddApp: Exchange Online has no app role %q for mail protocols", r))
		}
	}
	a := &App{
		Name: name, ClientID: newGUID(), ObjectID: newGUID(), ServicePrincipalID: newGUID(),
		tenant: t, roles: slices.Clone(roles),
	}
	a.Secret = a.AddSecret(0)
	t.srv.mu.Lock()
	defer t.srv.mu.Unlock()
	t.apps[a.ClientID] = a
	return a
}

// AddSecret adds a client secret and returns its value. A lifetime of zero
// means two years; a negative one makes a secret that has expired.
func (a *App) AddSecret(lifetime time.Duration) string {
	if lifetime == 0 {
		lifetime = secretLifetime
	}
	value := rand.Text()[:3] + "8Q~" + rand.Text()
	a.tenant.srv.mu.Lock()
	defer a.tenant.srv.mu.Unlock()
	a.secrets = append(a.secrets, secret{value, a.tenant.srv.Now().Add(lifetime)})
	return value
}

// ExpireSecret makes the secret with this value expire now.
func (a *App) ExpireSecret(value string) {
	a.tenant.srv.mu.Lock()
	defer a.tenant.srv.mu.Unlock()
	a.secrets[a.secretIndexLocked("ExpireSecret", value)].expires = a.tenant.srv.Now()
}

// RemoveSecret removes the secret with this value, which is wrong from then on.
func (a *App) RemoveSecret(value string) {
	a.tenant.srv.mu.Lock()
	defer a.tenant.srv.mu.Unlock()
	i := a.secretIndexLocked("RemoveSecret", value)
	a.secrets = slices.Delete(a.secrets, i, i+1)
}

func (a *App) secretIndexLocked(method, value string) int {
	i := slices.IndexFunc(a.secrets, func(s secret) bool { return s.value == value })
	if i < 0 {
		panic(fmt.Sprintf("exchangetest: %s: the application %q has no such secret", method, a.Name))
	}
	return i
}

// Format implements [fmt.Formatter] in order to leave out the secrets,
// whatever the verb.
func (a *App) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "App{%s %s}", a.Name, a.ClientID)
}

// AddUser adds a user with a mailbox. The domain of upn must be one of the
// tenant's, and the address must be free.
func (t *Tenant) AddUser(upn string) *User {
	u := &User{UPN: upn, ObjectID: newGUID(), Mailbox: t.addMailbox("AddUser", upn), tenant: t}
	t.srv.mu.Lock()
	defer t.srv.mu.Unlock()
	t.users[strings.ToLower(upn)] = u
	return u
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
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
