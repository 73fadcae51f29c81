//go:build unix

package tokencache_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/exoauth/exoauth/tokencache"
)

// What somebody may have put in the place of an entry: it is neither waited for
// nor believed.
func TestDirReadsItsOwnFilesAlone(t *testing.T) {
	rows := []struct {
		name string
		make func(t *testing.T, path string) error
		text string
	}{
		{"a pipe", func(_ *testing.T, path string) error { return syscall.Mkfifo(path, 0o600) }, "not a regular file"},
		{"a link", func(t *testing.T, path string) error {
			target := filepath.Join(t.TempDir(), "target")
			return errors.Join(os.WriteFile(target, []byte("x"), 0o600), os.Symlink(target, path))
		}, "cannot be read"},
		{"another user's file", func(t *testing.T, path string) error {
			if os.Geteuid() != 0 {
				t.Skip("only root can give files away")
			}
			return errors.Join(os.WriteFile(path, []byte("x"), 0o644), os.Chown(path, 4711, 4711))
		}, "belongs to another user: permission denied; make the program's user the owner"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			c := tokencache.Dir(dir)
			if err := row.make(t, filepath.Join(dir, entryKey+".token")); err != nil {
				t.Fatal(err)
			}
			_, err := c.Get(t.Context(), entryKey)
			if _, ok := errors.AsType[*tokencache.Error](err); !ok || errors.Is(err, tokencache.ErrMiss) || !strings.Contains(err.Error(), row.text) {
				t.Errorf("error %v", err)
			}
			if err := os.Chmod(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			put(t, c, "y")
			wantEntry(t, c, "y")
		})
	}
}

// Nor does what is in the place of the lock keep anybody waiting, or have a file
// made elsewhere.
func TestDirLocksItsOwnFilesAlone(t *testing.T) {
	dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "made")
	c := tokencache.Dir(dir)
	path := filepath.Join(dir, entryKey+".lock")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, unlock, err := c.(tokencache.Locker).Lock(t.Context(), entryKey)
		if err == nil {
			unlock()
		}
		ended <- err
	}()
	select {
	case err := <-ended:
		if _, ok := errors.AsType[*tokencache.Error](err); !ok && err != nil {
			t.Errorf("a pipe: error %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("waits for a writer of the pipe")
	}
	if err := errors.Join(os.Remove(path), os.Symlink(elsewhere, path), os.Chmod(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	_, _, err := c.(tokencache.Locker).Lock(t.Context(), entryKey)
	if _, ok := errors.AsType[*tokencache.Error](err); !ok {
		t.Errorf("a link: error %v", err)
	}
	if _, err := os.Stat(elsewhere); err == nil {
		t.Error("a file was made elsewhere")
	}
}
