package exchangetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

// graphConsentCmdlets are those that consent consists of.
// (https://learn.microsoft.com/graph/permissions-grant-via-msgraph)
func (t *Tenant) graphConsentCmdlets() []*powershell.Command {
	assignment := with(params("ServicePrincipalId!", "PrincipalId", "ResourceId", "AppRoleId"), powershell.Table, "BodyParameter")
	grant := with(params("ClientId", "ConsentType", "PrincipalId", "ResourceId", "Scope"), powershell.Table, "BodyParameter")
	return []*powershell.Command{
		{Name: "New-MgServicePrincipalAppRoleAssignment", Params: assignment, Run: t.newAppRole},
		{Name: "Get-MgServicePrincipalAppRoleAssignment", Params: params("ServicePrincipalId!"), Run: t.getAppRoles},
		{Name: "Remove-MgServicePrincipalAppRoleAssignment", Params: params("ServicePrincipalId!", "AppRoleAssignmentId!"), Run: t.removeAppRole},
		{Name: "New-MgOauth2PermissionGrant", Params: grant, Run: t.newGrant},
	}
}

// field returns a parameter, or the member of -BodyParameter of that name.
func field(a powershell.Args, name string) string {
	if a.Has(name) {
		return a.Text(name)
	}
	return powershell.Text(a.Table("BodyParameter").Get(name))
}

func (t *Tenant) principal(a powershell.Args) (*App, error) {
	return t.byID("ServicePrincipalId", a.Text("ServicePrincipalId"), func(app *App) string { return app.ServicePrincipalID })
}

func (t *Tenant) newAppRole(a powershell.Args) ([]any, error) {
	app, err := t.principal(a)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"PrincipalId", "ResourceId", "AppRoleId"} {
		if field(a, name) == "" {
			return nil, fmt.Errorf("the value of -%s is empty", name)
		}
	}
	if !strings.EqualFold(field(a, "PrincipalId"), app.ServicePrincipalID) {
		return nil, fmt.Errorf("-PrincipalId is not the same as -ServicePrincipalId, %s", app.ServicePrincipalID)
	}
	if !strings.EqualFold(field(a, "ResourceId"), guid.Of(t.ID+resource.ExchangeAppID)) {
		return nil, fmt.Errorf("-ResourceId: %q is not the object id of Office 365 Exchange Online in this tenant", field(a, "ResourceId"))
	}
	role, ok := resource.RoleByID(field(a, "AppRoleId"))
	if !ok {
		return nil, fmt.Errorf("-AppRoleId: Office 365 Exchange Online has no app role with the id %q here", field(a, "AppRoleId"))
	}
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	if slices.Contains(app.roles, role) {
		return nil, fmt.Errorf("the application has the role %s already", role)
	}
	app.roles = append(slices.Clone(app.roles), role)
	return []any{app.roleRow(role)}, nil
}

func (a *App) roleRow(role string) *powershell.Object {
	return powershell.NewObject("Id", guid.Of(a.ServicePrincipalID+role), "AppRoleId", resource.ID(role),
		"PrincipalId", a.ServicePrincipalID, "PrincipalDisplayName", a.Name,
		"ResourceId", guid.Of(a.tenant.ID+resource.ExchangeAppID), "ResourceDisplayName", "Office 365 Exchange Online")
}

func (t *Tenant) getAppRoles(a powershell.Args) ([]any, error) {
	app, err := t.principal(a)
	if err != nil {
		return nil, err
	}
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	var rows []any
	for _, role := range app.roles {
		rows = append(rows, app.roleRow(role))
	}
	return rows, nil
}

func (t *Tenant) removeAppRole(a powershell.Args) ([]any, error) {
	app, err := t.principal(a)
	if err != nil {
		return nil, err
	}
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	i := slices.IndexFunc(app.roles, func(r string) bool {
		return strings.EqualFold(guid.Of(app.ServicePrincipalID+r), a.Text("AppRoleAssignmentId"))
	})
	if i < 0 {
		return nil, fmt.Errorf("-AppRoleAssignmentId: there is no assignment %q", a.Text("AppRoleAssignmentId"))
	}
	app.roles = slices.Delete(slices.Clone(app.roles), i, i+1)
	return nil, nil
}

// newGrant consents to delegated permissions, for one user or for all.
func (t *Tenant) newGrant(a powershell.Args) ([]any, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	i := slices.IndexFunc(t.sortedAppsLocked(), func(app *App) bool {
		return strings.EqualFold(app.ServicePrincipalID, field(a, "ClientId"))
	})
	if i < 0 {
		return nil, fmt.Errorf("-ClientId: there is no service principal with the object id %q", field(a, "ClientId"))
	}
	if !strings.EqualFold(field(a, "ResourceId"), guid.Of(t.ID+resource.ExchangeAppID)) {
		return nil, fmt.Errorf("-ResourceId: %q is not the object id of Office 365 Exchange Online in this tenant", field(a, "ResourceId"))
	}
	var user *User
	switch kind := field(a, "ConsentType"); {
	case strings.EqualFold(kind, "Principal"):
		var err error
		if user, err = t.userLocked(field(a, "PrincipalId")); err != nil {
			return nil, fmt.Errorf("-PrincipalId: %w", err)
		}
	case !strings.EqualFold(kind, "AllPrincipals"):
		return nil, fmt.Errorf("-ConsentType takes AllPrincipals or Principal, not %q", kind)
	}
	t.sortedAppsLocked()[i].consentLocked(user, strings.Fields(field(a, "Scope")))
	return nil, nil
}
