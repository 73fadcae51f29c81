package tokensource

import (
	"context"
	"errors"
	"io/fs"
)

// syncDir does nothing: a directory cannot be synced.
func syncDir(string) error { return nil }

// insist repeats what fails while another process has the file open, which it
// has for a moment only. (https://go.dev/issue/25965)
func insist(ctx context.Context, f func() error) error {
	const tries = 100
	for try := 1; ; try++ {
		err := f()
		if err == nil || errors.Is(err, fs.ErrNotExist) || try == tries || !sleep(ctx, lockPoll) {
			return err
		}
	}
}
