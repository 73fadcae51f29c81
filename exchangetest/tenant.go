package exchangetest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

// A Tenant is an organization: a directory in Entra ID and its Exchange
// Online.
type Tenant struct {
	ID      string   // the directory (tenant) ID, a GUID
	Domains []string // as passed to AddTenant

	srv *Server
	in  *directory.Tenant
}

func newTenant(s *Server, t *directory.Tenant) *Tenant { return &Tenant{t.ID, t.Domains, s, t} }

// Tenant returns the tenant that the server started with. Its domains are
// contoso.onmicrosoft.com and contoso.com, and SMTP AUTH is enabled in it.
func (s *Server) Tenant() *Tenant { return s.home }

// Consumers returns the tenant of personal accounts, with the domains
// outlook.com, hotmail.com and live.com. Access tokens of its users are opaque,
// not JWTs. Add an application of another tenant with [Tenant.InstallApp].
func (s *Server) Consumers() *Tenant { return s.consumers }

// AddTenant adds an organization that has verified the domains. It panics if
// there is no domain, or if another tenant has one of them.
func (s *Server) AddTenant(domains ...string) *Tenant {
	if len(domains) == 0 {
		panic("exchangetest: AddTenant without a domain")
	}
	t, err := s.dir.AddTenant(domains...)
	check("AddTenant", err)
	return newTenant(s, t)
}

// AddMailbox adds a shared mailbox with the usual folders. It panics if the
// domain is not one of the tenant's, or if the address is in use.
func (t *Tenant) AddMailbox(address string) *Mailbox {
	m, err := t.in.AddMailbox(address)
	check("AddMailbox", err)
	return &Mailbox{address, t.srv, m}
}

// AddUser adds a user with a mailbox and a random password. It panics if the
// domain is not one of the tenant's, or if the address is in use.
func (t *Tenant) AddUser(upn string) *User {
	u, err := t.in.AddUser(upn)
	check("AddUser", err)
	return &User{UPN: upn, ObjectID: u.ObjectID, Password: u.Password, Mailbox: &Mailbox{upn, t.srv, u.Mailbox}, in: u}
}

// SetBlocked blocks the tenant, as Microsoft does if its subscriptions have
// ended, or unblocks it. Nobody gets a token from a blocked tenant
// (AADSTS5000224).
func (t *Tenant) SetBlocked(blocked bool) {
	t.in.Change(func(st *directory.TenantState) { st.Blocked = blocked })
}

// SetCloud moves the tenant to one of [exoauth.Clouds]. The zero Cloud, as at
// first, means that it is in all of them. A request to the login host of
// another cloud is refused (AADSTS900439 if the tenant is the US Government's,
// or else AADSTS900382 with a credential and AADSTS90038 without). The server's
// own address belongs to every cloud. SetCloud panics if c is another Cloud.
func (t *Tenant) SetCloud(c exoauth.Cloud) {
	if c != (exoauth.Cloud{}) && !slices.Contains(exoauth.Clouds(), c) {
		panic(fmt.Sprintf("exchangetest: SetCloud: the Cloud at %q is none of exoauth.Clouds", c.Authority))
	}
	t.in.Change(func(st *directory.TenantState) { st.Login = clouds.LoginHost(c) })
}

// Grant does all that an administrator has to do in Exchange: it registers the
// application with [Tenant.NewServicePrincipal], unless it is registered, and
// gives it FullAccess to the mailbox. If the application has the role Mail.Send,
// it may also send for the mailbox by High Volume Email (Add-HVEAppAccess). Grant
// panics if a cmdlet would fail, or if the application is another tenant's.
func (t *Tenant) Grant(app *App, mailbox string) {
	switch {
	case app == nil:
		panic("exchangetest: Grant: the application is nil")
	case app.in.Tenant() != t.in:
		panic(fmt.Sprintf("exchangetest: Grant: the application %q is another tenant's; grant to what InstallApp made here", app.Name))
	}
	if _, known := t.in.FindServicePrincipal(app.ServicePrincipalID); !known {
		check("Grant", t.in.AddServicePrincipal(app.ClientID, app.ServicePrincipalID))
	}
	check("Grant", t.in.Permit(directory.FullAccess, mailbox, app.ServicePrincipalID, true))
	if slices.Contains(app.in.Roles(), resource.HVE.Role) {
		check("Grant", t.in.AdmitHVE(mailbox, app.ServicePrincipalID))
	}
}

// NewServicePrincipal registers an application in Exchange, as the cmdlet
// New-ServicePrincipal -AppId -ObjectId does. objectID should be the
// [App.ServicePrincipalID]. Like the cmdlet, NewServicePrincipal does not check
// it in Entra ID: with the object ID of the app registration, or of nothing, it
// succeeds, but the application cannot log in. The error is an *[AdminError].
// (https://learn.microsoft.com/powershell/module/exchangepowershell/new-serviceprincipal)
func (t *Tenant) NewServicePrincipal(appID, objectID string) error {
	return adminError("New-ServicePrincipal", t.in.AddServicePrincipal(appID, objectID))
}

// AddMailboxPermission gives FullAccess to the mailbox, as the cmdlet
// Add-MailboxPermission -Identity -User -AccessRights FullAccess does.
// identity is the address of the mailbox. user is a user's UPN, or a service
// principal's object ID or application ID. The error is an *[AdminError].
func (t *Tenant) AddMailboxPermission(identity, user string) error {
	return adminError("Add-MailboxPermission", t.in.Permit(directory.FullAccess, identity, user, true))
}

// AddRecipientPermission gives SendAs on the mailbox, as the cmdlet
// Add-RecipientPermission -Identity -Trustee -AccessRights SendAs does.
// identity is the address to send as. trustee is a user's UPN or the address of
// a mailbox, or a service principal's object ID or application ID. The error is
// an *[AdminError].
func (t *Tenant) AddRecipientPermission(identity, trustee string) error {
	return adminError("Add-RecipientPermission", t.in.Permit(directory.SendAs, identity, trustee, true))
}

var errNil = errors.New("nil in place of a user or an application")
