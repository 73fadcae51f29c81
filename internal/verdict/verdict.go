// Package verdict tells failures that pass by themselves from failures that a
// person must mend. tokensource and the dialers act on it, and diagnose explains
// it, so that they agree on whether waiting helps.
package verdict

import "errors"

// ErrInteraction is wrapped by an error if a person has to sign in or consent
// before there can be a token.
var ErrInteraction = errors.New("tokensource: a person has to sign in")

// ErrSetting is wrapped by an error if a setting cannot work.
var ErrSetting = errors.New("a setting that cannot work")

// Setting is the text of an error for which errors.Is reports ErrSetting.
type Setting string

// Error implements error.
func (s Setting) Error() string { return string(s) }

// Is reports whether target is [ErrSetting].
func (Setting) Is(target error) bool { return target == ErrSetting }
