package exchangetest

import (
	"fmt"

	"github.com/emersion/go-imap/v2"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
)

// A Mailbox is a user's mailbox or a shared mailbox.
type Mailbox struct {
	Address string // primary SMTP address

	srv *Server
	in  *directory.Mailbox
}

// Append puts a message into a folder, with the server's time as its internal
// date, and notifies the sessions that have the folder open. The message must
// begin with a header, which may be only an empty line: go-imap's server shows
// nothing of a message without one. Its lines should end in CRLF. Append panics
// if there is no such folder.
func (m *Mailbox) Append(folder string, message []byte, flags ...imap.Flag) {
	if err := m.in.Box.Append(folder, message, &imap.AppendOptions{Flags: flags, Time: m.srv.Now()}); err != nil {
		panic(fmt.Sprintf("exchangetest: Append to %q in %s: %v", folder, m.Address, err))
	}
}

// CreateFolder creates a folder; "/" separates levels. It panics if there is a
// folder of that name.
func (m *Mailbox) CreateFolder(name string) {
	if err := m.in.Box.Create(name); err != nil {
		panic(fmt.Sprintf("exchangetest: CreateFolder %q in %s: %v", name, m.Address, err))
	}
}

// DeleteFolder removes a folder with its messages, even INBOX. It panics if
// there is no such folder.
func (m *Mailbox) DeleteFolder(name string) {
	if err := m.in.Box.Delete(name); err != nil {
		panic(fmt.Sprintf("exchangetest: DeleteFolder %q in %s: %v", name, m.Address, err))
	}
}

// Messages returns the messages of a folder in the order of their UIDs, as
// they were appended or delivered. It panics if there is no such folder.
func (m *Mailbox) Messages(folder string) [][]byte {
	list, err := m.in.Box.Messages(folder)
	if err != nil {
		panic(fmt.Sprintf("exchangetest: Messages of %q in %s: %v", folder, m.Address, err))
	}
	return list
}
