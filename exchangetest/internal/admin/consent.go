package admin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

// consentCmdlets are those that consent consists of.
// (https://learn.microsoft.com/graph/permissions-grant-via-msgraph)
func (s shell) consentCmdlets() []*powershell.Command {
	assignment := with(params("ServicePrincipalId!", "PrincipalId", "ResourceId", "AppRoleId"), powershell.Table, "BodyParameter")
	grant := with(params("ClientId", "ConsentType", "PrincipalId", "ResourceId", "Scope"), powershell.Table, "BodyParameter")
	grant[0].Position = 0
	return []*powershell.Command{
		{Name: "New-MgServicePrincipalAppRoleAssignment", Params: assignment, Run: s.newAppRole},
		{Name: "Get-MgServicePrincipalAppRoleAssignment", Params: params("ServicePrincipalId!"), Run: s.getAppRoles},
		{Name: "Remove-MgServicePrincipalAppRoleAssignment", Params: params("ServicePrincipalId!", "AppRoleAssignmentId!"), Run: does(s.removeAppRole)},
		{Name: "New-MgOauth2PermissionGrant", Params: grant, Run: s.newGrant},
		{Name: "Get-MgOauth2PermissionGrant", Params: params("OAuth2PermissionGrantId", "Filter"), Run: s.getGrants},
		{Name: "Update-MgOauth2PermissionGrant", Params: params("OAuth2PermissionGrantId!", "Scope!"), Run: does(s.updateGrant)},
	}
}

func (s shell) principal(a powershell.Args) (*directory.App, error) {
	return s.app("ServicePrincipalId", a.Text("ServicePrincipalId"), servicePrincipalID)
}

// isExchange returns an error if -ResourceId is not that of Exchange Online.
func (s shell) isExchange(a powershell.Args) error {
	if !strings.EqualFold(field(a, "ResourceId"), guid.Of(s.t.ID+resource.ExchangeAppID)) {
		return fmt.Errorf("-ResourceId: %q is not the object id of Office 365 Exchange Online in this tenant", field(a, "ResourceId"))
	}
	return nil
}

func (s shell) newAppRole(a powershell.Args) ([]any, error) {
	app, err := s.principal(a)
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
	if err := s.isExchange(a); err != nil {
		return nil, err
	}
	role, ok := resource.RoleByID(field(a, "AppRoleId"))
	if !ok {
		return nil, fmt.Errorf("-AppRoleId: Office 365 Exchange Online has no app role with the id %q here", field(a, "AppRoleId"))
	}
	if err := app.AddRole(role); err != nil {
		return nil, err
	}
	return []any{roleRow(app, role)}, nil
}

func roleAssignmentID(a *directory.App, role string) string {
	return guid.Of(a.ServicePrincipalID + role)
}

func roleRow(a *directory.App, role string) *powershell.Object {
	return powershell.NewObject("Id", roleAssignmentID(a, role), "AppRoleId", resource.ID(role),
		"PrincipalId", a.ServicePrincipalID, "PrincipalDisplayName", a.Name,
		"ResourceId", guid.Of(a.Tenant().ID+resource.ExchangeAppID), "ResourceDisplayName", "Office 365 Exchange Online")
}

func (s shell) getAppRoles(a powershell.Args) ([]any, error) {
	app, err := s.principal(a)
	if err != nil {
		return nil, err
	}
	var rows []any
	for _, role := range app.Roles() {
		rows = append(rows, roleRow(app, role))
	}
	return rows, nil
}

func (s shell) removeAppRole(a powershell.Args) error {
	app, err := s.principal(a)
	if err != nil {
		return err
	}
	for _, role := range app.Roles() {
		if strings.EqualFold(roleAssignmentID(app, role), a.Text("AppRoleAssignmentId")) {
			app.RemoveRole(role)
			return nil
		}
	}
	return fmt.Errorf("-AppRoleAssignmentId: there is no assignment %q", a.Text("AppRoleAssignmentId"))
}

// A grant is a consent to delegated permissions, for one user or for all.
type grant struct {
	app    *directory.App
	user   *directory.User // nil for all
	scopes []string
}

func (g grant) row() *powershell.Object {
	kind, principal := "AllPrincipals", ""
	if g.user != nil {
		kind, principal = "Principal", g.user.ObjectID
	}
	return powershell.NewObject("Id", guid.Of("grant "+g.app.ServicePrincipalID+principal), "ClientId", g.app.ServicePrincipalID,
		"ConsentType", kind, "PrincipalId", principal, "ResourceId", guid.Of(g.app.Tenant().ID+resource.ExchangeAppID), "Scope", strings.Join(g.scopes, " "))
}

func (s shell) grants() []grant {
	var list []grant
	for _, app := range s.t.Apps() {
		grants := app.Grants()
		if scopes, ok := grants[""]; ok {
			list = append(list, grant{app, nil, scopes})
		}
		for _, u := range s.t.Users() {
			if scopes, ok := grants[u.ObjectID]; ok {
				list = append(list, grant{app, u, scopes})
			}
		}
	}
	return list
}

// newGrant consents to delegated permissions. There is one grant for each user,
// and one for all: Graph answers a second with 409.
func (s shell) newGrant(a powershell.Args) ([]any, error) {
	app, err := s.app("ClientId", field(a, "ClientId"), servicePrincipalID)
	if err != nil {
		return nil, fmt.Errorf("-ClientId: there is no service principal with the object id %q", field(a, "ClientId"))
	}
	if err := s.isExchange(a); err != nil {
		return nil, err
	}
	g := grant{app: app, scopes: strings.Fields(field(a, "Scope"))}
	switch kind := field(a, "ConsentType"); {
	case strings.EqualFold(kind, "Principal"):
		if g.user, err = s.user(field(a, "PrincipalId")); err != nil {
			return nil, fmt.Errorf("-PrincipalId: %w", err)
		}
	case !strings.EqualFold(kind, "AllPrincipals"):
		return nil, fmt.Errorf("-ConsentType takes AllPrincipals or Principal, not %q", kind)
	}
	if slices.ContainsFunc(s.grants(), func(old grant) bool { return old.app == app && old.user == g.user }) {
		return nil, errors.New("Request_MultipleObjectsWithSameKeyValue: a permission grant of the same client, resource and consent type exists; get it with Get-MgOauth2PermissionGrant and change it with Update-MgOauth2PermissionGrant")
	}
	app.Consent(g.user, g.scopes)
	return []any{g.row()}, nil
}

func (s shell) getGrants(a powershell.Args) ([]any, error) {
	var rows []any
	for _, g := range s.grants() {
		rows = append(rows, g.row())
	}
	return filtered(rows, a, "OAuth2PermissionGrantId")
}

// updateGrant replaces what a grant consents to.
func (s shell) updateGrant(a powershell.Args) error {
	for _, g := range s.grants() {
		if strings.EqualFold(powershell.Text(g.row().Get("Id")), a.Text("OAuth2PermissionGrantId")) {
			g.app.SetConsent(g.user, strings.Fields(a.Text("Scope")))
			return nil
		}
	}
	return fmt.Errorf("-OAuth2PermissionGrantId: there is no grant %q", a.Text("OAuth2PermissionGrantId"))
}
