package mailstore

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/exchangetest/internal/imapline"
)

func put(t *testing.T, b *Box, folder string, count int) {
	t.Helper()
	for i := range count {
		if _, _, err := b.Append(folder, Message{Data: fmt.Appendf(nil, "\r\n%d", i)}); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t *testing.T, b *Box, folder string) *View {
	t.Helper()
	v, _, err := b.Open(folder, false)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func pick(t *testing.T, v *View, set string, uids bool) []Item {
	t.Helper()
	parsed, ok := imapline.ParseSet(set)
	if !ok {
		t.Fatal(set)
	}
	items, ok := v.Pick(parsed, uids)
	if !ok {
		t.Fatalf("%s is beyond what the session knows", set)
	}
	return items
}

func with(flag Flags) func(Flags) Flags { return func(f Flags) Flags { return f | flag } }

func TestFlags(t *testing.T) {
	for text, want := range map[string]Flags{`\Seen`: Seen, `\SEEN`: Seen, "$mdnsent": MDNSent, `\Recent`: 0, "Work": 0, "": 0, `\*`: 0} {
		if got := ParseFlag(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if got := All.String(); got != `(\Seen \Answered \Flagged \Deleted \Draft $MDNSent)` {
		t.Error(got)
	}
	if got := Flags(0).String(); got != "()" {
		t.Error(got)
	}
}

// Folders are a tree, in which a name is the same in whatever case.
func TestFolders(t *testing.T) {
	b := New()
	for _, row := range []struct {
		name string
		do   func() error
		want error
	}{
		{"a folder in a new one", func() error { return b.Create("a/b/c") }, nil},
		{"the new one", func() error { return b.Create("A/B") }, ErrExists},
		{"one without a name", func() error { return b.Create("a//d") }, ErrNoFolder},
		{"none at all", func() error { return b.Create("") }, ErrNoFolder},
		{"Exchange's own", func() error { return b.Create("inbox") }, ErrExists},
		{"renamed with what is in it", func() error { return b.Rename("a/b", "x/y") }, nil},
		{"renamed in its case alone", func() error { return b.Rename("x/y", "x/Y") }, ErrExists},
		{"renamed into itself", func() error { return b.Rename("x", "x/y/z") }, ErrNoFolder},
		{"renamed to nothing", func() error { return b.Rename("x", "") }, ErrNoFolder},
		{"renamed and not there", func() error { return b.Rename("a/b", "q") }, ErrNoFolder},
		{"renamed, Exchange's own", func() error { return b.Rename("Drafts", "q") }, ErrOwn},
		{"a child of one that is gone", func() error { _, _, err := b.Append("a/b/c", Message{}); return err }, ErrNoFolder},
		{"a child in its new place", func() error { _, _, err := b.Append("X/Y/C", Message{}); return err }, nil},
		{"deleted, not there", func() error { return b.Delete("a/b") }, ErrNoFolder},
		{"deleted", func() error { return b.Delete("a") }, nil},
		{"unsubscribed", func() error { return b.Subscribe("x", false) }, nil},
		{"unsubscribed and not there", func() error { return b.Subscribe("a", false) }, ErrNoFolder},
	} {
		if err := row.do(); err != row.want {
			t.Errorf("%s: %v", row.name, err)
		}
	}
	var got []Folder
	for _, f := range b.Folders() {
		if strings.HasPrefix(f.Path, "x") || strings.HasPrefix(f.Path, "a") || f.Path == "Drafts" {
			got = append(got, f)
		}
	}
	want := []Folder{
		{Path: "Drafts", Use: `\Drafts`, Subscribed: true}, {Path: "x", HasChildren: true},
		{Path: "x/y", HasChildren: true, Subscribed: true}, {Path: "x/y/c", Unseen: true, Subscribed: true},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if !b.Own("Inbox") || b.Own("x") || b.Own("nowhere") {
		t.Error("which are Exchange's own?")
	}
}

// A folder that is made again has another validity.
func TestValidity(t *testing.T) {
	b := New()
	seen := make(map[uint32]bool)
	for range 3 {
		if err := b.Create("a"); err != nil {
			t.Fatal(err)
		}
		s, err := b.Status("a")
		if err != nil || s.Next != 1 || seen[s.Validity] {
			t.Errorf("%+v, %v", s, err)
		}
		seen[s.Validity] = true
		if err := b.Delete("a"); err != nil {
			t.Fatal(err)
		}
	}
}

// What another session does is told in sequence numbers that fit together.
func TestUpdates(t *testing.T) {
	for _, row := range []struct {
		name    string
		do      func(b *Box, other *View)
		expunge bool
		want    []Update
	}{
		{"nothing", func(*Box, *View) {}, true, nil},
		{"a message", func(b *Box, _ *View) { put(t, b, "INBOX", 1) }, true, []Update{{Kind: Exists, Seq: 5}}},
		{"two messages", func(b *Box, _ *View) { put(t, b, "INBOX", 2) }, false, []Update{{Kind: Exists, Seq: 6}}},
		{"a flag", func(_ *Box, v *View) { v.Flag(pick(t, v, "2", false), true, with(Seen)) }, true, []Update{{Changed, 2, Seen}}},
		{"a flag of what is gone", func(b *Box, v *View) {
			items := pick(t, v, "2", false)
			b.Remove("INBOX", 2)
			v.Flag(items, true, with(Seen))
		}, true, []Update{{Kind: Expunged, Seq: 2}}},
		{"two removed", func(b *Box, _ *View) { b.Remove("INBOX", 3); b.Remove("INBOX", 2) }, true, []Update{{Kind: Expunged, Seq: 2}, {Kind: Expunged, Seq: 2}}},
		{"one removed, not to be told", func(b *Box, _ *View) { b.Remove("INBOX", 2) }, false, nil},
		{"one removed, one added, one flagged", func(b *Box, v *View) {
			put(t, b, "INBOX", 1)
			b.Remove("INBOX", 1)
			v.Flag(pick(t, v, "4", true), true, with(Flagged))
		}, true, []Update{{Kind: Expunged, Seq: 1}, {Kind: Exists, Seq: 4}, {Changed, 3, Flagged}}},
		{"added and removed", func(b *Box, _ *View) { put(t, b, "INBOX", 1); b.Remove("INBOX", 5) }, true, nil},
		{"moved", func(_ *Box, v *View) { v.Copy(pick(t, v, "1,4", false), "Archive", true) }, true, []Update{{Kind: Expunged, Seq: 1}, {Kind: Expunged, Seq: 3}}},
		{"copied here", func(_ *Box, v *View) { v.Copy(pick(t, v, "1", false), "INBOX", false) }, true, []Update{{Kind: Exists, Seq: 5}}},
		{"the folder deleted", func(b *Box, _ *View) { b.Delete("INBOX") }, true, slices.Repeat([]Update{{Kind: Expunged, Seq: 1}}, 4)},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := New()
			put(t, b, "INBOX", 4)
			v, other := open(t, b, "INBOX"), open(t, b, "INBOX")
			changed := v.Changed()
			row.do(b, other)
			if got := v.Updates(row.expunge); !reflect.DeepEqual(got, row.want) {
				t.Errorf("%+v", got)
			}
			if got := v.Updates(row.expunge); got != nil {
				t.Errorf("told twice: %+v", got)
			}
			if row.want != nil {
				<-changed
			}
		})
	}
}

// A session is not told of what it did itself, but that messages are gone.
func TestOwnUpdates(t *testing.T) {
	b := New()
	put(t, b, "INBOX", 3)
	v := open(t, b, "INBOX")
	v.Flag(pick(t, v, "1:2", false), true, with(Deleted))
	if got := v.Updates(true); got != nil {
		t.Errorf("%+v", got)
	}
	set, _ := imapline.ParseSet("2:3")
	v.Expunge(set)
	if got := v.Updates(true); !reflect.DeepEqual(got, []Update{{Kind: Expunged, Seq: 2}}) {
		t.Errorf("%+v", got)
	}
	v.Expunge(nil)
	if got, err := b.Messages("INBOX"); err != nil || len(got) != 1 || got[0].UID != 3 {
		t.Errorf("%+v, %v", got, err)
	}
}

// A session that does not know of a message does not expunge it.
func TestExpungeOfTheUnknown(t *testing.T) {
	b := New()
	v := open(t, b, "INBOX")
	if _, _, err := b.Append("INBOX", Message{Flags: Deleted}); err != nil {
		t.Fatal(err)
	}
	v.Expunge(nil)
	if got, _ := b.Messages("INBOX"); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestPick(t *testing.T) {
	b := New()
	put(t, b, "INBOX", 5)
	b.Remove("INBOX", 2)
	v := open(t, b, "INBOX") // UIDs 1, 3, 4, 5
	b.Remove("INBOX", 4)     // still with its number
	for _, row := range []struct {
		set  string
		uids bool
		want []uint32
		ok   bool
	}{
		{"1:*", false, []uint32{1, 3, 5}, true},
		{"*", false, []uint32{5}, true},
		{"3", false, nil, true},
		{"4", false, []uint32{5}, true},
		{"5", false, nil, false},
		{"1:5", false, nil, false},
		{"4294967295", false, nil, false},
		{"2", true, nil, true},
		{"2:4", true, []uint32{3}, true},
		{"9:*", true, []uint32{5}, true},
		{"99", true, nil, true},
	} {
		set, _ := imapline.ParseSet(row.set)
		items, ok := v.Pick(set, row.uids)
		var got []uint32
		for _, it := range items {
			got = append(got, it.UID)
		}
		if ok != row.ok || !slices.Equal(got, row.want) {
			t.Errorf("%s, UIDs %v: %v, %v", row.set, row.uids, got, ok)
		}
	}
	empty := open(t, b, "Drafts")
	star, _ := imapline.ParseSet("*")
	if _, ok := empty.Pick(star, false); ok {
		t.Error("an empty folder has a last message")
	}
	if items, ok := empty.Pick(star, true); !ok || items != nil {
		t.Error("an empty folder has a last UID")
	}
}

func TestCopy(t *testing.T) {
	b := New()
	put(t, b, "INBOX", 3)
	v := open(t, b, "INBOX")
	items := pick(t, v, "1:3", false)
	b.Remove("INBOX", 2)
	from, copies, validity, err := v.Copy(items, "Archive", false)
	if s, _ := b.Status("Archive"); err != nil || !slices.Equal(from, []uint32{1, 3}) || !slices.Equal(copies, []uint32{1, 2}) || validity != s.Validity {
		t.Error(from, copies, validity, err)
	}
	if _, _, _, err := v.Copy(items, "nowhere", true); err != ErrNoFolder {
		t.Error(err)
	}
	if got, _ := b.Messages("INBOX"); len(got) != 2 {
		t.Errorf("a move that fails removes: %+v", got)
	}
}
