//go:build !windows

package tokensource

import (
	"context"
	"os"
)

// syncDir has the new name of a file survive the end of the machine.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	d.Sync() // which some file systems do not have
	return nil
}

// insist does f once: an open file is in nobody's way here.
func insist(_ context.Context, f func() error) error { return f() }
