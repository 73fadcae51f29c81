package dial

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Tried is the token of a login that failed, as far as it explains why. The
// errors of the dialers hand it to package diagnose by [errors.As].
type Tried struct {
	claims *string // behind a pointer, so that fmt cannot reach it
	at     time.Time
}

// NewTried returns nil for a token that is no JWT.
func NewTried(token string) *Tried {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || !json.Valid(payload) {
		return nil
	}
	claims := "." + parts[1] + "."
	return &Tried{&claims, time.Now()}
}

// Claims returns the token without its header and signature, so that it opens
// nothing.
func (t *Tried) Claims() string { return *t.claims }

// At returns when it was tried.
func (t *Tried) At() time.Time { return t.at }

// As is the method of an error that has t, which may be nil.
func (t *Tried) As(target any) bool {
	tried, ok := target.(**Tried)
	if ok = ok && t != nil; ok {
		*tried = t
	}
	return ok
}

// Error makes it one that errors.As looks for.
func (t *Tried) Error() string { return "dial: a token" }

// Format shows nothing of the claims, whatever the verb.
func (t Tried) Format(f fmt.State, _ rune) { io.WriteString(f, t.Error()) }
