//go:build !unix

package tokencache

import (
	"context"
	"errors"
	"io/fs"

	"github.com/exoauth/exoauth/internal/ctxerr"
)

// wary is nothing: readEntry looks at what it has opened.
const wary = 0

// isOwn relies on the permissions of the directory.
func isOwn(fs.FileInfo) bool { return true }

// syncDir does nothing: on Windows a directory cannot be synced.
func syncDir(string) error { return nil }

// insist repeats f while it fails, since another process may have the file open
// for a moment. (https://go.dev/issue/25965)
func insist(ctx context.Context, f func() error) error {
	const tries = 100
	for try := 1; ; try++ {
		err := f()
		if err == nil || errors.Is(err, fs.ErrNotExist) || try == tries || !ctxerr.Sleep(ctx, lockPoll) {
			return err
		}
	}
}
