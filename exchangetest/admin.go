package exchangetest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

// An AdminError says which line of a script for [Server.Admin] failed.
type AdminError struct {
	Line    int    // counted from one
	Command string // cmdlet or program; empty if the line could not be read
	Err     error
}

func (e *AdminError) Error() string {
	if e.Command == "" {
		return fmt.Sprintf("exchangetest: Admin: line %d: %v", e.Line, e.Err)
	}
	return fmt.Sprintf("exchangetest: Admin: line %d: %s: %v", e.Line, e.Command, e.Err)
}

func (e *AdminError) Unwrap() error { return e.Err }

// Admin does in the first tenant what an administrator types; see
// [Tenant.Admin].
func (s *Server) Admin(script string) error { return s.dir.home.Admin(script) }

// Admin does what an administrator types into PowerShell, so that a remedy
// which is printed for a person can be carried out in a test:
//
//	err := tenant.Admin("Add-MailboxPermission -Identity invoices@contoso.com -User " + id + " -AccessRights FullAccess")
//
// It knows the cmdlets of Exchange Online that concern mail protocols, those
// of Microsoft Graph for applications, consent and users, and the same of the
// program az, with their names and their parameters. The lines may assign
// variables, quote, pipe into Where-Object and Select-Object, and be
// commented. Whatever it does not know, a parameter too, is an error that
// names it, an *[AdminError]. It stops there; what was done stays done.
func (t *Tenant) Admin(script string) error {
	_, err := t.AdminOutput(script)
	return err
}

// AdminOutput is Admin, and returns what the commands show: a new secret, for
// example. Objects are written as Format-List does, texts on a line each.
func (t *Tenant) AdminOutput(script string) (string, error) {
	values, err := powershell.New(t.commands()).Run(script)
	var lines strings.Builder
	for _, v := range values {
		lines.WriteString(powershell.Text(v))
		if _, ok := v.(*powershell.Object); !ok {
			lines.WriteByte('\n')
		}
	}
	inner, ok := errors.AsType[*powershell.Error](err)
	if !ok {
		return lines.String(), err
	}
	cause := inner.Err
	if cmdlet, ok := errors.AsType[*CmdletError](cause); ok {
		cause = cmdlet.Err
	}
	return lines.String(), &AdminError{inner.Line, inner.Command, cause}
}

func (t *Tenant) commands() []*powershell.Command {
	list := []*powershell.Command{{Name: "az", Native: t.az}}
	for _, name := range []string{
		"Connect-ExchangeOnline", "Disconnect-ExchangeOnline", "Connect-MgGraph", "Disconnect-MgGraph",
		"Install-Module", "Import-Module",
	} {
		list = append(list, &powershell.Command{Name: name, Lenient: true, Run: nothing})
	}
	list = append(list, t.exchangeCmdlets()...)
	list = append(list, t.protocolCmdlets()...)
	list = append(list, t.policyCmdlets()...)
	list = append(list, t.graphAppCmdlets()...)
	list = append(list, t.graphConsentCmdlets()...)
	list = append(list, t.accessCmdlets()...)
	return append(list, t.graphUserCmdlets()...)
}

func nothing(powershell.Args) ([]any, error) { return nil, nil }

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
