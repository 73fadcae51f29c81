// Package smallfile reads the files that settings name: certificates, secrets
// and assertions.
package smallfile

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/exoauth/exoauth/internal/ctxerr"
)

// Max is the length of the longest file that is read.
const Max = 1 << 20

// Read returns the content of a file, or an error if that is longer than Max.
func Read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, Max+1))
	if len(data) > Max {
		return nil, errors.New("is longer than 1 MiB")
	}
	return data, err
}

// Text returns a function that reads a file and returns its content without the
// white space around it. The function returns the error of its context if that
// ends first, as on a disk that hangs. It is safe for concurrent use.
func Text(path string) func(context.Context) (string, error) {
	reading := ctxerr.NewCalls()
	return func(ctx context.Context) (string, error) {
		var data []byte
		err := reading.Do(ctx, func() (err error) {
			data, err = Read(path)
			return err
		}, nil)
		if err != nil {
			return "", ctxerr.Or(ctx, err)
		}
		return strings.TrimSpace(string(data)), nil
	}
}
