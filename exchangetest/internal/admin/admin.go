// Package admin does what an administrator types: the cmdlets of Exchange Online
// and of Microsoft Graph, and the commands of az.
package admin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

// A Clock tells the time.
type Clock interface{ Now() time.Time }

// A shell is what the commands work on.
type shell struct {
	t     *directory.Tenant
	clock Clock
	conn  *connections
}

// Run runs a script in the tenant, and returns what it shows: objects as
// Format-List does, and texts on a line each. The error is a
// *[powershell.Error].
func Run(t *directory.Tenant, clock Clock, script string) (string, error) {
	s := shell{t, clock, &connections{strict: connects.MatchString(script)}}
	ps := powershell.New(s.commands())
	ps.Copy = func() []*powershell.Command {
		conn := *s.conn
		return shell{t.Directory().Clone().Tenant(t.ID), clock, &conn}.commands()
	}
	values, err := ps.Run(script)
	var lines strings.Builder
	for _, v := range values {
		lines.WriteString(powershell.Text(v))
		if _, ok := v.(*powershell.Object); !ok {
			lines.WriteByte('\n')
		}
	}
	return lines.String(), err
}

func (s shell) commands() []*powershell.Command {
	list := s.connectCommands()
	list = append(list, s.need("Connect-ExchangeOnline", slices.Concat(s.exchangeCmdlets(), s.protocolCmdlets(), s.policyCmdlets()))...)
	list = append(list, s.need("Connect-MgGraph", slices.Concat(s.appCmdlets(), s.consentCmdlets(), s.userCmdlets()))...)
	list = append(list, &powershell.Command{Name: "Get-Command", Run: func(powershell.Args) (all []any, _ error) {
		for _, c := range list {
			all = append(all, powershell.NewObject("Name", c.Name))
		}
		return all, nil
	}})
	for _, c := range list {
		c.Confirms = confirms[c.Name]
	}
	return list
}

// confirms are the cmdlets that ask for confirmation.
// (https://learn.microsoft.com/powershell/module/exchangepowershell/add-recipientpermission, and so on for the others)
var confirms = map[string]bool{
	"Remove-ServicePrincipal": true, "Add-RecipientPermission": true, "Remove-RecipientPermission": true, "Remove-MailboxPermission": true,
	"Remove-AuthenticationPolicy": true, "Remove-ManagementRoleAssignment": true,
}

// params makes parameters of text. An exclamation mark ends the name of one
// that is required, and the first is positional.
func params(names ...string) []powershell.Param {
	list := make([]powershell.Param, len(names))
	for i, n := range names {
		name, required := strings.CutSuffix(n, "!")
		list[i] = powershell.Param{Name: name, Required: required}
	}
	if len(list) > 0 {
		list[0].Position = 1
	}
	return list
}

// with appends parameters of another kind.
func with(list []powershell.Param, kind powershell.Kind, names ...string) []powershell.Param {
	more := params(names...)
	for i := range more {
		more[i].Kind, more[i].Position = kind, 0
	}
	return append(list, more...)
}

// does makes a command of a function that shows nothing.
func does(f func(a powershell.Args) error) func(powershell.Args) ([]any, error) {
	return func(a powershell.Args) ([]any, error) { return nil, f(a) }
}

// field returns a parameter, or the member of -BodyParameter of that name.
func field(a powershell.Args, name string) string {
	if a.Has(name) {
		return a.Text(name)
	}
	return powershell.Text(a.Table("BodyParameter").Get(name))
}

// app finds an application by one of its ids.
func (s shell) app(name, value string, id func(*directory.App) string) (*directory.App, error) {
	for _, a := range s.t.Apps() {
		if strings.EqualFold(id(a), value) {
			return a, nil
		}
	}
	return nil, fmt.Errorf("-%s: there is none with the object id %q", name, value)
}

func servicePrincipalID(a *directory.App) string { return a.ServicePrincipalID }

// user finds a user by name or by object id.
func (s shell) user(id string) (*directory.User, error) {
	if u := s.t.User(id); u != nil {
		return u, nil
	}
	for _, u := range s.t.Users() {
		if strings.EqualFold(u.ObjectID, id) {
			return u, nil
		}
	}
	return nil, fmt.Errorf("there is no user %q in %s", id, s.t.Domains[0])
}

// set sets a switch if the parameter is given.
func set(a powershell.Args, name string, to *bool) {
	if a.Has(name) {
		*to = a.Bool(name)
	}
}
