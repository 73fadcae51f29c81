package dial

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Tried is the error of a login that failed, together with the token as far as
// it explains why. Package diagnose finds it by [errors.As]. It has the text of
// the error that it wraps, and nothing prints the claims.
type Tried struct {
	err    error
	claims *string // behind a pointer, so that fmt cannot reach it
	at     time.Time
}

// WithTried returns err together with the claims of the token, or err as it is
// if the token is no JWT.
func WithTried(err error, token string) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return err
	}
	payload, invalid := base64.RawURLEncoding.DecodeString(parts[1])
	if invalid != nil || !json.Valid(payload) {
		return err
	}
	claims := "." + parts[1] + "."
	return &Tried{err, &claims, time.Now()}
}

// Claims returns the token without its header and signature, so that it opens
// nothing.
func (t *Tried) Claims() string { return *t.claims }

// At returns when it was tried.
func (t *Tried) At() time.Time { return t.at }

// Error returns the text of the error.
func (t *Tried) Error() string { return t.err.Error() }

// Unwrap returns the error.
func (t *Tried) Unwrap() error { return t.err }

// Format shows nothing but the text of the error, whatever the verb.
func (t Tried) Format(f fmt.State, _ rune) { io.WriteString(f, t.Error()) }
