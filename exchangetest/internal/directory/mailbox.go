package directory

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/exoauth/exoauth/exchangetest/internal/mailstore"
)

// SentItems is the folder that copies of sent messages go to.
const SentItems = "Sent Items"

// A Mailbox is that of a user or a shared one.
type Mailbox struct {
	Address string
	Box     *mailstore.Box
	Sending *atomic.Int32 // messages that are being submitted

	tenant     *Tenant
	owner      *User           // nil for a shared mailbox
	fullAccess map[string]bool // by address in lower case, or object id of a service principal
	sendAs     map[string]bool
	hveApps    map[string]bool // by object id of the enterprise application
	cas        CAS
}

// CAS holds the switches of Set-CASMailbox. Nil means yes for IMAP and POP, and
// for SMTP what the tenant says.
type CAS struct {
	IMAP, POP    *bool
	SMTPDisabled *bool
}

func newMailbox(t *Tenant, address string) *Mailbox {
	return &Mailbox{
		Address: address, Box: mailstore.New(), Sending: new(atomic.Int32),
		tenant: t, fullAccess: make(map[string]bool), sendAs: make(map[string]bool), hveApps: make(map[string]bool),
	}
}

// Tenant returns the mailbox's tenant.
func (m *Mailbox) Tenant() *Tenant { return m.tenant }

// Kind is "UserMailbox" or "SharedMailbox".
func (m *Mailbox) Kind() string {
	m.tenant.dir.mu.Lock()
	defer m.tenant.dir.mu.Unlock()
	if m.owner != nil {
		return "UserMailbox"
	}
	return "SharedMailbox"
}

// CAS returns the switches of the mailbox.
func (m *Mailbox) CAS() CAS {
	m.tenant.dir.mu.Lock()
	defer m.tenant.dir.mu.Unlock()
	return m.cas
}

// ChangeCAS changes the switches. The function must not call back.
func (m *Mailbox) ChangeCAS(f func(*CAS)) {
	m.tenant.dir.mu.Lock()
	defer m.tenant.dir.mu.Unlock()
	f(&m.cas)
}

// A Right is what may be done with a mailbox.
type Right int

// The rights.
const (
	FullAccess Right = iota
	SendAs
)

func (m *Mailbox) holdersLocked(r Right) map[string]bool {
	if r == SendAs {
		return m.sendAs
	}
	return m.fullAccess
}

// Has reports whether a trustee has the right: a user's address in lower case,
// or a service principal's object id.
func (m *Mailbox) Has(r Right, trustee string) bool {
	m.tenant.dir.mu.Lock()
	defer m.tenant.dir.mu.Unlock()
	return m.holdersLocked(r)[trustee]
}

// Holders returns who has the right.
func (m *Mailbox) Holders(r Right) []string {
	m.tenant.dir.mu.Lock()
	defer m.tenant.dir.mu.Unlock()
	return slices.Sorted(maps.Keys(m.holdersLocked(r)))
}

// AdmitHVE lets applications send for the mailbox by High Volume Email, by the
// object ids of their enterprise applications.
func (t *Tenant) AdmitHVE(mailbox string, objectIDs ...string) error {
	m, err := t.Mailbox(mailbox)
	if err != nil {
		return err
	}
	known := make(map[string]bool)
	for _, a := range t.Apps() {
		known[a.ServicePrincipalID] = true
	}
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	admitted := maps.Clone(m.hveApps)
	for _, id := range objectIDs {
		id = strings.ToLower(id)
		if !known[id] {
			return fmt.Errorf("there is no enterprise application with the object id %q", id)
		}
		admitted[id] = true
	}
	if len(admitted) > maxHVEApps {
		return fmt.Errorf("%s would have %d applications; %d are allowed", m.Address, len(admitted), maxHVEApps)
	}
	m.hveApps = admitted
	return nil
}

// maxHVEApps is how many applications may send for an account of High Volume
// Email. (https://learn.microsoft.com/powershell/module/exchangepowershell/add-hveappaccess)
const maxHVEApps = 10

// AdmitsHVE reports whether AdmitHVE has let the application in.
func (m *Mailbox) AdmitsHVE(objectID string) bool {
	m.tenant.dir.mu.Lock()
	defer m.tenant.dir.mu.Unlock()
	return m.hveApps[objectID]
}

// FindTrustee returns the name under which a user, a mailbox or a service
// principal of the tenant holds rights.
func (t *Tenant) FindTrustee(name string) (string, error) {
	if sp, ok := t.FindServicePrincipal(name); ok {
		return sp.ObjectID, nil
	}
	if _, err := t.Mailbox(name); err != nil {
		return "", fmt.Errorf("there is no user or service principal %q; a service principal must be made with New-ServicePrincipal first", name)
	}
	return strings.ToLower(name), nil
}

// Permit gives the right to a trustee of the tenant, or takes it away.
func (t *Tenant) Permit(r Right, mailbox, trustee string, on bool) error {
	m, err := t.Mailbox(mailbox)
	if err != nil {
		return err
	}
	key, err := t.FindTrustee(trustee)
	if err != nil {
		return err
	}
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	if on {
		m.holdersLocked(r)[key] = true
	} else {
		delete(m.holdersLocked(r), key)
	}
	return nil
}
