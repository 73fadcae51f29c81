//go:build unix

package tokencache

import (
	"context"
	"io/fs"
	"os"
	"syscall"
)

// wary is for opening a file that somebody else may have put there: it follows
// no link, and waits for no writer of a pipe.
const wary = syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// isOwn reports whether a file is the program's user's, or root's.
func isOwn(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || stat.Uid == 0 || int(stat.Uid) == os.Geteuid()
}

// syncDir makes the new name of a file survive a crash of the machine.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	d.Sync() // which some file systems do not have
	return nil
}

// insist calls f once, since open files do not get in the way on Unix.
func insist(_ context.Context, f func() error) error { return f() }
