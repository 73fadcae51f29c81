package tokensource

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// The flows, as the keys of a Cache tell them apart. The flows in which a
// person signs in share one: a program with a browser today and without one
// tomorrow asks once.
const (
	keyApplication = "application"
	keyPerson      = "person"
	keyPassword    = "password"
	keyRefresh     = "refresh token"
	keyOnBehalfOf  = "on behalf of"
	keyIdentity    = "managed identity"
)

// cacheKey returns the key of an entry. Each part counts as it is, wherever it
// ends.
func cacheKey(parts ...string) string {
	h := sha256.New()
	for _, part := range append([]string{"exoauth 1"}, parts...) {
		h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// key returns that of a flow's tokens. Two requests have the same one only
// where the same answer would do for both. Which secret or certificate proves
// the application is not in it, so that it can be rotated; whether one does is,
// for a refresh token is good for one kind of client.
func (c *client) key(flow string, user ...string) string {
	kind := "public"
	if c.confidential {
		kind = "confidential"
	}
	application := []string{flow, strings.ToLower(c.endpoint("token")), strings.ToLower(c.clientID), kind, c.scope, c.cacheKey}
	return cacheKey(append(application, user...)...)
}

// keyOf is key for those who have a cache.
func (c *client) keyOf(flow string, user ...string) func() (string, error) {
	return func() (string, error) { return c.key(flow, user...), nil }
}

// stretched makes it costly to try passwords on a key. Without the password
// in the key, whoever knows the user's name would be given the tokens.
func stretched(username, password string) (string, error) {
	const rounds = 100_000
	salt := sha256.Sum256([]byte("exoauth " + username)) // FIPS 140 refuses a short one
	key, err := pbkdf2.Key(sha256.New, password, salt[:], rounds, sha256.Size)
	return string(key), err
}
