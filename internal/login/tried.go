package login

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
	// Claims is the token without its signature, so that it opens nothing.
	Claims string
	At     time.Time
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
	return &Tried{Claims: "." + parts[1] + ".", At: time.Now()}
}

// As is the method of an error that has t, which may be nil.
func (t *Tried) As(target any) bool {
	tried, ok := target.(**Tried)
	if ok = ok && t != nil; ok {
		*tried = t
	}
	return ok
}

// Error makes it one that errors.As looks for.
func (t *Tried) Error() string { return "login: a token" }

// Format shows nothing of the claims, whatever the verb.
func (t *Tried) Format(f fmt.State, _ rune) { io.WriteString(f, t.Error()) }
