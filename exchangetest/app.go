package exchangetest

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
	"github.com/exoauth/exoauth/exchangetest/internal/token"
)

// The application permissions of Office 365 Exchange Online for mail protocols,
// for [Tenant.AddApp].
const (
	IMAPAccessAsApp = "IMAP.AccessAsApp"
	POPAccessAsApp  = "POP.AccessAsApp"
	SMTPSendAsApp   = "SMTP.SendAsApp"
)

// The delegated permissions of Office 365 Exchange Online for mail protocols,
// for [App.Consent].
const (
	IMAPAccessAsUser = "IMAP.AccessAsUser.All"
	POPAccessAsUser  = "POP.AccessAsUser.All"
	SMTPSend         = "SMTP.Send"
)

// An App is an app registration together with its enterprise application, the
// service principal that Entra ID creates from it in the tenant. Each of the
// two has an object ID of its own. Exchange needs that of the enterprise
// application.
type App struct {
	Name               string
	ClientID           string // application (client) ID
	ObjectID           string // object ID of the app registration
	ServicePrincipalID string // object ID of the enterprise application
	Secret             string // value of the first client secret
	ResourceID         string // resource ID in Azure; empty if it is no managed identity

	srv *Server
	in  *directory.App
}

func newApp(s *Server, a *directory.App, secret string) *App {
	return &App{a.Name, a.ClientID, a.ObjectID, a.ServicePrincipalID, secret, a.ResourceID, s, a}
}

// AddApp registers an application with one client secret, valid for two years,
// and with admin consent to the roles, which are [IMAPAccessAsApp],
// [POPAccessAsApp] or [SMTPSendAsApp]. An application without roles also gets
// tokens, but Exchange refuses them.
func (t *Tenant) AddApp(name string, roles ...string) *App {
	checkRoles("AddApp", roles)
	a := newApp(t.srv, t.in.AddApp(name, roles...), "")
	a.Secret = a.AddSecret(0)
	return a
}

// AddManagedIdentity adds a managed identity, which is an application without
// credentials: only a [Host] gets tokens for it.
func (t *Tenant) AddManagedIdentity(name string, roles ...string) *App {
	checkRoles("AddManagedIdentity", roles)
	return newApp(t.srv, t.in.AddIdentity(name, roles...), "")
}

func checkRoles(method string, roles []string) {
	for _, r := range roles {
		if !slices.Contains(resource.Roles(), r) {
			panic(fmt.Sprintf("exchangetest: %s: Exchange Online has no app role %q for mail protocols", method, r))
		}
	}
}

// InstallApp adds an enterprise application to the tenant for an app that is
// registered in another tenant, as consent does in Entra ID, with admin consent
// to the roles. The App that it returns has the client ID and the credentials
// of app, and a service principal of its own.
//
// An App that no method has returned, with a Name and a ClientID, is registered
// by somebody who has no tenant here: a program with a built-in client ID, such
// as Thunderbird.
func (t *Tenant) InstallApp(app *App, roles ...string) *App {
	checkRoles("InstallApp", roles)
	if app == nil {
		check("InstallApp", errNil)
	}
	install := func() (*directory.App, error) { return t.in.Install(app.in, roles...) }
	if app.in == nil {
		install = func() (*directory.App, error) { return t.in.InstallForeign(app.Name, app.ClientID, roles...) }
	}
	a, err := install()
	check("InstallApp", err)
	return newApp(t.srv, a, app.Secret)
}

// AddSecret adds a client secret and returns its value. A lifetime of zero
// means two years; a negative one makes a secret that has expired.
func (a *App) AddSecret(lifetime time.Duration) string {
	if lifetime == 0 {
		lifetime = directory.SecretLifetime
	}
	return a.in.AddSecret(a.srv.Now().Add(lifetime)).Value
}

// ExpireSecret makes the secret with this value expire now.
func (a *App) ExpireSecret(value string) {
	now := a.srv.Now()
	a.changeSecret("ExpireSecret", value, func(list []directory.Secret, i int) []directory.Secret {
		list[i].Expires = now
		return list
	})
}

// RemoveSecret removes the secret with this value, which is wrong from then on.
func (a *App) RemoveSecret(value string) {
	a.changeSecret("RemoveSecret", value, func(list []directory.Secret, i int) []directory.Secret { return slices.Delete(list, i, i+1) })
}

func (a *App) changeSecret(method, value string, change func(list []directory.Secret, i int) []directory.Secret) {
	check(method, a.in.ChangeSecrets(func(list []directory.Secret) ([]directory.Secret, error) {
		i := slices.IndexFunc(list, func(s directory.Secret) bool { return s.Value == value })
		if i < 0 {
			return nil, fmt.Errorf("the application %q has no such secret", a.Name)
		}
		return change(list, i), nil
	}))
}

// AddCertificate uploads a certificate. From then on, Entra ID accepts
// assertions of the application that are signed with its key. It panics if its
// key is not RSA.
func (a *App) AddCertificate(cert *x509.Certificate) {
	check("AddCertificate", a.in.AddCertificate(cert))
}

// AddFederatedCredential makes Entra ID accept tokens of another issuer as
// credentials of the application. The claims iss, sub and aud of a token must
// be equal to issuer, subject and audience, including upper and lower case. An
// empty audience means api://AzureADTokenExchange. The keys of the issuer are
// found from its /.well-known/openid-configuration.
// (https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations)
func (a *App) AddFederatedCredential(issuer, subject, audience string) {
	check("AddFederatedCredential", a.in.AddFederated(directory.Federated{Issuer: issuer, Subject: subject, Audience: audience}))
}

// A Platform is the kind of application that a redirect URI is registered for:
// [Web], [Desktop] or [SPA].
type Platform = directory.Platform

// The platforms on the portal's page "Authentication".
const (
	Web     = directory.Web     // a confidential client, with a credential
	Desktop = directory.Desktop // mobile and desktop: a public client, without one
	SPA     = directory.SPA     // single-page: in a browser, with PKCE and from another origin
)

// AddRedirectURI registers a redirect URI. Only localhost and 127.0.0.1 may use
// http, and their port does not matter.
// (https://learn.microsoft.com/entra/identity-platform/reply-url)
func (a *App) AddRedirectURI(platform Platform, uri string) {
	check("AddRedirectURI", a.in.AddRedirect(platform, uri))
}

// RequestRoles adds app roles to the application's API permissions without
// consent. An administrator consents on the page for admin consent or with "az
// ad app permission admin-consent".
func (a *App) RequestRoles(roles ...string) {
	checkRoles("RequestRoles", roles)
	a.in.Request(roles...)
}

// Consent grants delegated permissions of Exchange Online to the application,
// such as [IMAPAccessAsUser] and [SMTPSend], as the user does on the consent
// page. A nil user means that an administrator consents for everybody in the
// tenant. It panics if there is no such permission.
func (a *App) Consent(user *User, permissions ...string) {
	for _, p := range permissions {
		if !resource.IsScope(p) {
			panic(fmt.Sprintf("exchangetest: Consent: Exchange Online has no permission %q for mail protocols", p))
		}
	}
	if user == nil {
		a.in.Consent(nil, permissions)
		return
	}
	check("Consent", a.checkUser(user, "consent to"))
	a.in.Consent(user.in, permissions)
}

// checkUser refuses a user of another tenant.
func (a *App) checkUser(u *User, do string) error {
	if u.in.Tenant() != a.in.Tenant() {
		return fmt.Errorf("%s is of another tenant than the application; %s what InstallApp made there", u.UPN, do)
	}
	return nil
}

// RevokeConsent revokes all consent, by users and administrators, and the app
// roles.
func (a *App) RevokeConsent() { a.in.RevokeConsent() }

// SetPublicFlows sets the portal's switch "Allow public client flows". The
// device code and password flows need it if the application uses no credential.
func (a *App) SetPublicFlows(on bool) {
	a.in.Change(func(st *directory.AppState) { st.PublicFlows = on })
}

// Format implements [fmt.Formatter] to leave out the secrets, for every verb.
func (a *App) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "App{%s %s}", a.Name, a.ClientID)
}

// TokenOptions are the options of [App.Token]. The zero value means the
// app-only token for Exchange Online that the token endpoint would issue now.
type TokenOptions struct {
	// User makes the token a delegated one, for a user who signed in to the
	// application. Nil means an app-only token.
	User *User

	// Scopes are the delegated permissions, for example
	// "IMAP.AccessAsUser.All" and "SMTP.Send". Nil means these two; they are
	// ignored without a User.
	Scopes []string

	// Roles are the app roles. Nil means the roles of the application, and an
	// empty list means none; they are ignored with a User.
	Roles []string

	// Audience is the resource. Empty means Exchange Online's.
	Audience string

	// Lifetime counts from now. Zero means the lifetime that the token endpoint
	// would choose. If it is negative, the token has expired already.
	Lifetime time.Duration

	// Claims replace and add claims of the token. A nil value removes a claim.
	Claims map[string]any
}

// Token issues an access token without a token request. A nil options pointer
// is equivalent to the zero TokenOptions.
//
// The token has the form of Entra ID's tokens for Exchange Online: a JWT of
// version 1.0, signed with RS256 by a key that the server publishes under
// /{tenant}/discovery/v2.0/keys. Unlike a token of Entra ID, it has no nonce in
// its header, so anybody can verify it.
func (a *App) Token(options *TokenOptions) string {
	if options == nil {
		options = &TokenOptions{}
	}
	o := token.Options{Scopes: options.Scopes, Roles: options.Roles, Audience: options.Audience, Lifetime: options.Lifetime, Claims: options.Claims}
	if options.User != nil {
		if options.User.in.Tenant() != a.in.Tenant() {
			check("Token", errors.New("the user is of another tenant than the application; register it there with that tenant's AddApp"))
		}
		o.User = options.User.in
	}
	return a.srv.mint.Issue(a.in, o)
}
