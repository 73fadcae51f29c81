//go:build unix

package tokencache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// infoOf is the FileInfo of a file that somebody owns.
type infoOf struct {
	fs.FileInfo
	sys any
}

func (i infoOf) Sys() any { return i.sys }

// Nothing that was used is left open, and a directory that is gone is noticed.
func TestFilesAreClosed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := readEntry(path)
	if err := errors.Join(err, syncDir(dir), overwrite(path, []byte("x"))); err != nil {
		t.Fatal(err)
	}
	links, _ := filepath.Glob("/proc/self/fd/*") // none but on Linux
	for _, link := range links {
		if to, _ := os.Readlink(link); to == path || to == dir {
			t.Errorf("%s is still open", to)
		}
	}
	if err := syncDir(filepath.Join(dir, "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// Whoever runs the test: what root or the user wrote is read, and nothing else.
func TestWhoseFilesAreRead(t *testing.T) {
	for name, row := range map[string]struct {
		sys any
		own bool
	}{
		"the user's":         {&syscall.Stat_t{Uid: uint32(os.Geteuid())}, true},
		"root's":             {&syscall.Stat_t{Uid: 0}, true},
		"the next user's":    {&syscall.Stat_t{Uid: uint32(os.Geteuid()) + 1}, false},
		"nobody knows whose": {nil, true},
	} {
		if got := isOwn(infoOf{sys: row.sys}); got != row.own {
			t.Errorf("%s: %t", name, got)
		}
	}
}
