package tokencache

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is swept, and when, to the second.
func TestSweep(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	const day = 24 * time.Hour
	for name, row := range map[string]struct {
		file  string
		dir   bool          // it is a directory
		age   time.Duration // of the file
		since time.Duration // the last time that was swept
		gone  bool
	}{
		"left for an hour":                 {"KEY.token.1.new", false, time.Hour, 2 * time.Hour, false},
		"left for an hour and a second":    {"KEY.token.1.new", false, time.Hour + time.Second, 2 * time.Hour, true},
		"a directory":                      {"KEY.token.1.new", true, 2 * time.Hour, 2 * time.Hour, false},
		"entry of 100 days":                {"KEY.token", false, 100 * day, 2 * time.Hour, false},
		"entry of 100 days and a second":   {"KEY.token", false, 100*day + time.Second, 2 * time.Hour, true},
		"swept an hour ago":                {"KEY.token.1.new", false, 2 * time.Hour, time.Hour, true},
		"swept less than an hour ago":      {"KEY.token.1.new", false, 2 * time.Hour, time.Hour - time.Second, false},
		"a file whose name is no entry's":  {"KEY.token.x.new", false, 2 * time.Hour, 2 * time.Hour, false},
		"a file with another ending":       {"KEY.token.1", false, 2 * time.Hour, 2 * time.Hour, false},
		"an ending without its dot":        {"KEY.token1.new", false, 2 * time.Hour, 2 * time.Hour, false},
		"a file whose name is a short key": {"abc.token.1.new", false, 2 * time.Hour, 2 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := Dir(t.TempDir()).(*dirCache)
			path := filepath.Join(d.dir, strings.ReplaceAll(row.file, "KEY", hungKey))
			err := os.WriteFile(path, nil, 0o600)
			if row.dir {
				err = errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
			}
			then := now.Add(-row.age)
			if err := errors.Join(err, os.Chtimes(path, then, then)); err != nil {
				t.Fatal(err)
			}
			d.swept.Store(now.Add(-row.since).Unix())
			d.sweep(t.Context(), now)
			if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) != row.gone {
				t.Errorf("gone: %t", !row.gone)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			_, unlock, err := Dir(d.dir).(Locker).Lock(ctx, hungKey) // as another process
			if err != nil {
				t.Fatalf("locked: %v", err)
			}
			unlock()
		})
	}
}

// The longest name that a key may have, and one that is longer.
func TestLongestKey(t *testing.T) {
	d := Dir(t.TempDir())
	for n, good := range map[int]bool{1: true, 128: true, 129: false} {
		if err := d.Put(t.Context(), strings.Repeat("k", n), []byte("x")); (err == nil) != good {
			t.Errorf("%d characters: %v", n, err)
		}
	}
}

// An entry is read up to the limit, and no further.
func TestLengthOfAnEntry(t *testing.T) {
	d := Dir(t.TempDir()).(*dirCache)
	for n, good := range map[int]bool{1: true, 2<<20 + 1<<10: true, 2<<20 + 1<<10 + 1: false} {
		if err := os.WriteFile(filepath.Join(d.dir, hungKey+".token"), bytes.Repeat([]byte("x"), n), 0o600); err != nil {
			t.Fatal(err)
		}
		value, err := d.Get(t.Context(), hungKey)
		if good && (err != nil || len(value) != n) || !good && !errors.Is(err, ErrMiss) {
			t.Errorf("%d bytes: %d, %v", n, len(value), err)
		}
	}
}

// Who has left an entry does not hold its lock any more.
func TestLeave(t *testing.T) {
	d := Dir(t.TempDir()).(*dirCache)
	for _, locked := range []bool{true, false} {
		_, unlock, err := d.Lock(t.Context(), hungKey)
		if err != nil {
			t.Fatal(err)
		}
		if locked && !d.locked(hungKey) {
			t.Error("not locked")
		}
		unlock()
		if d.locked(hungKey) {
			t.Error("still locked")
		}
	}
}

// A file system may compress what repeats.
func TestRoomIsNotCompressed(t *testing.T) {
	d := Dir(t.TempDir()).(*dirCache)
	release, err := d.Reserve(t.Context(), hungKey, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	content, err := os.ReadFile(d.rooms[hungKey])
	if n := bytes.Count(content, []byte{0}); err != nil || len(content) != 10_000 || n > 1000 {
		t.Errorf("%d bytes, %d of them zero, %v", len(content), n, err)
	}
}

// Room that is gone, or is no file any more, is not missed.
func TestRoomThatIsGone(t *testing.T) {
	for name, spoil := range map[string]func(string) error{
		"gone":        os.Remove,
		"a directory": func(room string) error { return errors.Join(os.Remove(room), os.Mkdir(room, 0o700)) },
		"a link":      func(room string) error { return errors.Join(os.Remove(room), os.Symlink("elsewhere", room)) },
	} {
		t.Run(name, func(t *testing.T) {
			d := Dir(t.TempDir()).(*dirCache)
			release, err := d.Reserve(t.Context(), hungKey, 1000)
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			if err := spoil(d.rooms[hungKey]); err != nil {
				t.Skip(err)
			}
			if err := d.Put(t.Context(), hungKey, []byte("value")); err != nil {
				t.Fatal(err)
			}
			if got := dirNames(t, d.dir); strings.Join(got, " ") != ".token" {
				t.Errorf("files: %v", got)
			}
			if value, err := d.Get(t.Context(), hungKey); string(value) != "value" {
				t.Errorf("%q, %v", value, err)
			}
		})
	}
}
