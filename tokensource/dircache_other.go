//go:build !unix

package tokensource

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// openEntry leaves it to readEntry to look at what it is.
func openEntry(path string) (*os.File, error) { return os.Open(path) }

// isOwn leaves it to the directory who may write into it.
func isOwn(fs.FileInfo) bool { return true }

// syncDir does nothing: on Windows a directory cannot be synced.
func syncDir(string) error { return nil }

// insist repeats what fails while another process has the file open, which it
// has for a moment only. (https://go.dev/issue/25965)
func insist(ctx context.Context, f func() error) error {
	const (
		tries            = 100
		sharingViolation = syscall.Errno(32) // of Windows
	)
	for try := 1; ; try++ {
		err := f()
		passes := errors.Is(err, fs.ErrPermission) || errors.Is(err, sharingViolation)
		if !passes || try == tries || !sleep(ctx, lockPoll) {
			return err
		}
	}
}
