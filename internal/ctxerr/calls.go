package ctxerr

import "context"

// Calls are calls that may hang and know nothing of contexts, such as those of
// a file system whose server does not answer. Its capacity is the number that
// can hang at a time, since each may occupy a thread of the operating system;
// others wait.
type Calls chan struct{}

const maxHanging = 16

// NewCalls returns Calls. At most sixteen can hang at a time.
func NewCalls() Calls { return make(Calls, maxHanging) }

// Do returns the result of f, or the error of ctx if that ends first. Then f
// goes on alone, and undo, if it is not nil, is called after it.
func (c Calls) Do(ctx context.Context, f func() error, undo func()) error {
	select {
	case c <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	done := make(chan error) // unbuffered, so that either the caller has the result or undo is called
	go func() {
		defer func() { <-c }()
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
