package exchangetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
)

// A servicePrincipal is an application as Exchange knows it.
type servicePrincipal struct{ appID, objectID string }

// TransportConfig holds the switches of Set-TransportConfig. The zero value is
// what a new tenant of this server has; in Exchange Online, organizations made
// since January 2020 have SMTP AUTH disabled.
// (https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission)
type TransportConfig struct {
	// SmtpClientAuthenticationDisabled refuses SMTP AUTH, with XOAUTH2 too,
	// for every mailbox that has no setting of its own.
	SmtpClientAuthenticationDisabled bool
}

// A CmdletError is what a method named after a cmdlet of Exchange Online
// returns where the cmdlet would fail.
type CmdletError struct {
	Cmdlet string // as Microsoft spells it
	Err    error
}

func (e *CmdletError) Error() string { return "exchangetest: " + e.Cmdlet + ": " + e.Err.Error() }

func (e *CmdletError) Unwrap() error { return e.Err }

func cmdletErrorf(cmdlet, format string, args ...any) error {
	return &CmdletError{cmdlet, fmt.Errorf(format, args...)}
}

// CASMailbox holds the switches of Set-CASMailbox. The zero value is what a
// new mailbox has.
type CASMailbox struct {
	// ImapEnabled allows IMAP. Nil means yes.
	ImapEnabled *bool

	// PopEnabled allows POP3. Nil means yes.
	PopEnabled *bool

	// SmtpClientAuthenticationDisabled overrides the switch of the same name
	// in [TransportConfig]. Nil means the tenant's.
	SmtpClientAuthenticationDisabled *bool
}

// NewServicePrincipal tells Exchange of an application, as the cmdlet
// New-ServicePrincipal -AppId -ObjectId does. objectID should be the
// [App.ServicePrincipalID]. Like the cmdlet it does not look into Entra ID:
// the object id of the app registration, or of nothing, is accepted, and the
// application cannot log in.
// (https://learn.microsoft.com/powershell/module/exchangepowershell/new-serviceprincipal)
func (t *Tenant) NewServicePrincipal(appID, objectID string) error {
	for _, id := range []string{appID, objectID} {
		if !guid.Valid(id) {
			return cmdletErrorf("New-ServicePrincipal", "%q is not a GUID; it takes the application (client) id and the object id of the enterprise application", id)
		}
	}
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	for _, sp := range t.exchange {
		if strings.EqualFold(sp.appID, appID) || strings.EqualFold(sp.objectID, objectID) {
			return cmdletErrorf("New-ServicePrincipal", "the application %s is registered with the object id %s already; remove it first", sp.appID, sp.objectID)
		}
	}
	t.exchange[strings.ToLower(objectID)] = servicePrincipal{strings.ToLower(appID), strings.ToLower(objectID)}
	return nil
}

// RemoveServicePrincipal undoes [Tenant.NewServicePrincipal], as the cmdlet
// Remove-ServicePrincipal -Identity does. identity is the object id or the
// application id. Permissions of the service principal go with it.
func (t *Tenant) RemoveServicePrincipal(identity string) error {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	sp, ok := t.servicePrincipalLocked(identity)
	if !ok {
		return cmdletErrorf("Remove-ServicePrincipal", "there is no service principal %q", identity)
	}
	delete(t.exchange, sp.objectID)
	t.assignments = slices.DeleteFunc(t.assignments, func(a roleAssignment) bool { return a.app == sp.objectID })
	for _, m := range t.dir.mailboxes {
		if m.tenant == t {
			delete(m.fullAccess, sp.objectID)
			delete(m.sendAs, sp.objectID)
		}
	}
	return nil
}

// AddMailboxPermission gives FullAccess to the mailbox, as the cmdlet
// Add-MailboxPermission -Identity -User -AccessRights FullAccess does.
// identity is the address of the mailbox. user is a user's UPN, or a service
// principal's object id or application id.
func (t *Tenant) AddMailboxPermission(identity, user string) error {
	return t.permission("Add-MailboxPermission", identity, user, func(m *Mailbox, trustee string) {
		m.fullAccess[trustee] = true
	})
}

// RemoveMailboxPermission undoes [Tenant.AddMailboxPermission].
func (t *Tenant) RemoveMailboxPermission(identity, user string) error {
	return t.permission("Remove-MailboxPermission", identity, user, func(m *Mailbox, trustee string) {
		delete(m.fullAccess, trustee)
	})
}

// AddRecipientPermission allows to send as the mailbox, as the cmdlet
// Add-RecipientPermission -Identity -Trustee -AccessRights SendAs does.
// identity is the address to send as. trustee is a user's UPN or the address
// of a mailbox, or a service principal's object id or application id.
func (t *Tenant) AddRecipientPermission(identity, trustee string) error {
	return t.permission("Add-RecipientPermission", identity, trustee, func(m *Mailbox, trustee string) {
		m.sendAs[trustee] = true
	})
}

// RemoveRecipientPermission undoes [Tenant.AddRecipientPermission].
func (t *Tenant) RemoveRecipientPermission(identity, trustee string) error {
	return t.permission("Remove-RecipientPermission", identity, trustee, func(m *Mailbox, trustee string) {
		delete(m.sendAs, trustee)
	})
}

func (t *Tenant) permission(cmdlet, identity, trustee string, change func(m *Mailbox, trustee string)) error {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	m, err := t.mailboxLocked(cmdlet, identity)
	if err != nil {
		return err
	}
	key := strings.ToLower(trustee)
	if sp, ok := t.servicePrincipalLocked(trustee); ok {
		key = sp.objectID
	} else if other := t.dir.mailboxLocked(trustee); other == nil || other.tenant != t {
		return cmdletErrorf(cmdlet, "there is no user or service principal %q; a service principal must be made with New-ServicePrincipal first", trustee)
	}
	change(m, key)
	return nil
}

// SetCASMailbox sets the switches of a mailbox, all of them, as the cmdlet
// Set-CASMailbox -Identity does with those it is given.
// (https://learn.microsoft.com/powershell/module/exchangepowershell/set-casmailbox)
func (t *Tenant) SetCASMailbox(identity string, to CASMailbox) error {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	m, err := t.mailboxLocked("Set-CASMailbox", identity)
	if err == nil {
		m.cas = to
	}
	return err
}

// SetTransportConfig sets the switches of the tenant, as the cmdlet
// Set-TransportConfig does.
func (t *Tenant) SetTransportConfig(to TransportConfig) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	t.transport = to
}

// Grant gives the application what an administrator gives it when all goes
// well: it is registered with [Tenant.NewServicePrincipal] if it is not, and
// gets FullAccess to the mailbox. It panics where a cmdlet would fail.
func (t *Tenant) Grant(app *App, mailbox string) {
	if app == nil {
		panic("exchangetest: Grant: the application is nil")
	}
	t.dir.mu.Lock()
	_, known := t.servicePrincipalLocked(app.ServicePrincipalID)
	t.dir.mu.Unlock()
	if !known {
		if err := t.NewServicePrincipal(app.ClientID, app.ServicePrincipalID); err != nil {
			panic(err)
		}
	}
	if err := t.AddMailboxPermission(mailbox, app.ServicePrincipalID); err != nil {
		panic(err)
	}
}

func (t *Tenant) mailboxLocked(cmdlet, identity string) (*Mailbox, error) {
	m := t.dir.mailboxLocked(identity)
	if m == nil || m.tenant != t {
		return nil, cmdletErrorf(cmdlet, "there is no mailbox %q in %s", identity, t.Domains[0])
	}
	return m, nil
}

func (t *Tenant) servicePrincipalLocked(identity string) (servicePrincipal, bool) {
	identity = strings.ToLower(identity)
	if sp, ok := t.exchange[identity]; ok {
		return sp, true
	}
	for _, sp := range t.exchange {
		if sp.appID == identity {
			return sp, true
		}
	}
	return servicePrincipal{}, false
}
