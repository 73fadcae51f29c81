//go:build unix

package tokencache

import (
	"io/fs"
	"os"
	"syscall"
	"testing"
)

// infoOf is the FileInfo of a file that somebody owns.
type infoOf struct {
	fs.FileInfo
	sys any
}

func (i infoOf) Sys() any { return i.sys }

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
