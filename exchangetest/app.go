package exchangetest

import (
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

// The application permissions of Office 365 Exchange Online that concern mail
// protocols, as [Tenant.AddApp] takes them.
const (
	IMAPAccessAsApp = "IMAP.AccessAsApp"
	POPAccessAsApp  = "POP.AccessAsApp"
	SMTPSendAsApp   = "SMTP.SendAsApp"
)

// The delegated permissions of Office 365 Exchange Online that concern mail
// protocols, as [App.Consent] takes them.
const (
	IMAPAccessAsUser = "IMAP.AccessAsUser.All"
	POPAccessAsUser  = "POP.AccessAsUser.All"
	SMTPSend         = "SMTP.Send"
)

// An App is an application registration together with its enterprise
// application, which Entra ID makes of it in the tenant. The two have object
// ids of their own, and Exchange wants to know the second.
type App struct {
	Name               string
	ClientID           string // application (client) id
	ObjectID           string // object id of the app registration
	ServicePrincipalID string // object id of the enterprise application
	Secret             string // value of the first client secret
	ResourceID         string // resource id in Azure; empty if it is no managed identity

	tenant *Tenant
	reg    *registration

	// Guarded by the directory's mutex.
	roles    []string
	asked    []string                   // configured, without consent
	consents map[string]map[string]bool // delegated permissions by the object id of who consented; "" is an administrator for all
	disabled bool

	assignment bool            // is required
	assigned   map[string]bool // by the object id of the user
}

// A registration is what the enterprise applications of one app have in
// common, in however many tenants they are.
type registration struct {
	home        *Tenant
	secrets     []secret
	certs       []*x509.Certificate
	federated   []FederatedCredential
	redirects   map[string]Platform
	publicFlows bool
	single      bool // for accounts of its home alone
}

type secret struct {
	id      string
	value   string
	expires time.Time
}

// secretLifetime is the longest that the portal offers.
const secretLifetime = 2 * 365 * 24 * time.Hour

// AddApp registers an application with one client secret, valid for two years,
// and with admin consent to the roles, which are [IMAPAccessAsApp],
// [POPAccessAsApp] or [SMTPSendAsApp]. Without roles it still gets tokens; it
// is Exchange that refuses them.
func (t *Tenant) AddApp(name string, roles ...string) *App {
	checkRoles("AddApp", roles)
	a := &App{
		Name: name, ClientID: guid.New(), ObjectID: guid.New(), ServicePrincipalID: guid.New(),
		tenant: t, roles: slices.Clone(roles), consents: make(map[string]map[string]bool), assigned: make(map[string]bool),
		reg: &registration{home: t, redirects: make(map[string]Platform)},
	}
	a.Secret = a.AddSecret(0)
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	t.apps[a.ClientID] = a
	return a
}

func checkRoles(method string, roles []string) {
	for _, r := range roles {
		if !slices.Contains(resource.Roles(), r) {
			panic(fmt.Sprintf("exchangetest: %s: Exchange Online has no app role %q for mail protocols", method, r))
		}
	}
}

// InstallApp makes an enterprise application in the tenant of an app that is
// registered in another one, as consent there does, with admin consent to the
// roles. The App that it returns has the client id and the credentials of app
// and a service principal of its own.
func (t *Tenant) InstallApp(app *App, roles ...string) *App {
	checkRoles("InstallApp", roles)
	a := &App{
		Name: app.Name, ClientID: app.ClientID, ObjectID: app.ObjectID, Secret: app.Secret,
		ServicePrincipalID: guid.New(), tenant: t, reg: app.reg,
		roles: slices.Clone(roles), consents: make(map[string]map[string]bool), assigned: make(map[string]bool),
	}
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	if t.apps[a.ClientID] != nil {
		panic(fmt.Sprintf("exchangetest: InstallApp: the application %q is in the tenant %s already", app.Name, t.Domains[0]))
	}
	t.apps[a.ClientID] = a
	return a
}

// AddSecret adds a client secret and returns its value. A lifetime of zero
// means two years; a negative one makes a secret that has expired.
func (a *App) AddSecret(lifetime time.Duration) string {
	if lifetime == 0 {
		lifetime = secretLifetime
	}
	return a.addSecret(a.tenant.srv.Now().Add(lifetime)).value
}

func (a *App) addSecret(expires time.Time) secret {
	s := secret{guid.New(), rand.Text()[:3] + "8Q~" + rand.Text(), expires}
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.reg.secrets = append(a.reg.secrets, s)
	return s
}

// ExpireSecret makes the secret with this value expire now.
func (a *App) ExpireSecret(value string) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.reg.secrets[a.secretIndexLocked("ExpireSecret", value)].expires = a.tenant.srv.Now()
}

// RemoveSecret removes the secret with this value, which is wrong from then on.
func (a *App) RemoveSecret(value string) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	i := a.secretIndexLocked("RemoveSecret", value)
	a.reg.secrets = slices.Delete(a.reg.secrets, i, i+1)
}

func (a *App) secretIndexLocked(method, value string) int {
	i := slices.IndexFunc(a.reg.secrets, func(s secret) bool { return s.value == value })
	if i < 0 {
		panic(fmt.Sprintf("exchangetest: %s: the application %q has no such secret", method, a.Name))
	}
	return i
}

// Consent grants delegated permissions of Exchange Online to the application,
// such as [IMAPAccessAsUser] and [SMTPSend], as the user does on the page that
// asks for them. A nil user is an administrator who consents for everybody in
// the tenant. It panics at a permission that there is not.
func (a *App) Consent(user *User, permissions ...string) {
	for _, p := range permissions {
		if !resource.IsScope(p) {
			panic(fmt.Sprintf("exchangetest: Consent: Exchange Online has no permission %q for mail protocols", p))
		}
	}
	if user != nil && user.tenant != a.tenant {
		panic(fmt.Sprintf("exchangetest: Consent: %s is of another tenant than the application; consent to what InstallApp made there", user.UPN))
	}
	a.consent(user, permissions)
}

// consent is Consent for permissions of any resource.
func (a *App) consent(user *User, permissions []string) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.consentLocked(user, permissions)
}

func (a *App) consentLocked(user *User, permissions []string) {
	who := ""
	if user != nil {
		who = user.ObjectID
	}
	if a.consents[who] == nil {
		a.consents[who] = make(map[string]bool)
	}
	for _, p := range permissions {
		a.consents[who][strings.ToLower(p)] = true
	}
}

// RevokeConsent takes back all that was consented to, by whomever, and the
// app roles.
func (a *App) RevokeConsent() {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	clear(a.consents)
	a.roles = nil
}

// SetEnabled switches the enterprise application on or off. An application
// that is off gets no tokens (AADSTS7000112).
func (a *App) SetEnabled(on bool) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.disabled = !on
}

// AllowPublicFlows is the switch "Allow public client flows" of the portal,
// which device code and password need of an app without a credential.
func (a *App) AllowPublicFlows(on bool) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.reg.publicFlows = on
}

// Format implements [fmt.Formatter] in order to leave out the secrets,
// whatever the verb.
func (a *App) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "App{%s %s}", a.Name, a.ClientID)
}
