package exchangetest

import (
	"slices"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

// RoleApplicationSMTP is the management role by which RBAC for Applications
// lets an application submit mail without a permission in Entra ID.
// (https://learn.microsoft.com/exchange/client-developer/legacy-protocols/smtp-app-rbac-onboarding)
const RoleApplicationSMTP = "Application SMTP.SendAsApp"

// A roleAssignment lets an application do what the role allows with the
// mailboxes in the scope.
type roleAssignment struct {
	name  string
	app   string // object id of the service principal
	role  string
	scope string // of t.scopes; empty means all mailboxes
}

// NewManagementScope makes a set of mailboxes for [Tenant.NewManagementRoleAssignment],
// as the cmdlet New-ManagementScope -Name -RecipientRestrictionFilter does.
// The filter is a condition such as "PrimarySmtpAddress -eq
// 'invoices@contoso.com'", with the properties PrimarySmtpAddress, Alias and
// RecipientTypeDetails (UserMailbox or SharedMailbox), the operators -eq, -ne,
// -like, -notlike, -and, -or and -not, and parentheses.
func (t *Tenant) NewManagementScope(name, filter string) error {
	const cmdlet = "New-ManagementScope"
	if name == "" {
		return cmdletErrorf(cmdlet, "the name is empty")
	}
	if _, err := powershell.Match(filter, powershell.NewObject()); err != nil {
		return cmdletErrorf(cmdlet, "the filter %q: %w", filter, err)
	}
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	key := strings.ToLower(name)
	if _, ok := t.scopes[key]; ok {
		return cmdletErrorf(cmdlet, "there is a scope %q already", name)
	}
	t.scopes[key] = filter
	return nil
}

// NewManagementRoleAssignment lets an application do what a role allows with
// the mailboxes of a scope, as the cmdlet New-ManagementRoleAssignment -App
// -Role -CustomResourceScope does. app is the object id or the application id
// of a service principal that [Tenant.NewServicePrincipal] has made, role is
// [RoleApplicationSMTP], and an empty scope means all mailboxes.
func (t *Tenant) NewManagementRoleAssignment(app, role, scope string) error {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	_, err := t.assignRoleLocked("", app, role, scope)
	return err
}

func (t *Tenant) assignRoleLocked(name, app, role, scope string) (roleAssignment, error) {
	const cmdlet = "New-ManagementRoleAssignment"
	sp, ok := t.servicePrincipalLocked(app)
	if !ok {
		return roleAssignment{}, cmdletErrorf(cmdlet, "there is no service principal %q; make it with New-ServicePrincipal first", app)
	}
	if !strings.EqualFold(role, RoleApplicationSMTP) {
		return roleAssignment{}, cmdletErrorf(cmdlet, "there is no role %q here, only %q", role, RoleApplicationSMTP)
	}
	if _, ok := t.scopes[strings.ToLower(scope)]; scope != "" && !ok {
		return roleAssignment{}, cmdletErrorf(cmdlet, "there is no management scope %q", scope)
	}
	if name == "" {
		name = RoleApplicationSMTP + "-" + sp.objectID
	}
	taken := func(a roleAssignment) bool { return strings.EqualFold(a.name, name) }
	if slices.ContainsFunc(t.assignments, taken) {
		return roleAssignment{}, cmdletErrorf(cmdlet, "there is a role assignment %q already", name)
	}
	a := roleAssignment{name, sp.objectID, RoleApplicationSMTP, scope}
	t.assignments = append(t.assignments, a)
	return a, nil
}

// mayByRoleLocked reports whether RBAC for Applications lets the service
// principal submit mail for the mailbox, and for any at all.
func (t *Tenant) mayByRoleLocked(sp servicePrincipal, m *Mailbox) (mailbox, any bool) {
	for _, a := range t.assignments {
		if a.app != sp.objectID {
			continue
		}
		any = true
		if m == nil {
			continue
		}
		in := a.scope == ""
		if !in {
			// The filter was found sound when it was set.
			in, _ = powershell.Match(t.scopes[strings.ToLower(a.scope)], m.recipient())
		}
		mailbox = mailbox || in
	}
	return mailbox, any
}

// recipient returns the properties of a mailbox that filters ask for.
func (m *Mailbox) recipient() *powershell.Object {
	alias, _, _ := strings.Cut(m.Address, "@")
	kind := "SharedMailbox"
	if m.owner != nil {
		kind = "UserMailbox"
	}
	return powershell.NewObject("PrimarySmtpAddress", m.Address, "Alias", alias, "RecipientTypeDetails", kind)
}
