package mailstore

import (
	"slices"

	"github.com/exoauth/exoauth/exchangetest/internal/imapline"
)

// A View is a folder as one session knows it: with the sequence numbers and the
// flags that it has been told of. It must not be used by several goroutines at
// once.
type View struct {
	ReadOnly bool

	box     *Box
	folder  *folder
	entries []entry
	last    uint32 // UID of the last message that the session knows of
}

// An entry is a message that the session knows of.
type entry struct {
	*message
	told Flags
}

// Open returns a view of a folder, with what SELECT tells of that.
func (b *Box) Open(path string, readOnly bool) (*View, Status, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.find(path)
	if f == nil {
		return nil, Status{}, ErrNoFolder
	}
	v := &View{ReadOnly: readOnly, box: b, folder: f}
	v.learn()
	return v, f.status(), nil
}

// learn has the view know of all messages. It reports whether there are new
// ones.
func (v *View) learn() bool {
	before := len(v.entries)
	for _, m := range v.folder.messages {
		if m.UID > v.last {
			v.entries = append(v.entries, entry{m, m.Flags})
		}
	}
	v.last = v.folder.next - 1
	return len(v.entries) > before
}

// Changed returns a channel that is closed at the next change of any folder.
func (v *View) Changed() <-chan struct{} { return v.box.changes.Next() }

// An Update is something that the session has to be told of.
type Update struct {
	Kind  Kind
	Seq   uint32 // for Exists, how many messages there are
	Flags Flags  // for Changed
}

// A Kind is that of an Update.
type Kind int

// The kinds.
const (
	Expunged Kind = iota
	Exists
	Changed
)

// Updates returns what has happened since the last call. Unless expunge is set,
// messages that are gone keep their numbers until another call.
func (v *View) Updates(expunge bool) []Update {
	v.box.mu.Lock()
	defer v.box.mu.Unlock()
	var list []Update
	for i := 0; expunge && i < len(v.entries); {
		if !v.entries[i].gone {
			i++
			continue
		}
		list = append(list, Update{Kind: Expunged, Seq: uint32(i + 1)})
		v.entries = slices.Delete(v.entries, i, i+1)
	}
	if v.learn() {
		list = append(list, Update{Kind: Exists, Seq: uint32(len(v.entries))})
	}
	for i := range v.entries {
		if e := &v.entries[i]; e.told != e.Flags && !e.gone {
			e.told = e.Flags
			list = append(list, Update{Kind: Changed, Seq: uint32(i + 1), Flags: e.Flags})
		}
	}
	return list
}

// An Item is a message of a view as it was when it was picked.
type Item struct {
	Seq uint32
	Message
	in *message
}

// Pick returns the messages of a set of UIDs or sequence numbers that are still
// there. It is not ok for a sequence number that the session cannot know. A nil
// set has all messages.
func (v *View) Pick(set imapline.Set, uids bool) (list []Item, ok bool) {
	v.box.mu.Lock()
	defer v.box.mu.Unlock()
	count, last := uint32(len(v.entries)), uint32(0)
	if count > 0 {
		last = v.entries[count-1].UID
	}
	if !uids && set.Max(count) > count {
		return nil, false
	}
	for i := range v.entries {
		m := v.entries[i].message
		seq := uint32(i + 1)
		in := set == nil || !uids && set.Contains(seq, count) || uids && set.Contains(m.UID, last)
		if in && !m.gone {
			list = append(list, Item{Seq: seq, Message: m.Message, in: m})
		}
	}
	return list, true
}

// Known returns how many messages the session knows of, and the UID of the last.
func (v *View) Known() (count, last uint32) {
	if count = uint32(len(v.entries)); count > 0 {
		last = v.entries[count-1].UID
	}
	return count, last
}

// Flag lets f change the flags of messages that are still there. The items have
// the new ones then. With told set the session knows of them already.
func (v *View) Flag(items []Item, told bool, f func(Flags) Flags) {
	defer v.box.changes.Notify()
	v.box.mu.Lock()
	defer v.box.mu.Unlock()
	for i := range items {
		it := &items[i]
		if it.in.gone {
			continue
		}
		it.in.Flags = f(it.in.Flags)
		it.Flags = it.in.Flags
		if told {
			v.entries[it.Seq-1].told = it.Flags
		}
	}
}

// Copy puts copies of messages that are still there into a folder, and removes
// them from their own if they are to move. It returns the UIDs on both sides and
// the validity of those that are new.
func (v *View) Copy(items []Item, to string, move bool) (from, copies []uint32, validity uint32, err error) {
	defer v.box.changes.Notify()
	v.box.mu.Lock()
	defer v.box.mu.Unlock()
	dest := v.box.find(to)
	if dest == nil {
		return nil, nil, 0, ErrNoFolder
	}
	moved := make(map[*message]bool)
	for _, it := range items {
		if !it.in.gone {
			from = append(from, it.UID)
			copies = append(copies, dest.add(it.in.Message))
			moved[it.in] = move
		}
	}
	v.folder.remove(func(m *message) bool { return moved[m] })
	return from, copies, dest.validity, nil
}

// Expunge removes the messages that are marked as deleted, of those that the
// session knows of and that are in the set of UIDs, if there is one.
func (v *View) Expunge(set imapline.Set) {
	items, _ := v.Pick(set, true)
	defer v.box.changes.Notify()
	v.box.mu.Lock()
	defer v.box.mu.Unlock()
	marked := make(map[*message]bool)
	for _, it := range items {
		marked[it.in] = it.in.Flags&Deleted != 0
	}
	v.folder.remove(func(m *message) bool { return marked[m] })
}
