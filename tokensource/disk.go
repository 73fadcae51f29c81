package tokensource

import "context"

// A disk runs operations of a file system that may hang, as one does whose server
// is away, for callers whose contexts end. Its capacity is how many can hang at a
// time: each occupies a thread of the operating system.
type disk chan struct{}

const maxHanging = 16

func newDisk() disk { return make(disk, maxHanging) }

// do returns what f returns, or the error of ctx if that ends first. Then f goes
// on alone, and undo, if it is not nil, is called after it.
func (d disk) do(ctx context.Context, f func() error, undo func()) error {
	select {
	case d <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	done := make(chan error) // unbuffered, so that either the caller has the result or undo is called
	go func() {
		defer func() { <-d }()
		err := f()
		select {
		case done <- err:
		case <-ctx.Done():
			if undo != nil {
				undo()
			}
		}
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
