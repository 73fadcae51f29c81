package admin

import (
	"fmt"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

// userCmdlets are those for users: their accounts, and which applications they
// are assigned to.
// (https://learn.microsoft.com/entra/identity/enterprise-apps/assign-user-or-group-access-portal,
// https://learn.microsoft.com/powershell/module/microsoft.graph.identity.signins/update-mgpolicyidentitysecuritydefaultenforcementpolicy)
func (s shell) userCmdlets() []*powershell.Command {
	update := with(params("UserId!"), powershell.Switch, "AccountEnabled")
	update = with(update, powershell.Table, "PasswordProfile")
	create := with(params("UserPrincipalName!", "DisplayName!", "MailNickname!"), powershell.Switch, "AccountEnabled!")
	create = with(create, powershell.Table, "PasswordProfile!")
	create[0].Position = 0
	assignment := with(params("UserId!", "PrincipalId", "ResourceId", "AppRoleId"), powershell.Table, "BodyParameter")
	return []*powershell.Command{
		{Name: "New-MgUser", Params: create, Run: s.newUser},
		{Name: "Get-MgUser", Params: params("UserId!"), Run: s.getUser},
		{Name: "Update-MgUser", Params: update, Run: does(s.updateUser)},
		{Name: "Revoke-MgUserSignInSession", Params: params("UserId!"), Run: does(func(a powershell.Args) error {
			u, err := s.user(a.Text("UserId"))
			if err == nil {
				u.RevokeSessions()
			}
			return err
		})},
		{Name: "New-MgUserAppRoleAssignment", Params: assignment, Run: s.newUserAssignment},
		{
			Name:   "Update-MgPolicyIdentitySecurityDefaultEnforcementPolicy",
			Params: with(params(), powershell.Switch, "IsEnabled"),
			Run: does(func(a powershell.Args) error {
				s.t.Change(func(st *directory.TenantState) { set(a, "IsEnabled", &st.SecurityDefaults) })
				return nil
			}),
		},
	}
}

// newUser makes a user with a mailbox, as one with a licence for Exchange Online
// has.
func (s shell) newUser(a powershell.Args) ([]any, error) {
	password := powershell.Text(a.Table("PasswordProfile").Get("Password"))
	if password == "" {
		return nil, fmt.Errorf("-PasswordProfile: it has no Password")
	}
	u, err := s.t.AddUser(a.Text("UserPrincipalName"))
	if err != nil {
		return nil, err
	}
	u.SetPassword(password)
	u.Change(func(st *directory.UserState) { st.Disabled = !a.Bool("AccountEnabled") })
	return s.getUser(powershell.Args{"userid": u.UPN})
}

func (s shell) getUser(a powershell.Args) ([]any, error) {
	u, err := s.user(a.Text("UserId"))
	if err != nil {
		return nil, err
	}
	return []any{powershell.NewObject("Id", u.ObjectID, "UserPrincipalName", u.UPN, "AccountEnabled", !u.State().Disabled)}, nil
}

func (s shell) updateUser(a powershell.Args) error {
	u, err := s.user(a.Text("UserId"))
	if err != nil {
		return err
	}
	if password := powershell.Text(a.Table("PasswordProfile").Get("Password")); password != "" {
		u.SetPassword(password)
	}
	if a.Has("AccountEnabled") {
		u.Change(func(st *directory.UserState) { st.Disabled = !a.Bool("AccountEnabled") })
	}
	return nil
}

// defaultRole is the role of those who are assigned to an application that has
// none for users.
const defaultRole = "00000000-0000-0000-0000-000000000000"

func (s shell) newUserAssignment(a powershell.Args) ([]any, error) {
	u, err := s.user(a.Text("UserId"))
	switch {
	case err != nil:
		return nil, err
	case !strings.EqualFold(field(a, "PrincipalId"), u.ObjectID):
		return nil, fmt.Errorf("-PrincipalId is not the object id of the user, %s", u.ObjectID)
	case field(a, "AppRoleId") != defaultRole:
		return nil, fmt.Errorf("-AppRoleId: the application has no roles for users; it takes %s", defaultRole)
	}
	app, err := s.app("ResourceId", field(a, "ResourceId"), servicePrincipalID)
	if err != nil {
		return nil, err
	}
	app.Assign(u)
	return []any{powershell.NewObject("AppRoleId", defaultRole, "PrincipalId", u.ObjectID, "ResourceId", app.ServicePrincipalID)}, nil
}
