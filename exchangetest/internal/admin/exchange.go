package admin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

// mailboxRights are those that -AccessRights takes. FullAccess alone lets
// anybody in by IMAP or POP3.
var mailboxRights = []string{"FullAccess", "ReadPermission", "ChangePermission", "ChangeOwner", "DeleteItem", "ExternalAccount"}

// exchangeCmdlets are those for service principals and what they may do.
// (https://learn.microsoft.com/powershell/module/exchangepowershell/)
func (s shell) exchangeCmdlets() []*powershell.Command {
	newSP := params("AppId!", "ObjectId!", "DisplayName")
	newSP[1].Alias = "ServiceId"
	mailbox := with(params("Identity!", "User!"), powershell.List, "AccessRights!")
	add := with(with(mailbox, powershell.Bool, "AutoMapping"), powershell.String, "InheritanceType")
	recipient := with(params("Identity!", "Trustee!"), powershell.List, "AccessRights!")
	shared := with(params("Name!", "PrimarySmtpAddress", "Alias", "DisplayName"), powershell.Switch, "Shared!")
	shared[0].Position = 0
	return []*powershell.Command{
		{Name: "New-ServicePrincipal", Params: newSP, Run: s.newServicePrincipal},
		{Name: "Remove-ServicePrincipal", Params: params("Identity!"), Run: does(func(a powershell.Args) error {
			return s.t.RemoveServicePrincipal(a.Text("Identity"))
		})},
		{Name: "Get-ServicePrincipal", Params: params("Identity"), Run: s.getServicePrincipal},
		{Name: "New-Mailbox", Params: shared, Run: s.newMailbox},
		{Name: "Add-MailboxPermission", Params: add, Run: s.permit(directory.FullAccess, true, mailboxRights)},
		{Name: "Remove-MailboxPermission", Params: mailbox, Run: s.permit(directory.FullAccess, false, mailboxRights)},
		{Name: "Get-MailboxPermission", Params: params("Identity!", "User"), Run: s.holders(directory.FullAccess)},
		{Name: "Add-RecipientPermission", Params: recipient, Run: s.permit(directory.SendAs, true, []string{"SendAs"})},
		{Name: "Remove-RecipientPermission", Params: recipient, Run: s.permit(directory.SendAs, false, []string{"SendAs"})},
		{Name: "Get-RecipientPermission", Params: params("Identity!", "Trustee"), Run: s.holders(directory.SendAs)},
		{Name: "Add-HVEAppAccess", Params: with(params("Identity!"), powershell.List, "AppIds!"), Run: does(func(a powershell.Args) error {
			return s.t.AdmitHVE(a.Text("Identity"), a.List("AppIds")...)
		})},
		{Name: "New-ManagementScope", Params: params("Name!", "RecipientRestrictionFilter!"), Run: does(s.newScope)},
		{Name: "New-ManagementRoleAssignment", Params: params("Name", "App!", "Role!", "CustomResourceScope"), Run: s.newAssignment},
		{Name: "Test-ServicePrincipalAuthorization", Params: params("Identity!", "Resource"), Run: s.testAuthorization},
		{Name: "Get-ManagementRoleAssignment", Params: params("Identity"), Run: s.getAssignments},
		{Name: "Remove-ManagementRoleAssignment", Params: params("Identity!"), Run: does(func(a powershell.Args) error {
			return s.t.RemoveRoleAssignment(a.Text("Identity"))
		})},
	}
}

// newMailbox makes a shared mailbox. A user's comes with New-MgUser.
func (s shell) newMailbox(a powershell.Args) ([]any, error) {
	address := a.Text("PrimarySmtpAddress")
	switch {
	case address != "":
	case a.Has("Alias"):
		address = a.Text("Alias") + "@" + s.t.Domains[0]
	default:
		address = strings.ReplaceAll(a.Text("Name"), " ", "") + "@" + s.t.Domains[0]
	}
	if _, err := s.t.AddMailbox(address); err != nil {
		return nil, err
	}
	return []any{powershell.NewObject("Name", a.Text("Name"), "PrimarySmtpAddress", address, "RecipientTypeDetails", "SharedMailbox")}, nil
}

func (s shell) newServicePrincipal(a powershell.Args) ([]any, error) {
	if err := s.t.AddServicePrincipal(a.Text("AppId"), a.Text("ObjectId")); err != nil {
		return nil, err
	}
	return s.getServicePrincipal(powershell.Args{"identity": a.Text("ObjectId")})
}

func (s shell) getServicePrincipal(a powershell.Args) ([]any, error) {
	list := s.t.ServicePrincipals()
	if a.Has("Identity") {
		sp, ok := s.t.FindServicePrincipal(a.Text("Identity"))
		if !ok {
			return nil, fmt.Errorf("there is no service principal %q", a.Text("Identity"))
		}
		list = []directory.ServicePrincipal{sp}
	}
	var rows []any
	for _, sp := range list {
		name := ""
		if app := s.t.App(sp.AppID); app != nil {
			name = app.Name
		}
		rows = append(rows, powershell.NewObject("DisplayName", name, "ObjectId", sp.ObjectID, "AppId", sp.AppID, "Identity", sp.ObjectID))
	}
	return rows, nil
}

// trustee is the parameter that names who has the right.
func trustee(r directory.Right) string {
	if r == directory.SendAs {
		return "Trustee"
	}
	return "User"
}

// permit gives a right or takes it away. Other rights of a mailbox are taken and
// have no effect.
func (s shell) permit(r directory.Right, on bool, rights []string) func(powershell.Args) ([]any, error) {
	return does(func(a powershell.Args) error {
		effect := false
		for _, right := range a.List("AccessRights") {
			if !slices.ContainsFunc(rights, func(r string) bool { return strings.EqualFold(r, right) }) {
				return fmt.Errorf("-AccessRights takes %s, not %q", strings.Join(rights, ", "), right)
			}
			effect = effect || strings.EqualFold(right, rights[0])
		}
		mailbox, who := a.Text("Identity"), a.Text(trustee(r))
		if effect {
			return s.t.Permit(r, mailbox, who, on)
		}
		if _, err := s.t.Mailbox(mailbox); err != nil {
			return err
		}
		_, err := s.t.FindTrustee(who)
		return err
	})
}

// holders lists who has the right, with NT AUTHORITY\SELF at the head as in
// Exchange.
func (s shell) holders(r directory.Right) func(powershell.Args) ([]any, error) {
	return func(a powershell.Args) ([]any, error) {
		m, err := s.t.Mailbox(a.Text("Identity"))
		if err != nil {
			return nil, err
		}
		right := map[directory.Right]string{directory.FullAccess: "FullAccess", directory.SendAs: "SendAs"}[r]
		names, only := m.Holders(r), strings.ToLower(a.Text(trustee(r)))
		if sp, ok := s.t.FindServicePrincipal(only); ok {
			only = sp.ObjectID
		}
		if only == "" {
			names = slices.Insert(names, 0, `NT AUTHORITY\SELF`)
		}
		var rows []any
		for _, name := range names {
			if only == "" || only == name {
				rows = append(rows, powershell.NewObject("Identity", m.Address, trustee(r), name, "AccessRights", []any{right}))
			}
		}
		return rows, nil
	}
}

func (s shell) newScope(a powershell.Args) error {
	filter := a.Text("RecipientRestrictionFilter")
	if _, err := powershell.Match(filter, recipient("", "")); err != nil {
		return fmt.Errorf("the filter %q: %w", filter, err)
	}
	return s.t.AddScope(directory.Scope{Name: a.Text("Name"), Filter: filter, Matches: func(address, kind string) bool {
		in, _ := powershell.Match(filter, recipient(address, kind)) // it was found sound above
		return in
	}})
}

// recipient has the properties of a mailbox that filters ask for.
func recipient(address, kind string) *powershell.Object {
	alias, _, _ := strings.Cut(address, "@")
	return powershell.NewObject("PrimarySmtpAddress", address, "Alias", alias, "RecipientTypeDetails", kind)
}

func (s shell) newAssignment(a powershell.Args) ([]any, error) {
	r, err := s.t.AssignRole(directory.RoleAssignment{Name: a.Text("Name"), App: a.Text("App"), Role: a.Text("Role"), Scope: a.Text("CustomResourceScope")})
	if err != nil {
		return nil, err
	}
	return []any{assignmentRow(r)}, nil
}

// testAuthorization shows what RBAC for Applications lets an application do, with
// one mailbox if it is named.
// (https://learn.microsoft.com/powershell/module/exchangepowershell/test-serviceprincipalauthorization)
func (s shell) testAuthorization(a powershell.Args) ([]any, error) {
	sp, ok := s.t.FindServicePrincipal(a.Text("Identity"))
	if !ok {
		return nil, fmt.Errorf("there is no service principal %q", a.Text("Identity"))
	}
	var mailbox *directory.Mailbox
	if a.Has("Resource") {
		var err error
		if mailbox, err = s.t.Mailbox(a.Text("Resource")); err != nil {
			return nil, err
		}
	}
	var rows []any
	for _, r := range s.t.RoleAssignments() {
		if r.App != sp.ObjectID {
			continue
		}
		scope, kind, in := r.Scope, "CustomRecipientScope", "Not Run"
		if scope == "" {
			scope, kind = "Organization", "OrganizationConfig"
		}
		if mailbox != nil {
			in = powershell.Text(s.t.InScope(r, mailbox))
		}
		rows = append(rows, powershell.NewObject("RoleName", r.Role, "GrantedPermissions", strings.TrimPrefix(r.Role, "Application "),
			"AllowedResourceScope", scope, "ScopeType", kind, "InScope", in))
	}
	return rows, nil
}

func assignmentRow(r directory.RoleAssignment) *powershell.Object {
	return powershell.NewObject("Name", r.Name, "Role", r.Role, "App", r.App, "CustomResourceScope", r.Scope)
}

func (s shell) getAssignments(a powershell.Args) ([]any, error) {
	var rows []any
	for _, r := range s.t.RoleAssignments() {
		if !a.Has("Identity") || strings.EqualFold(r.Name, a.Text("Identity")) {
			rows = append(rows, assignmentRow(r))
		}
	}
	return rows, nil
}
