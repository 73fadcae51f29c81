package tokencache

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
)

var (
	keyA = bytes.Repeat([]byte("PLANTEDa"), 4)
	keyB = bytes.Repeat([]byte("PLANTEDb"), 4)
)

func TestEncrypted(t *testing.T) {
	inner := new(memCache)
	c := Encrypted(inner, keyA)
	if _, err := c.Get(t.Context(), "k"); err != ErrMiss {
		t.Errorf("nothing stored: %v", err)
	}
	for _, value := range []string{"", "PLANTED", strings.Repeat("PLANTED", 10_000)} {
		if err := c.Put(t.Context(), "k", []byte(value)); err != nil {
			t.Fatal(err)
		}
		first := inner.keys()["k"]
		if bytes.Contains(first, []byte("PLANTED")) || len(first) > len(value)+1<<10 {
			t.Errorf("stored as %q", first[:100])
		}
		if got, err := c.Get(t.Context(), "k"); err != nil || string(got) != value {
			t.Errorf("%q, %v; want %q", got, err, value)
		}
		if err := c.Put(t.Context(), "k", []byte(value)); err != nil || bytes.Equal(inner.keys()["k"], first) {
			t.Errorf("one value looks the same twice: %v", err)
		}
	}
	if err := c.Delete(t.Context(), "k"); err != nil || len(inner.keys()) != 0 {
		t.Errorf("not deleted: %v", err)
	}
}

// The key that was replaced still decrypts, and is not used for anything new.
func TestEncryptedKeyIsReplaced(t *testing.T) {
	inner := new(memCache)
	old, both, only := Encrypted(inner, keyA), Encrypted(inner, keyB, keyA), Encrypted(inner, keyB)
	if err := old.Put(t.Context(), "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	if got, err := both.Get(t.Context(), "k"); err != nil || string(got) != "v" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := only.Get(t.Context(), "k"); err == nil {
		t.Error("decrypted without the key")
	}
	if err := both.Put(t.Context(), "k", []byte("w")); err != nil {
		t.Fatal(err)
	}
	if got, err := only.Get(t.Context(), "k"); err != nil || string(got) != "w" {
		t.Errorf("%q, %v", got, err)
	}
}

// A value is good under its own key of the cache, and as it was written. What
// is damaged may be replaced; what another key opens may not.
func TestEncryptedRefuses(t *testing.T) {
	flip := func(i int) func([]byte) []byte {
		return func(v []byte) []byte { v[(i+len(v))%len(v)] ^= 1; return v }
	}
	rows := []struct {
		name    string
		change  func([]byte) []byte
		key     string
		damaged bool
		problem string
	}{
		{"moved to another entry", func(v []byte) []byte { return v }, "other", true, "another key of the cache"},
		{"first byte", flip(0), "k", true, "is not encrypted"},
		{"key id", flip(len(sealedMagic)), "k", false, "another key (id"},
		{"nonce", flip(sealedHead), "k", true, "is cut short"},
		{"value", flip(sealedHead + 12), "k", true, "is cut short"},
		{"last byte", flip(-1), "k", true, "is cut short"},
		{"torn in the value", func(v []byte) []byte { return v[:len(v)-1] }, "k", true, "is cut short"},
		{"torn in the nonce", func(v []byte) []byte { return v[:sealedHead+3] }, "k", true, "is cut short"},
		{"torn after the key id", func(v []byte) []byte { return v[:sealedHead] }, "k", true, "is cut short"},
		{"torn in the key id", func(v []byte) []byte { return v[:sealedHead-1] }, "k", true, "is not encrypted"},
		{"empty", func([]byte) []byte { return nil }, "k", true, "is not encrypted"},
		{"longer", func(v []byte) []byte { return append(v, 0) }, "k", true, "is cut short"},
		{"not encrypted", func([]byte) []byte { return []byte(`{"version":1,"refresh_token":"PLANTED"}`) }, "k", true, "is not encrypted"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			inner := new(memCache)
			c := Encrypted(inner, keyA)
			if err := c.Put(t.Context(), "k", []byte("PLANTED")); err != nil {
				t.Fatal(err)
			}
			inner.replace(row.key, row.change(inner.keys()["k"]))
			value, err := c.Get(t.Context(), row.key)
			e, ok := errors.AsType[*Error](err)
			if value != nil || !ok || e.Key != row.key || e.Remedy == "" || errors.Is(err, ErrMiss) != row.damaged || !strings.Contains(e.Problem, row.problem) {
				t.Errorf("%q, error %v", value, err)
			}
			checkAllVerbs(t, err)
		})
	}
}

// A sizedCache notes the room that is asked for.
type sizedCache struct {
	memCache
	size int
}

func (c *sizedCache) Reserve(_ context.Context, _ string, size int) (func(), error) {
	c.size = size
	return func() {}, nil
}

// Room is made for what is written, and not for what is encrypted in it.
func TestRoomForAnEncryptedEntry(t *testing.T) {
	inner := new(sizedCache)
	c := Encrypted(inner, keyA)
	value := []byte("PLANTED")
	if err := c.Put(t.Context(), "k", value); err != nil {
		t.Fatal(err)
	}
	if _, err := c.(Reserver).Reserve(t.Context(), "k", len(value)); err != nil {
		t.Fatal(err)
	}
	if written := len(inner.keys()["k"]); inner.size != written {
		t.Errorf("room for %d bytes; %d are written", inner.size, written)
	}
}

// Settings that cannot work do no harm with whatever method.
func TestEncryptedOfNothing(t *testing.T) {
	for name, c := range map[string]Cache{"no cache": Encrypted(nil, keyA), "no key": Encrypted(new(memCache), keyA[:31])} {
		_, got := c.Get(t.Context(), "k")
		for method, err := range map[string]error{"Get": got, "Put": c.Put(t.Context(), "k", nil), "Delete": c.Delete(t.Context(), "k")} {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("%s, %s: error %v", name, method, err)
			}
		}
	}
}

func TestEncryptedLocksAsTheOther(t *testing.T) {
	if _, ok := Encrypted(new(memCache), keyA).(Locker); ok {
		t.Error("a lock out of nowhere")
	}
	inner := newLockingCache()
	_, unlock, err := Encrypted(inner, keyA).(Locker).Lock(t.Context(), "k")
	if err != nil || len(inner.lock) != 1 {
		t.Fatal(err)
	}
	unlock()
}

func TestCacheError(t *testing.T) {
	inner := errors.New("disk\nfull")
	err := error(&Error{Key: "k", Problem: "cannot be written", Remedy: "make room", Err: inner})
	if got := err.Error(); got != "tokencache: entry k cannot be written: disk full; make room" {
		t.Error(got)
	}
	if !errors.Is(err, inner) || errors.Is(err, ErrMiss) || !errors.Is(damaged("k", "is empty"), ErrMiss) {
		t.Errorf("%v", err)
	}
}

// What an error is, and how much of another's words is in it.
func TestCacheErrorIsBounded(t *testing.T) {
	long := strings.Repeat("z ", 1000)
	if n := strings.Count((&Error{Key: long, Problem: "P", Remedy: "R"}).Error(), "z"); n != 32 {
		t.Errorf("%d of a key", n)
	}
	if n := strings.Count((&Error{Problem: "P", Remedy: "R", Err: errors.New(long)}).Error(), "z"); n != 256 {
		t.Errorf("%d of a reason", n)
	}
	for _, err := range []error{damaged("k", "is empty"), misused("is empty", "fill it"), &Error{}} {
		if errors.Is(err, context.Canceled) {
			t.Errorf("%v is another error", err)
		}
	}
	if got := misused("is Encrypted without a Cache", "pass it one").Error(); got != "tokencache: this cache is Encrypted without a Cache; pass it one" {
		t.Error(got)
	}
}

// FuzzEncrypted opens whatever is in the other cache.
func FuzzEncrypted(f *testing.F) {
	inner := new(memCache)
	c := Encrypted(inner, keyA)
	if err := c.Put(context.Background(), "k", []byte("v")); err != nil {
		f.Fatal(err)
	}
	f.Add(inner.keys()["k"])
	f.Fuzz(func(t *testing.T, value []byte) {
		inner := &memCache{values: map[string][]byte{"k": value}}
		if got, err := Encrypted(inner, keyA).Get(t.Context(), "k"); err == nil && string(got) != "v" {
			t.Fatalf("opened: %q", got)
		} else if _, ok := errors.AsType[*Error](err); err != nil && !ok {
			t.Fatalf("error %v", err)
		}
	})
}
