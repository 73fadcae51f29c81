package exchangetest

import (
	"errors"
	"fmt"

	"github.com/exoauth/exoauth/exchangetest/internal/admin"
	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

// An AdminError says what an administrator's command failed of.
type AdminError struct {
	Line    int    // of the script, counted from one; zero if there is no script
	Command string // cmdlet or program; empty if the line could not be read
	Err     error
}

func (e *AdminError) Error() string {
	text := e.Err.Error()
	if e.Command != "" {
		text = e.Command + ": " + text
	}
	if e.Line != 0 {
		text = fmt.Sprintf("Admin: line %d: %s", e.Line, text)
	}
	return "exchangetest: " + text
}

func (e *AdminError) Unwrap() error { return e.Err }

func adminError(cmdlet string, err error) error {
	if err == nil {
		return nil
	}
	return &AdminError{Command: cmdlet, Err: err}
}

// Admin does what an administrator types into PowerShell, so that a remedy
// which is printed for a person can be carried out in a test:
//
//	_, err := tenant.Admin("Add-MailboxPermission -Identity invoices@contoso.com -User " + id + " -AccessRights FullAccess")
//
// It knows the cmdlets of Exchange Online that concern mail protocols, those
// of Microsoft Graph for applications, consent and users, and the same of the
// program az, with their names and their parameters. The lines may assign
// variables, quote, pipe into Where-Object, ForEach-Object and Select-Object, and
// be commented. The case of letters does not matter, but for az. Get-Command
// lists the cmdlets.
//
// The error is an *[AdminError]. If anything in the script is not known, be it a
// command, a parameter, an operator or a statement, the error names it, and
// nothing has run. Otherwise Admin stops at the first pipeline that fails, which
// changes nothing; what was done before it stays done.
//
// As in a shell that nobody watches, a cmdlet that asks for confirmation fails
// without -Confirm:$false. A script with Connect-ExchangeOnline, Connect-MgGraph
// or az login is run in a fresh shell: it must connect each module that it uses,
// to the tenant's cloud and with the scopes of Graph that its cmdlets need. Any
// other script is run where the administrator is connected.
//
// It returns what the commands show: a new secret, for example. Objects are
// written as Format-List does, texts on a line each.
func (t *Tenant) Admin(script string) (output string, err error) {
	output, err = admin.Run(t.in, t.srv.clock, script)
	if inner, ok := errors.AsType[*powershell.Error](err); ok {
		err = &AdminError{inner.Line, inner.Command, inner.Err}
	}
	return output, err
}
