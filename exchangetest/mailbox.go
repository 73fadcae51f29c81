package exchangetest

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/exchangetest/internal/imapstore"
)

// A Mailbox is the mailbox of a user or a shared one.
type Mailbox struct {
	Address string // primary SMTP address

	tenant  *Tenant
	box     *imapstore.Box
	sending atomic.Int32 // messages that are being submitted

	// What follows is guarded by the directory's mutex. The keys are addresses
	// in lower case and object ids of service principals.
	fullAccess map[string]bool
	sendAs     map[string]bool
	cas        CASMailbox
	owner      *User // nil for a shared mailbox
}

const sentItems = "Sent Items"

// folders are the ones that a new mailbox shows over IMAP.
var folders = []string{
	"INBOX", "Archive", "Calendar", "Contacts", "Deleted Items", "Drafts",
	"Journal", "Junk Email", "Notes", "Outbox", sentItems, "Tasks",
}

func newMailbox(t *Tenant, address string) *Mailbox {
	m := &Mailbox{
		Address: address, tenant: t,
		box:        imapstore.New(address),
		fullAccess: make(map[string]bool),
		sendAs:     make(map[string]bool),
	}
	for _, name := range folders {
		must(m.box.Create(name))
	}
	return m
}

// Append puts a message into a folder, with the server's time as its internal
// date; sessions that have the folder open are told. The message must begin
// with a header, which may be an empty line alone: go-imap's server shows
// nothing of one without. Its lines should end in CRLF. Append panics if there
// is no such folder.
func (m *Mailbox) Append(folder string, message []byte, flags ...imap.Flag) {
	if err := m.append(folder, message, m.tenant.srv.Now(), flags); err != nil {
		panic(fmt.Sprintf("exchangetest: Append to %q in %s: %v", folder, m.Address, err))
	}
}

func (m *Mailbox) append(folder string, message []byte, at time.Time, flags []imap.Flag) error {
	return m.box.Append(folder, message, &imap.AppendOptions{Flags: flags, Time: at})
}

// CreateFolder makes a folder; levels are separated by "/". It panics if there
// is one of that name.
func (m *Mailbox) CreateFolder(name string) {
	if err := m.box.Create(name); err != nil {
		panic(fmt.Sprintf("exchangetest: CreateFolder %q in %s: %v", name, m.Address, err))
	}
}

// DeleteFolder removes a folder with what is in it, INBOX too. It panics if
// there is no such folder.
func (m *Mailbox) DeleteFolder(name string) {
	if err := m.box.Delete(name); err != nil {
		panic(fmt.Sprintf("exchangetest: DeleteFolder %q in %s: %v", name, m.Address, err))
	}
}

// Messages returns the messages of a folder in the order of their UIDs, as
// they were appended or delivered. It panics if there is no such folder.
func (m *Mailbox) Messages(folder string) [][]byte {
	list, err := m.box.Messages(folder)
	if err != nil {
		panic(fmt.Sprintf("exchangetest: Messages of %q in %s: %v", folder, m.Address, err))
	}
	return list
}
