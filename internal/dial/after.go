package dial

import (
	"errors"
	"fmt"
)

// After returns err together with a failure before it. errors.Is finds both,
// errors.As only err, which decides what can be done about it. After returns
// err if first is nil or says the same.
func After(err, first error) error {
	if first == nil || err.Error() == first.Error() {
		return err
	}
	return &after{err, first}
}

// Split undoes After. First is nil if err is not what After has returned.
func Split(err error) (last, first error) {
	if a, ok := err.(*after); ok {
		return a.err, a.first
	}
	return err, nil
}

type after struct{ err, first error }

func (a *after) Error() string        { return fmt.Sprintf("%v, after a first refusal: %v", a.err, a.first) }
func (a *after) Unwrap() error        { return a.err }
func (a *after) Is(target error) bool { return errors.Is(a.first, target) }

// Unrenewed is a refusal after which the source failed to give a fresh token,
// which the server might have accepted.
type Unrenewed struct {
	Refusal error // of the server
	Err     error // of the source
}

// Error tells both.
func (u *Unrenewed) Error() string {
	return fmt.Sprintf("%v; and there is no fresh token to try: %v", u.Refusal, u.Err)
}

// Unwrap returns both.
func (u *Unrenewed) Unwrap() []error { return []error{u.Refusal, u.Err} }

// Final reports whether err, whose answer is a, is a refusal that no other token
// of the source could have prevented.
func Final(a Answer, err error) bool {
	_, unrenewed := errors.AsType[*Unrenewed](err)
	return a >= Refused && !unrenewed
}
