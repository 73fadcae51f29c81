package exchangetest

import (
	"bytes"
	"fmt"

	"github.com/emersion/go-imap/v2"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/mailstore"
)

// A Mailbox is a user's mailbox or a shared mailbox.
type Mailbox struct {
	Address string // primary SMTP address

	srv *Server
	in  *directory.Mailbox
}

// Append puts a message into a folder, with the server's time as its internal
// date, and notifies the sessions that have the folder open. Its lines should end
// in CRLF. Append panics if there is no such folder, or for a keyword: Exchange
// keeps the flags of RFC 3501 and $MDNSent alone.
func (m *Mailbox) Append(folder string, message []byte, flags ...imap.Flag) {
	var kept mailstore.Flags
	for _, flag := range flags {
		f := mailstore.ParseFlag(string(flag))
		if f == 0 {
			panic(fmt.Sprintf("exchangetest: Append to %q in %s: Exchange does not keep the flag %q", folder, m.Address, flag))
		}
		kept |= f
	}
	if _, _, err := m.in.Box.Append(folder, mailstore.Message{Data: message, Date: m.srv.Now(), Flags: kept}); err != nil {
		panic(fmt.Sprintf("exchangetest: Append to %q in %s: %v", folder, m.Address, err))
	}
}

// CreateFolder creates a folder, and its parents if there are none; "/" separates
// levels. It panics if there is a folder of that name, in any case.
func (m *Mailbox) CreateFolder(name string) {
	if err := m.in.Box.Create(name); err != nil {
		panic(fmt.Sprintf("exchangetest: CreateFolder %q in %s: %v", name, m.Address, err))
	}
}

// DeleteFolder removes a folder with its content, even INBOX, which no client can
// remove. It panics if there is no such folder.
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
	var data [][]byte
	for _, message := range list {
		data = append(data, bytes.Clone(message.Data))
	}
	return data
}
