package tokensource

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
)

// syncDir does nothing: a directory cannot be synced.
func syncDir(string) error { return nil }

// insist repeats what fails while another process has the file open, which it
// has for a moment only. (https://go.dev/issue/25965)
func insist(ctx context.Context, f func() error) error {
	const (
		tries            = 100
		sharingViolation = syscall.Errno(32)
	)
	for try := 1; ; try++ {
		err := f()
		passes := errors.Is(err, fs.ErrPermission) || errors.Is(err, sharingViolation)
		if !passes || try == tries || !sleep(ctx, lockPoll) {
			return err
		}
	}
}
