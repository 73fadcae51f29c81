// Package ctxerr makes calls end with their context, and say why.
package ctxerr

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Of returns the error of ctx together with its cause, or nil while ctx has not
// ended.
func Of(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); !errors.Is(cause, err) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// Or returns the error of ctx if ctx has ended, or else err.
func Or(ctx context.Context, err error) error {
	if ended := Of(ctx); ended != nil {
		return ended
	}
	return err
}

// Sleep waits for d, or until ctx ends. It reports whether ctx is still good.
func Sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-time.After(d):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
