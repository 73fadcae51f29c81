package tokencache_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exoauth/exoauth/tokencache"
)

const entryKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func newDir(t *testing.T) (tokencache.Cache, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a", "tokens")
	return tokencache.Dir(dir), dir
}

func wantEntry(t *testing.T, c tokencache.Cache, want string) {
	t.Helper()
	if got, err := c.Get(t.Context(), entryKey); err != nil || string(got) != want {
		t.Fatalf("%q, %v; want %q", got, err, want)
	}
}

func put(t *testing.T, c tokencache.Cache, value string) {
	t.Helper()
	if err := c.Put(t.Context(), entryKey, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

// names are what is in the directory.
func names(t *testing.T, dir string) string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, file := range files {
		all = append(all, strings.ReplaceAll(file.Name(), entryKey, "KEY"))
	}
	return strings.Join(all, " ")
}

func TestDir(t *testing.T) {
	c, dir := newDir(t)
	if _, err := c.Get(t.Context(), entryKey); err != tokencache.ErrMiss {
		t.Errorf("no directory: error %v", err)
	}
	if err := c.Delete(t.Context(), entryKey); err != nil {
		t.Errorf("nothing to delete: %v", err)
	}
	put(t, c, "one")
	wantEntry(t, c, "one")
	put(t, c, "two")
	wantEntry(t, tokencache.Dir(dir), "two")
	if got := names(t, dir); got != "KEY.token" {
		t.Errorf("files: %s", got)
	}
	_, unlock, err := c.(tokencache.Locker).Lock(t.Context(), entryKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), entryKey); err != nil {
		t.Fatal(err)
	}
	unlock()
	if _, err := c.Get(t.Context(), entryKey); err != tokencache.ErrMiss {
		t.Errorf("deleted: error %v", err)
	}
	if got := names(t, dir); got != "KEY.lock" {
		t.Errorf("files: %s", got) // a lock that was removed would be two
	}
}

func TestDirIsForItsUserAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has other permissions")
	}
	c, dir := newDir(t)
	_, unlock, err := c.(tokencache.Locker).Lock(t.Context(), entryKey)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	put(t, c, "one")
	for name, want := range map[string]fs.FileMode{".": 0o700, entryKey + ".token": 0o600, entryKey + ".lock": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	err = c.Put(t.Context(), entryKey, []byte("two"))
	if e, ok := errors.AsType[*tokencache.Error](err); !ok || !strings.Contains(e.Remedy, "chmod 700") {
		t.Errorf("everybody may write into it: error %v", err)
	}
}

// Whoever reads while others write gets one value or the other.
func TestDirIsNeverTorn(t *testing.T) {
	c, dir := newDir(t)
	values := [][]byte{bytes.Repeat([]byte("a"), 100_000), bytes.Repeat([]byte("b"), 50_000)}
	put(t, c, string(values[0]))
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for _, value := range values {
		writers.Go(func() {
			own := tokencache.Dir(dir)
			for range 20 {
				if err := own.Put(t.Context(), entryKey, value); err != nil {
					t.Error(err)
				}
			}
		})
	}
	readers.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			got, err := c.Get(t.Context(), entryKey)
			if err != nil || !bytes.Equal(got, values[0]) && !bytes.Equal(got, values[1]) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		}
	})
	writers.Wait()
	close(done)
	readers.Wait()
	if got := names(t, dir); got != "KEY.token" {
		t.Errorf("files: %s", got)
	}
}

// A program that goes elsewhere, as a daemon does, takes its cache along.
func TestDirStaysWhereItWas(t *testing.T) {
	t.Chdir(t.TempDir())
	c := tokencache.Dir("tokens")
	put(t, c, "x")
	t.Chdir(t.TempDir())
	wantEntry(t, c, "x")
}

func TestDirLock(t *testing.T) {
	c, dir := newDir(t)
	locker := c.(tokencache.Locker)
	_, unlock, err := locker.Lock(t.Context(), entryKey)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := tokencache.Dir(dir).(tokencache.Locker).Lock(ctx, entryKey); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("locked twice: %v", err)
	}
	_, other, err := locker.Lock(t.Context(), strings.ToUpper(entryKey))
	if err != nil {
		t.Fatalf("the lock of another entry: %v", err)
	}
	other()
	next := make(chan error)
	go func() {
		_, unlock, err := locker.Lock(t.Context(), entryKey)
		if err == nil {
			unlock()
		}
		next <- err
	}()
	unlock()
	if err := <-next; err != nil {
		t.Error(err)
	}
}

// What is in the way, and that it is said where and what to do.
func TestDirFails(t *testing.T) {
	type check func(t *testing.T, c tokencache.Cache, dir string) error
	get := func(t *testing.T, c tokencache.Cache, _ string) error {
		_, err := c.Get(t.Context(), entryKey)
		return err
	}
	write := func(t *testing.T, c tokencache.Cache, _ string) error {
		return c.Put(t.Context(), entryKey, []byte("PLANTED"))
	}
	lock := func(t *testing.T, c tokencache.Cache, _ string) error {
		_, _, err := c.(tokencache.Locker).Lock(t.Context(), entryKey)
		return err
	}
	remove := func(t *testing.T, c tokencache.Cache, _ string) error { return c.Delete(t.Context(), entryKey) }
	inTheWay := func(suffix string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.MkdirAll(filepath.Join(dir, entryKey+suffix, "x"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := func(t *testing.T, dir string) {
		if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		name   string
		before func(t *testing.T, dir string)
		do     check
		text   string
	}{
		{"a directory in the place of the file, read", inTheWay(".token"), get, "not a regular file"},
		{"a directory in the place of the file, written", inTheWay(".token"), write, "cannot be written"},
		{"a directory in the place of the file, deleted", inTheWay(".token"), remove, "cannot be deleted"},
		{"a directory in the place of the lock", inTheWay(".lock"), lock, "cannot be locked"},
		{"a file in the place of the directory, written", file, write, "has no directory"},
		{"a file in the place of the directory, locked", file, lock, "has no directory"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, dir := newDir(t)
			row.before(t, dir)
			err := row.do(t, c, dir)
			e, ok := errors.AsType[*tokencache.Error](err)
			if !ok || e.Key != entryKey || e.Remedy == "" || !strings.Contains(err.Error(), row.text) || !strings.Contains(err.Error(), dir) {
				t.Errorf("error %v", err)
			}
			if errors.Is(err, tokencache.ErrMiss) || strings.Contains(err.Error(), "PLANTED") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Entries that nobody can read are replaced.
func TestDirDamaged(t *testing.T) {
	for name, value := range map[string][]byte{"empty": nil, "oversized": bytes.Repeat([]byte("x"), 3<<20)} {
		t.Run(name, func(t *testing.T) {
			c, dir := newDir(t)
			put(t, c, "x")
			if err := os.WriteFile(filepath.Join(dir, entryKey+".token"), value, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Get(t.Context(), entryKey); err == tokencache.ErrMiss || !errors.Is(err, tokencache.ErrMiss) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// A link is replaced, and not written through.
func TestDirReplacesALink(t *testing.T) {
	c, dir := newDir(t)
	put(t, c, "x")
	target := filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(target, []byte("y"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, entryKey+".token")
	os.Remove(path)
	if err := os.Symlink(target, path); err != nil {
		t.Skip(err)
	}
	put(t, c, "z")
	if got, err := os.ReadFile(target); err != nil || string(got) != "y" {
		t.Errorf("written through the link: %q, %v", got, err)
	}
	wantEntry(t, c, "z")
}

func TestDirKeys(t *testing.T) {
	c, dir := newDir(t)
	for _, key := range []string{"", ".", "..", "../x", "a/b", `a\b`, "a:b", "a b", "a\x00", strings.Repeat("a", 129), "NUL.", "a.token"} {
		err := c.Put(t.Context(), key, []byte("x"))
		_, err2 := c.Get(t.Context(), key)
		_, _, err3 := c.(tokencache.Locker).Lock(t.Context(), key)
		if err == nil || err2 == nil || err3 == nil || c.Delete(t.Context(), key) == nil {
			t.Errorf("%q was taken", key)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("files: %s", names(t, dir))
	}
}

func TestDirEndedContext(t *testing.T) {
	c, dir := newDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Get(ctx, entryKey)
	_, _, err2 := c.(tokencache.Locker).Lock(ctx, entryKey)
	for _, err := range []error{err, err2, c.Put(ctx, entryKey, nil), c.Delete(ctx, entryKey)} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("something was made")
	}
}

// What processes that were killed have left goes, and what has outlived its
// use; nothing that is in use, or somebody else's.
func TestDirSweeps(t *testing.T) {
	_, dir := newDir(t)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	other, third, locked := strings.Repeat("f", 64), strings.Repeat("e", 64), strings.Repeat("d", 64)
	files := map[string]struct {
		age  time.Duration
		gone bool
	}{
		entryKey + ".token.123.new": {2 * time.Hour, true},
		other + ".token.456.new":    {2 * time.Hour, true},
		entryKey + ".token.789.new": {0, false},
		entryKey + ".lock":          {1000 * 24 * time.Hour, false},
		other + ".token":            {tokencache.SweepAfter + time.Hour, true},
		third + ".token":            {tokencache.SweepAfter - time.Hour, false},
		locked + ".token":           {1000 * 24 * time.Hour, false},
		"notes.token":               {1000 * 24 * time.Hour, false},
		"report.new":                {1000 * 24 * time.Hour, false},
		other + ".token.x.new":      {1000 * 24 * time.Hour, false},
	}
	for name, file := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-file.age)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	c := tokencache.Dir(dir)
	_, unlock, err := c.(tokencache.Locker).Lock(t.Context(), locked)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	put(t, c, "x")
	for name, file := range files {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) != file.gone {
			t.Errorf("%s: gone %t", name, !file.gone)
		}
	}
}

// What is left over may be why the disk is full.
func TestDirSweepsWhereItCannotWrite(t *testing.T) {
	c, dir := newDir(t)
	left, then := filepath.Join(dir, entryKey+".token.1.new"), time.Now().Add(-2*time.Hour)
	inTheWay := filepath.Join(dir, entryKey+".token", "x")
	if err := errors.Join(os.MkdirAll(inTheWay, 0o700), os.WriteFile(left, nil, 0o600), os.Chtimes(left, then, then)); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(t.Context(), entryKey, []byte("x")); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
}
