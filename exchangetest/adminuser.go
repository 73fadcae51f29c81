package exchangetest

import (
	"fmt"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

// userLocked finds a user by name or by object id.
func (t *Tenant) userLocked(id string) (*User, error) {
	if u := t.users[strings.ToLower(id)]; u != nil {
		return u, nil
	}
	for _, u := range t.users {
		if strings.EqualFold(u.ObjectID, id) {
			return u, nil
		}
	}
	return nil, fmt.Errorf("there is no user %q in %s", id, t.Domains[0])
}

// graphUserCmdlets are those for users.
func (t *Tenant) graphUserCmdlets() []*powershell.Command {
	update := with(params("UserId!"), powershell.Switch, "AccountEnabled")
	update = with(update, powershell.Table, "PasswordProfile")
	return []*powershell.Command{
		{Name: "Get-MgUser", Params: params("UserId!"), Run: t.getUser},
		{Name: "Update-MgUser", Params: update, Run: t.updateUser},
		{Name: "Revoke-MgUserSignInSession", Params: params("UserId!"), Run: func(a powershell.Args) ([]any, error) {
			u, err := t.user(a)
			if err == nil {
				u.RevokeSessions()
			}
			return nil, err
		}},
	}
}

func (t *Tenant) user(a powershell.Args) (*User, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	return t.userLocked(a.Text("UserId"))
}

func (t *Tenant) getUser(a powershell.Args) ([]any, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	u, err := t.userLocked(a.Text("UserId"))
	if err != nil {
		return nil, err
	}
	return []any{powershell.NewObject("Id", u.ObjectID, "UserPrincipalName", u.UPN, "AccountEnabled", !u.state.Disabled)}, nil
}

func (t *Tenant) updateUser(a powershell.Args) ([]any, error) {
	u, err := t.user(a)
	if err != nil {
		return nil, err
	}
	if password := powershell.Text(a.Table("PasswordProfile").Get("Password")); password != "" {
		u.SetPassword(password)
	}
	if a.Has("AccountEnabled") {
		t.dir.mu.Lock()
		defer t.dir.mu.Unlock()
		u.state.Disabled = !a.Bool("AccountEnabled")
	}
	return nil, nil
}
