package directory

import (
	"cmp"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/redirecturi"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

// SecretLifetime is the longest that the portal offers.
const SecretLifetime = 2 * 365 * 24 * time.Hour

// An App is an enterprise application, and its registration.
type App struct {
	Name               string
	ClientID           string
	ObjectID           string // of the registration
	ServicePrincipalID string // object id of the enterprise application
	ResourceID         string // of a managed identity in Azure; else empty

	tenant   *Tenant
	reg      *registration
	roles    []string
	asked    []string                   // requested, without consent
	consents map[string]map[string]bool // delegated permissions, by the object id of the user; "" is an administrator for all
	assigned map[string]bool            // by the object id of the user
	state    enterprise
}

// A registration is what the enterprise applications of one app share, in all
// tenants.
type registration struct {
	home      *Tenant
	secrets   []Secret
	certs     []*x509.Certificate
	federated []Federated
	redirects map[string]Platform
	state     registered
}

type enterprise struct{ disabled, assignment bool }

type registered struct{ publicFlows, single bool }

// AppState is what is switched on and off. The zero value is that of a new app.
type AppState struct {
	Disabled, AssignmentRequired bool // of the enterprise application
	PublicFlows, SingleTenant    bool // of the registration
}

// A Secret is a client secret.
type Secret struct {
	ID, Value string
	Expires   time.Time
}

// Federated lets tokens of another issuer stand for the application.
type Federated struct{ Issuer, Subject, Audience string }

// A Platform is the kind of application that a redirect URI is for.
type Platform int

// The platforms.
const (
	Web     Platform = iota // a confidential client
	Desktop                 // mobile and desktop: a public client
	SPA                     // in a browser
)

// AddApp registers an application that has the app roles.
func (t *Tenant) AddApp(name string, roles ...string) *App {
	return t.install(&App{
		Name: name, ClientID: guid.New(), ObjectID: guid.New(),
		reg: &registration{home: t, redirects: make(map[string]Platform)},
	}, roles)
}

// AddIdentity makes a managed identity that has the app roles.
func (t *Tenant) AddIdentity(name string, roles ...string) *App {
	return t.install(&App{
		Name: name, ClientID: guid.New(), ObjectID: guid.New(),
		ResourceID: "/subscriptions/" + guid.Of(t.ID) + "/resourcegroups/mail/providers/Microsoft.ManagedIdentity/userAssignedIdentities/" + name,
		reg:        &registration{home: t, redirects: make(map[string]Platform)},
	}, roles)
}

// InstallForeign makes an enterprise application of an app that somebody has
// registered whose tenant is not here.
func (t *Tenant) InstallForeign(name, clientID string, roles ...string) (*App, error) {
	if !guid.Valid(clientID) {
		return nil, fmt.Errorf("the client id %q is no GUID", clientID)
	}
	app := &App{Name: name, ClientID: strings.ToLower(clientID), ObjectID: guid.New(), reg: &registration{redirects: make(map[string]Platform)}}
	if known := t.dir.Registered(clientID); known != nil {
		app = known
	}
	return t.Install(app, roles...)
}

// Install makes an enterprise application of an app of another tenant.
func (t *Tenant) Install(app *App, roles ...string) (*App, error) {
	if t.App(app.ClientID) != nil {
		return nil, fmt.Errorf("the application %q is in the tenant %s already", app.Name, t.Domains[0])
	}
	return t.install(&App{Name: app.Name, ClientID: app.ClientID, ObjectID: app.ObjectID, reg: app.reg}, roles), nil
}

func (t *Tenant) install(a *App, roles []string) *App {
	a.ServicePrincipalID, a.tenant, a.roles = guid.New(), t, slices.Clone(roles)
	a.consents, a.assigned = make(map[string]map[string]bool), make(map[string]bool)
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	t.apps[a.ClientID] = a
	return a
}

// Tenant returns the tenant of the enterprise application.
func (a *App) Tenant() *Tenant { return a.tenant }

// IsHome reports whether the application is registered in its tenant.
func (a *App) IsHome() bool { return a.reg.home == a.tenant }

// Same reports whether both are of one registration.
func (a *App) Same(b *App) bool { return a.reg == b.reg }

// State returns what is switched on and off.
func (a *App) State() AppState {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	return a.stateLocked()
}

func (a *App) stateLocked() AppState {
	return AppState{a.state.disabled, a.state.assignment, a.reg.state.publicFlows, a.reg.state.single}
}

// Change switches on and off. The function must not call back.
func (a *App) Change(f func(*AppState)) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	st := a.stateLocked()
	f(&st)
	a.state, a.reg.state = enterprise{st.Disabled, st.AssignmentRequired}, registered{st.PublicFlows, st.SingleTenant}
}

// AddSecret makes a client secret.
func (a *App) AddSecret(expires time.Time) Secret {
	s := Secret{guid.New(), rand.Text()[:3] + "8Q~" + rand.Text(), expires}
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.reg.secrets = append(a.reg.secrets, s)
	return s
}

// ChangeSecrets replaces the client secrets by what f makes of them. It must not
// call back.
func (a *App) ChangeSecrets(f func([]Secret) ([]Secret, error)) error {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	list, err := f(slices.Clone(a.reg.secrets))
	if err == nil {
		a.reg.secrets = list
	}
	return err
}

// CheckSecret refuses a client secret that is wrong or has expired.
func (a *App) CheckSecret(value string) *aadsts.Refusal {
	now := a.tenant.dir.clock.Now()
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	for _, s := range a.reg.secrets {
		switch {
		case s.Value != value:
		case !now.Before(s.Expires):
			return aadsts.Refuse(aadsts.ExpiredSecret)
		default:
			return nil
		}
	}
	return aadsts.Refuse(aadsts.WrongSecret)
}

// AddCertificate adds a certificate that assertions may be signed with.
func (a *App) AddCertificate(cert *x509.Certificate) error {
	if cert.PublicKeyAlgorithm != x509.RSA {
		return fmt.Errorf("a key for Entra ID is one of RSA, not of %v", cert.PublicKeyAlgorithm)
	}
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.reg.certs = append(a.reg.certs, cert)
	return nil
}

// RemoveCertificate takes a certificate away.
func (a *App) RemoveCertificate(cert *x509.Certificate) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.reg.certs = slices.DeleteFunc(slices.Clone(a.reg.certs), cert.Equal)
}

// Certificates returns those that assertions may be signed with.
func (a *App) Certificates() []*x509.Certificate {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	return slices.Clone(a.reg.certs)
}

// AddFederated lets an issuer vouch for the application. An empty audience is
// the usual one.
func (a *App) AddFederated(c Federated) error {
	if c.Issuer == "" || c.Subject == "" {
		return errors.New("a federated credential has an issuer and a subject")
	}
	c.Audience = cmp.Or(c.Audience, resource.FederatedAudience)
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.reg.federated = append(a.reg.federated, c)
	return nil
}

// Federated returns the issuers that vouch for the application.
func (a *App) Federated() []Federated {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	return slices.Clone(a.reg.federated)
}

// AddRedirect registers a redirect URI.
func (a *App) AddRedirect(platform Platform, uri string) error {
	if err := checkRedirect(platform, uri); err != nil {
		return err
	}
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.reg.redirects[uri] = platform
	return nil
}

// SetRedirects replaces the redirect URIs of the platforms that are in the map.
func (a *App) SetRedirects(uris map[Platform][]string) error {
	for platform, list := range uris {
		for _, uri := range list {
			if err := checkRedirect(platform, uri); err != nil {
				return err
			}
		}
	}
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	maps.DeleteFunc(a.reg.redirects, func(_ string, p Platform) bool { _, ok := uris[p]; return ok })
	for platform, list := range uris {
		for _, uri := range list {
			a.reg.redirects[uri] = platform
		}
	}
	return nil
}

func checkRedirect(platform Platform, uri string) error {
	switch {
	case platform < Web || platform > SPA:
		return fmt.Errorf("there is no Platform(%d)", platform)
	case !redirecturi.Valid(uri):
		return fmt.Errorf("the redirect URI %q is neither https, nor http to localhost or 127.0.0.1, nor a scheme of an application's own", uri)
	}
	return nil
}

// Redirect returns the redirect URI that a request means, and its platform. A
// request need not name the only one.
func (a *App) Redirect(uri string) (string, Platform, *aadsts.Refusal) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	redirects := a.reg.redirects
	if len(redirects) == 0 {
		return "", 0, aadsts.Refuse(aadsts.NoRedirect)
	}
	if uri == "" && len(redirects) == 1 {
		for uri = range redirects {
			break
		}
	}
	if p, ok := redirects[uri]; ok {
		return uri, p, nil
	}
	for registered, p := range redirects {
		if redirecturi.Match(registered, uri) {
			return uri, p, nil
		}
	}
	return "", 0, aadsts.Refuse(aadsts.RedirectMismatch)
}

// Roles returns the app roles that an administrator has consented to.
func (a *App) Roles() []string {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	return slices.Clone(a.roles)
}

// AddRole assigns an app role.
func (a *App) AddRole(role string) error {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	if slices.Contains(a.roles, role) {
		return fmt.Errorf("the application has the role %s already", role)
	}
	a.roles = append(slices.Clone(a.roles), role)
	return nil
}

// RemoveRole takes an app role away.
func (a *App) RemoveRole(role string) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.roles = slices.DeleteFunc(slices.Clone(a.roles), func(r string) bool { return r == role })
}

// Request asks for app roles, which nobody has consented to yet.
func (a *App) Request(roles ...string) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.asked = append(a.asked, roles...)
}

// AsksForRoles reports whether the application has or asks for any.
func (a *App) AsksForRoles() bool {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	return len(a.roles)+len(a.asked) > 0
}

// ConsentForAll is the admin consent: to the app roles that the application asks
// for, and to delegated permissions.
func (a *App) ConsentForAll(permissions []string) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	roles := slices.Concat(a.roles, a.asked)
	slices.Sort(roles)
	a.roles = slices.Compact(roles)
	a.consentLocked(nil, permissions)
}

// Consent grants delegated permissions for a user, or for all if that is nil.
func (a *App) Consent(user *User, permissions []string) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.consentLocked(user, permissions)
}

// SetConsent is Consent, and takes back what was granted for the same user.
func (a *App) SetConsent(user *User, permissions []string) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	delete(a.consents, user.key())
	a.consentLocked(user, permissions)
}

func (a *App) consentLocked(user *User, permissions []string) {
	if len(permissions) == 0 {
		return
	}
	if a.consents[user.key()] == nil {
		a.consents[user.key()] = make(map[string]bool)
	}
	for _, p := range permissions {
		a.consents[user.key()][strings.ToLower(p)] = true
	}
}

// RevokeConsent takes back all that was consented to, and the app roles.
func (a *App) RevokeConsent() {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	clear(a.consents)
	a.roles = nil
}

// Grants returns the delegated permissions by who consented, in lower case: an
// object id, or "" for an administrator.
func (a *App) Grants() map[string][]string {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	grants := make(map[string][]string)
	for who, permissions := range a.consents {
		grants[who] = slices.Sorted(maps.Keys(permissions))
	}
	return grants
}

// Missing returns those of the permissions that neither the user nor an
// administrator has consented to. ".default" stands for any.
func (a *App) Missing(u *User, permissions []string) []string {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	var list []string
	for _, p := range permissions {
		switch {
		case p == ".default":
			if len(a.consents[""])+len(a.consents[u.ObjectID]) == 0 {
				list = append(list, p)
			}
		case !a.consentedLocked(u, p):
			list = append(list, p)
		}
	}
	return list
}

// Consented returns the permissions of Exchange Online that were consented to.
func (a *App) Consented(u *User) []string {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	return slices.DeleteFunc(resource.Scopes(), func(p string) bool { return !a.consentedLocked(u, p) })
}

func (a *App) consentedLocked(u *User, permission string) bool {
	key := strings.ToLower(permission)
	return a.consents[""][key] || a.consents[u.ObjectID][key]
}

// Assign assigns a user of the tenant.
func (a *App) Assign(u *User) {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	a.assigned[u.ObjectID] = true
}

// Admits reports whether the user may sign in to the application.
func (a *App) Admits(u *User) bool {
	a.tenant.dir.mu.Lock()
	defer a.tenant.dir.mu.Unlock()
	return !a.state.assignment || a.assigned[u.ObjectID]
}
