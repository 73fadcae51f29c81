package mailstore

import (
	"slices"
	"strings"
)

// Separator is between the names of a folder and of what is in it.
const Separator = "/"

// ownFolders are those of a new mailbox, in the order of their names.
var ownFolders = []struct {
	name, use string
	validity  uint32
}{
	{"Archive", "", 2}, {"Calendar", "", 3}, {"Contacts", "", 4}, {"Deleted Items", `\Trash`, 5}, {"Drafts", `\Drafts`, 6}, {"INBOX", "", 1},
	{"Journal", "", 7}, {"Junk Email", `\Junk`, 8}, {"Notes", "", 9}, {"Outbox", "", 10}, {"Sent Items", `\Sent`, 11}, {"Tasks", "", 12},
}

// A folder has a name that none beside it has, in whatever case.
type folder struct {
	name           string
	parent         *folder
	children       []*folder // in the order of their names
	own            bool      // Exchange's
	use            string    // the attribute of special use, if it has one
	unsubscribed   bool
	next, validity uint32
	messages       []*message
}

// path is the name with those of the folders above.
func (f *folder) path() string {
	if f.parent == nil || f.parent.name == "" {
		return f.name
	}
	return f.parent.path() + Separator + f.name
}

// child finds a folder by its name. If there is none, i is where it belongs.
func (f *folder) child(name string) (i int, found bool) {
	return slices.BinarySearchFunc(f.children, name, func(c *folder, name string) int {
		return strings.Compare(strings.ToLower(c.name), strings.ToLower(name))
	})
}

// find returns a folder, or nil.
func (b *Box) find(path string) *folder {
	f := &b.root
	for name := range strings.SplitSeq(path, Separator) {
		i, found := f.child(name)
		if !found {
			return nil
		}
		f = f.children[i]
	}
	return f
}

// make returns a folder. It makes what is missing of the path, and returns nil if
// a part of that is empty: a folder has a name.
func (b *Box) make(path string) *folder {
	if slices.Contains(strings.Split(path, Separator), "") {
		return nil
	}
	f := &b.root
	for name := range strings.SplitSeq(path, Separator) {
		i, found := f.child(name)
		if !found {
			b.validity++
			f.children = slices.Insert(f.children, i, &folder{name: name, parent: f, next: 1, validity: b.validity})
		}
		f = f.children[i]
	}
	return f
}

// Create makes a folder, and those above it.
func (b *Box) Create(path string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.find(path) != nil {
		return ErrExists
	}
	if b.make(path) == nil {
		return ErrNoFolder
	}
	return nil
}

// Delete removes a folder with what is in it.
func (b *Box) Delete(path string) error {
	defer b.changes.Notify()
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.find(path)
	if f == nil {
		return ErrNoFolder
	}
	f.detach()
	f.empty()
	return nil
}

func (f *folder) detach() {
	i, _ := f.parent.child(f.name)
	f.parent.children = slices.Delete(f.parent.children, i, i+1)
}

func (f *folder) empty() {
	f.remove(func(*message) bool { return true })
	for _, child := range f.children {
		child.empty()
	}
}

// Own reports whether a folder is one of Exchange's own.
func (b *Box) Own(path string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.find(path)
	return f != nil && f.own
}

// Rename gives a folder another name, and another place if that has other
// folders in it. What is in the folder goes with it.
func (b *Box) Rename(from, to string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.find(from)
	switch {
	case f == nil:
		return ErrNoFolder
	case f.own:
		return ErrOwn
	case b.find(to) != nil:
		return ErrExists
	case strings.HasPrefix(strings.ToLower(to), strings.ToLower(from)+Separator):
		return ErrNoFolder
	}
	place := b.make(to)
	if place == nil {
		return ErrNoFolder
	}
	f.detach()
	i, _ := place.parent.child(place.name)
	place.parent.children[i] = f
	f.name, f.parent = place.name, place.parent
	return nil
}

// Subscribe notes whether LSUB lists a folder.
func (b *Box) Subscribe(path string, on bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.find(path)
	if f == nil {
		return ErrNoFolder
	}
	f.unsubscribed = !on
	return nil
}

// A Folder is one as LIST tells of it.
type Folder struct {
	Path        string
	Use         string // the attribute of special use, if it has one
	Unseen      bool   // it has a message that nobody has read
	HasChildren bool
	Subscribed  bool
}

// Folders returns all folders, those in another one after that.
func (b *Box) Folders() []Folder {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []Folder
	var walk func(*folder)
	walk = func(parent *folder) {
		for _, f := range parent.children {
			list = append(list, Folder{
				Path: f.path(), Use: f.use, Unseen: f.status().Unseen > 0,
				HasChildren: len(f.children) > 0, Subscribed: !f.unsubscribed,
			})
			walk(f)
		}
	}
	walk(&b.root)
	return list
}
