package exchangetest

import (
	"fmt"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

// accessCmdlets are those that let a user in: to an application, or with a
// password alone.
// (https://learn.microsoft.com/entra/identity/enterprise-apps/assign-user-or-group-access-portal,
// https://learn.microsoft.com/powershell/module/microsoft.graph.identity.signins/update-mgpolicyidentitysecuritydefaultenforcementpolicy)
func (t *Tenant) accessCmdlets() []*powershell.Command {
	assignment := with(params("UserId!", "PrincipalId", "ResourceId", "AppRoleId"), powershell.Table, "BodyParameter")
	return []*powershell.Command{
		{Name: "New-MgUserAppRoleAssignment", Params: assignment, Run: t.newUserAssignment},
		{
			Name:   "Update-MgPolicyIdentitySecurityDefaultEnforcementPolicy",
			Params: with(params(), powershell.Switch, "IsEnabled"),
			Run: func(a powershell.Args) ([]any, error) {
				if a.Has("IsEnabled") {
					t.SetSecurityDefaults(a.Bool("IsEnabled"))
				}
				return nil, nil
			},
		},
	}
}

// defaultRole is the role of those who are assigned to an application that has
// none for users.
const defaultRole = "00000000-0000-0000-0000-000000000000"

func (t *Tenant) newUserAssignment(a powershell.Args) ([]any, error) {
	u, err := t.user(a)
	switch {
	case err != nil:
		return nil, err
	case !strings.EqualFold(field(a, "PrincipalId"), u.ObjectID):
		return nil, fmt.Errorf("-PrincipalId is not the object id of the user, %s", u.ObjectID)
	case field(a, "AppRoleId") != defaultRole:
		return nil, fmt.Errorf("-AppRoleId: the application has no roles for users; it takes %s", defaultRole)
	}
	app, err := t.byID("ResourceId", field(a, "ResourceId"), func(app *App) string { return app.ServicePrincipalID })
	if err != nil {
		return nil, err
	}
	app.Assign(u)
	return []any{powershell.NewObject("AppRoleId", defaultRole, "PrincipalId", u.ObjectID, "ResourceId", app.ServicePrincipalID)}, nil
}

// setAudience is what signInAudience of a registration does.
func (a *App) setAudience(audience string) error {
	switch strings.ToLower(audience) {
	case "azureadmyorg":
		a.SetSingleTenant(true)
	case "azureadmultipleorgs", "azureadandpersonalmicrosoftaccount":
		a.SetSingleTenant(false)
	default:
		return fmt.Errorf("the sign-in audience is AzureADMyOrg, AzureADMultipleOrgs or AzureADandPersonalMicrosoftAccount, not %q", audience)
	}
	return nil
}
