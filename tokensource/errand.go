package tokensource

import "context"

// errands are calls that may hang and know nothing of contexts, such as those
// of a file system whose server does not answer, made for callers whose
// contexts end. The capacity is how many can hang at a time: each may occupy a
// thread of the operating system.
type errands chan struct{}

const maxHanging = 16

func newErrands() errands { return make(errands, maxHanging) }

// do returns what f returns, or the error of ctx if that ends first. Then f
// goes on alone, and undo, if it is not nil, is called after it.
func (e errands) do(ctx context.Context, f func() error, undo func()) error {
	select {
	case e <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	done := make(chan error) // unbuffered, so that either the caller has the result or undo is called
	go func() {
		defer func() { <-e }()
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
