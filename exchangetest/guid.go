package exchangetest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// newGUID returns a random GUID (RFC 9562 §5.4).
func newGUID() string {
	var b [16]byte
	rand.Read(b[:])
	return formatGUID(b)
}

// nameGUID returns the same GUID for the same name.
func nameGUID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return formatGUID([16]byte(sum[:]))
}

func formatGUID(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// randomID returns an id of the kind that stands in tokens.
func randomID() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
