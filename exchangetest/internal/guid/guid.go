// Package guid makes the ids that Microsoft's directories are full of.
package guid

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
)

// New returns a random GUID (RFC 9562 §5.4).
func New() string {
	var b [16]byte
	rand.Read(b[:])
	return format(b)
}

// Of returns the same GUID for the same name.
func Of(name string) string {
	sum := sha256.Sum256([]byte(name))
	return format([16]byte(sum[:]))
}

func format(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

var pattern = regexp.MustCompile(`^(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// Valid reports whether a text is a GUID.
func Valid(text string) bool { return pattern.MatchString(text) }

// Short returns a random id as it stands in tokens.
func Short() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
