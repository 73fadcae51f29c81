// Package mailstore has mailboxes as Exchange keeps them: a tree of folders, and
// messages with UIDs and flags. Each session sees a folder as it has been told
// of it.
package mailstore

import (
	"bytes"
	"errors"
	"sync"

	"github.com/exoauth/exoauth/exchangetest/internal/broadcast"
)

// The errors of a Box.
var (
	ErrNoFolder = errors.New("there is no such folder")
	ErrExists   = errors.New("there is a folder of that name already")
	ErrOwn      = errors.New("the folder is one of Exchange's own")
)

// A Box is the mailbox of one user. It may be used by several goroutines at
// once, and must be made by [New].
type Box struct {
	changes broadcast.Signal

	mu       sync.Mutex
	root     folder
	validity uint32 // of the folder that was made last
}

// New returns a mailbox with Exchange's own folders.
func New() *Box {
	b := &Box{validity: uint32(len(ownFolders))}
	b.root.children = make([]*folder, len(ownFolders))
	folders := make([]folder, len(ownFolders))
	for i, own := range ownFolders {
		folders[i] = folder{name: own.name, parent: &b.root, own: true, use: own.use, next: 1, validity: own.validity}
		b.root.children[i] = &folders[i]
	}
	return b
}

// Append puts a message into a folder.
func (b *Box) Append(path string, m Message) (uid, validity uint32, err error) {
	defer b.changes.Notify()
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.find(path)
	if f == nil {
		return 0, 0, ErrNoFolder
	}
	return f.add(m), f.validity, nil
}

// Messages returns the messages of a folder in the order of their UIDs.
func (b *Box) Messages(path string) ([]Message, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.find(path)
	if f == nil {
		return nil, ErrNoFolder
	}
	var list []Message
	for _, m := range f.messages {
		list = append(list, m.Message)
	}
	return list, nil
}

// Remove deletes the message of that UID from a folder, if it is still there.
func (b *Box) Remove(path string, uid uint32) error {
	defer b.changes.Notify()
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.find(path)
	if f == nil {
		return ErrNoFolder
	}
	f.remove(func(m *message) bool { return m.UID == uid })
	return nil
}

// A Status is what STATUS and SELECT tell of a folder.
type Status struct {
	Messages, Unseen uint32
	FirstUnseen      uint32 // its sequence number; zero if there is none
	Next, Validity   uint32
}

// Status describes a folder.
func (b *Box) Status(path string) (Status, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.find(path)
	if f == nil {
		return Status{}, ErrNoFolder
	}
	return f.status(), nil
}

func (f *folder) status() Status {
	s := Status{Messages: uint32(len(f.messages)), Next: f.next, Validity: f.validity}
	for i, m := range f.messages {
		if m.Flags&Seen != 0 {
			continue
		}
		if s.Unseen++; s.Unseen == 1 {
			s.FirstUnseen = uint32(i + 1)
		}
	}
	return s
}

// add puts a copy of a message into the folder, under a new UID.
func (f *folder) add(m Message) uint32 {
	m.UID, m.Data = f.next, bytes.Clone(m.Data)
	f.next++
	f.messages = append(f.messages, &message{Message: m})
	return m.UID
}

// remove takes messages out of the folder.
func (f *folder) remove(which func(*message) bool) {
	var kept []*message
	for _, m := range f.messages {
		if m.gone = which(m); !m.gone {
			kept = append(kept, m)
		}
	}
	f.messages = kept
}
