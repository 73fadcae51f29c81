// Package verdict tells failures that pass by themselves from failures that a
// person must mend. imapdial acts on it and diagnose explains it, so that the
// one never waits for something of which the other says that no time mends it.
package verdict

import "errors"

// ErrInteraction is what an error is, by errors.Is, if a person has to sign in
// or to consent before there can be a token.
var ErrInteraction = errors.New("tokensource: a person has to sign in")

// ErrSetting is what an error is, by errors.Is, if a setting cannot work.
var ErrSetting = errors.New("a setting that cannot work")

// Setting is the text of an error that is ErrSetting.
type Setting string

// Error implements error.
func (s Setting) Error() string { return string(s) }

// Is reports whether target is [ErrSetting].
func (Setting) Is(target error) bool { return target == ErrSetting }
