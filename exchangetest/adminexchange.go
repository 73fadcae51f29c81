package exchangetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

// mailboxRights are those that -AccessRights takes. FullAccess alone lets
// anybody in by IMAP or POP3.
var mailboxRights = []string{"FullAccess", "ReadPermission", "ChangePermission", "ChangeOwner", "DeleteItem", "ExternalAccount"}

// exchangeCmdlets are those for service principals and what they may do.
// (https://learn.microsoft.com/powershell/module/exchangepowershell/)
func (t *Tenant) exchangeCmdlets() []*powershell.Command {
	newSP := params("AppId!", "ObjectId!", "DisplayName")
	newSP[1].Alias = "ServiceId"
	mailbox := with(params("Identity!", "User!"), powershell.List, "AccessRights!")
	add := with(with(mailbox, powershell.Bool, "AutoMapping"), powershell.String, "InheritanceType")
	recipient := with(params("Identity!", "Trustee!"), powershell.List, "AccessRights!")
	return []*powershell.Command{
		{Name: "New-ServicePrincipal", Params: newSP, Run: t.newServicePrincipal},
		{Name: "Remove-ServicePrincipal", Params: params("Identity!"), Run: func(a powershell.Args) ([]any, error) {
			return nil, t.RemoveServicePrincipal(a.Text("Identity"))
		}},
		{Name: "Get-ServicePrincipal", Params: params("Identity"), Run: t.getServicePrincipal},
		{Name: "Add-MailboxPermission", Params: add, Run: t.mailboxPermission(t.AddMailboxPermission)},
		{Name: "Remove-MailboxPermission", Params: mailbox, Run: t.mailboxPermission(t.RemoveMailboxPermission)},
		{Name: "Get-MailboxPermission", Params: params("Identity!", "User"), Run: func(a powershell.Args) ([]any, error) {
			return t.permissions(a, "User", "FullAccess", func(m *Mailbox) map[string]bool { return m.fullAccess })
		}},
		{Name: "Add-RecipientPermission", Params: recipient, Run: recipientPermission(t.AddRecipientPermission)},
		{Name: "Remove-RecipientPermission", Params: recipient, Run: recipientPermission(t.RemoveRecipientPermission)},
		{Name: "Get-RecipientPermission", Params: params("Identity!", "Trustee"), Run: func(a powershell.Args) ([]any, error) {
			return t.permissions(a, "Trustee", "SendAs", func(m *Mailbox) map[string]bool { return m.sendAs })
		}},
		{Name: "New-ManagementScope", Params: params("Name!", "RecipientRestrictionFilter!"), Run: func(a powershell.Args) ([]any, error) {
			return nil, t.NewManagementScope(a.Text("Name"), a.Text("RecipientRestrictionFilter"))
		}},
		{Name: "New-ManagementRoleAssignment", Params: params("Name", "App!", "Role!", "CustomResourceScope"), Run: t.newAssignment},
		{Name: "Get-ManagementRoleAssignment", Params: params("Identity"), Run: t.getAssignments},
		{Name: "Remove-ManagementRoleAssignment", Params: params("Identity!"), Run: t.removeAssignment},
	}
}

func (t *Tenant) newServicePrincipal(a powershell.Args) ([]any, error) {
	if err := t.NewServicePrincipal(a.Text("AppId"), a.Text("ObjectId")); err != nil {
		return nil, err
	}
	return t.getServicePrincipal(powershell.Args{"identity": a.Text("ObjectId")})
}

func (t *Tenant) getServicePrincipal(a powershell.Args) ([]any, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	list := slices.SortedFunc(maps.Values(t.exchange), func(a, b servicePrincipal) int { return cmp.Compare(a.appID, b.appID) })
	if a.Has("Identity") {
		sp, ok := t.servicePrincipalLocked(a.Text("Identity"))
		if !ok {
			return nil, fmt.Errorf("there is no service principal %q", a.Text("Identity"))
		}
		list = []servicePrincipal{sp}
	}
	var rows []any
	for _, sp := range list {
		name := ""
		if app := t.apps[sp.appID]; app != nil {
			name = app.Name
		}
		rows = append(rows, powershell.NewObject("DisplayName", name, "ObjectId", sp.objectID, "AppId", sp.appID, "Identity", sp.objectID))
	}
	return rows, nil
}

func (t *Tenant) mailboxPermission(change func(identity, user string) error) func(powershell.Args) ([]any, error) {
	return func(a powershell.Args) ([]any, error) {
		identity, user := a.Text("Identity"), a.Text("User")
		full := false
		for _, right := range a.List("AccessRights") {
			if !slices.ContainsFunc(mailboxRights, func(r string) bool { return strings.EqualFold(r, right) }) {
				return nil, fmt.Errorf("-AccessRights takes %s, not %q", strings.Join(mailboxRights, ", "), right)
			}
			full = full || strings.EqualFold(right, "FullAccess")
		}
		if full {
			return nil, change(identity, user)
		}
		return nil, t.permission("Add-MailboxPermission", identity, user, func(*Mailbox, string) {})
	}
}

func recipientPermission(change func(identity, trustee string) error) func(powershell.Args) ([]any, error) {
	return func(a powershell.Args) ([]any, error) {
		for _, right := range a.List("AccessRights") {
			if !strings.EqualFold(right, "SendAs") {
				return nil, fmt.Errorf("-AccessRights takes SendAs, not %q", right)
			}
		}
		return nil, change(a.Text("Identity"), a.Text("Trustee"))
	}
}

// permissions lists who has the right, with NT AUTHORITY\SELF at the head as
// in Exchange.
func (t *Tenant) permissions(a powershell.Args, who, right string, of func(*Mailbox) map[string]bool) ([]any, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	m, err := t.mailboxLocked("Get-"+who, a.Text("Identity"))
	if err != nil {
		return nil, err
	}
	row := func(name, right string) any {
		return powershell.NewObject("Identity", m.Address, who, name, "AccessRights", []any{right})
	}
	var rows []any
	only := strings.ToLower(a.Text(who))
	if sp, ok := t.servicePrincipalLocked(only); ok {
		only = sp.objectID
	}
	if only == "" {
		rows = append(rows, row(`NT AUTHORITY\SELF`, right))
	}
	for _, name := range slices.Sorted(maps.Keys(of(m))) {
		if only == "" || only == name {
			rows = append(rows, row(name, right))
		}
	}
	return rows, nil
}

func (t *Tenant) newAssignment(a powershell.Args) ([]any, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	r, err := t.assignRoleLocked(a.Text("Name"), a.Text("App"), a.Text("Role"), a.Text("CustomResourceScope"))
	if err != nil {
		return nil, err
	}
	return []any{r.row()}, nil
}

func (r roleAssignment) row() *powershell.Object {
	return powershell.NewObject("Name", r.name, "Role", r.role, "App", r.app, "CustomResourceScope", r.scope)
}

func (t *Tenant) getAssignments(a powershell.Args) ([]any, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	var rows []any
	for _, r := range t.assignments {
		if !a.Has("Identity") || strings.EqualFold(r.name, a.Text("Identity")) {
			rows = append(rows, r.row())
		}
	}
	return rows, nil
}

func (t *Tenant) removeAssignment(a powershell.Args) ([]any, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	i := slices.IndexFunc(t.assignments, func(r roleAssignment) bool { return strings.EqualFold(r.name, a.Text("Identity")) })
	if i < 0 {
		return nil, fmt.Errorf("there is no role assignment %q", a.Text("Identity"))
	}
	t.assignments = slices.Delete(t.assignments, i, i+1)
	return nil, nil
}
