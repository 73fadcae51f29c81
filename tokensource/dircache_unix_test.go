//go:build unix

package tokensource_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/exoauth/exoauth/tokensource"
)

// What somebody may have put in the place of an entry: it is neither waited for
// nor believed.
func TestDirCacheReadsItsOwnFilesAlone(t *testing.T) {
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
		}, "belongs to another user"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			c := tokensource.DirCache(dir)
			if err := row.make(t, filepath.Join(dir, entryKey+".token")); err != nil {
				t.Fatal(err)
			}
			_, err := c.Get(t.Context(), entryKey)
			if _, ok := errors.AsType[*tokensource.CacheError](err); !ok || errors.Is(err, tokensource.ErrCacheMiss) || !strings.Contains(err.Error(), row.text) {
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
