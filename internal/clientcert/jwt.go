package clientcert

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// IsJWT reports whether text has the form of a signed JWT: three parts in
// base64url. (RFC 7519 §3, RFC 7515 §7.1)
func IsJWT(text string) bool {
	for range 2 {
		part, rest, ok := strings.Cut(text, ".")
		if !ok || !isBase64URL(part) {
			return false
		}
		text = rest
	}
	return isBase64URL(text)
}

func isBase64URL(part string) bool {
	return part != "" && !strings.ContainsFunc(part, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_'
	})
}

// Expiry returns the claim exp of a JWT. The signature has not been checked,
// so use it only to shorten a lifetime.
func Expiry(jwt string) (expiry time.Time, ok bool) {
	_, rest, _ := strings.Cut(jwt, ".")
	part, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return time.Time{}, false
	}
	var claims struct {
		Expiry float64 `json:"exp"` // seconds, perhaps with a fraction
	}
	const year10000 = 253402300800
	if json.Unmarshal(text, &claims) != nil || claims.Expiry <= 0 || claims.Expiry >= year10000 {
		return time.Time{}, false
	}
	return time.Unix(int64(claims.Expiry), 0), true
}
