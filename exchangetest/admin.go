package exchangetest

import (
	"errors"
	"fmt"

	"github.com/exoauth/exoauth/exchangetest/internal/admin"
	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
)

// An AdminError reports that an administrator's command failed.
type AdminError struct {
	Line    int    // of the script, counted from one; zero if there is no script
	Command string // cmdlet or program; empty if the line could not be read
	Err     error
}

// Error names the line, the command and the reason.
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

// Unwrap returns e.Err.
func (e *AdminError) Unwrap() error { return e.Err }

func adminError(cmdlet string, err error) error {
	if err == nil {
		return nil
	}
	return &AdminError{Command: cmdlet, Err: err}
}

// Admin runs what an administrator types into PowerShell, so a test can carry
// out a remedy that is printed for a person:
//
//	_, err := tenant.Admin("Add-MailboxPermission -Identity invoices@contoso.com -User " + id + " -AccessRights FullAccess")
//
// Admin knows the cmdlets of Exchange Online that concern mail protocols, those
// of Microsoft Graph for applications, consent and users, and the commands of
// az for the same, with their names and parameters. Scripts may use variables,
// quotes, comments, and pipes into Where-Object, ForEach-Object and
// Select-Object. Upper and lower case are the same, except for az. Get-Command
// lists the cmdlets.
//
// The error is an *[AdminError]. If Admin does not know a command, parameter,
// operator or statement in the script, the error names it, and nothing has run.
// Otherwise Admin stops at the first pipeline that fails. That pipeline changes
// nothing; the effects of earlier ones remain.
//
// As in an unattended shell, a cmdlet that asks for confirmation fails without
// -Confirm:$false. A script with Connect-ExchangeOnline, Connect-MgGraph or az
// login runs in a fresh shell: it must connect each module that it uses, to the
// tenant's cloud and with the Graph scopes that its cmdlets need. Any other
// script runs in a shell that is already connected.
//
// Admin returns the output of the commands, such as a new secret. Objects are
// written as Format-List writes them, and strings on a line each.
func (t *Tenant) Admin(script string) (output string, err error) {
	output, err = admin.Run(t.in, t.srv.clock, script)
	if inner, ok := errors.AsType[*powershell.Error](err); ok {
		err = &AdminError{inner.Line, inner.Command, inner.Err}
	}
	return output, err
}
