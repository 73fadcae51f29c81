// Package assertion reads the client assertions and the tokens of other issuers
// by which an application proves who it is, in all the encodings that real
// clients send. (RFC 7523,
// https://learn.microsoft.com/entra/identity-platform/certificate-credentials)
package assertion

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// Claims take what real clients send: MSAL.NET writes times as
// strings.
type Claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  Audience `json:"aud"`
	NotBefore Number   `json:"nbf"`
	Expires   Number   `json:"exp"`
}

// A Header names the key in one of several ways, in whichever
// base64.
type Header struct {
	Alg     string `json:"alg"`
	KeyID   string `json:"kid"`
	X5T     string `json:"x5t"`
	X5TS256 string `json:"x5t#S256"`
}

// An Audience is one text or several.
type Audience []string

// UnmarshalJSON implements [json.Unmarshaler].
func (a *Audience) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = Audience{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// A Number is one, or a text of one.
type Number int64

// UnmarshalJSON implements [json.Unmarshaler].
func (n *Number) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	*n = Number(f)
	return err
}

// An Assertion is a JWT in three parts, of which nothing has been verified.
type Assertion struct {
	Header    Header
	Claims    Claims
	signed    string
	signature []byte
}

// Parse reads the parts, or reports false.
func Parse(text string) (*Assertion, bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, false
	}
	a := &Assertion{signed: parts[0] + "." + parts[1]}
	for i, into := range []any{&a.Header, &a.Claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(b, into) != nil {
			return nil, false
		}
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, false
	}
	a.signature = signature
	return a, true
}

// Verify reports whether the key has signed the assertion, with RS256 or PS256.
func (a *Assertion) Verify(key *rsa.PublicKey) bool {
	switch a.Header.Alg {
	case "RS256":
		return jwt.SigningMethodRS256.Verify(a.signed, a.signature, key) == nil
	case "PS256":
		return jwt.SigningMethodPS256.Verify(a.signed, a.signature, key) == nil
	}
	return false
}

// Names reports whether the header's thumbprint is that of the certificate.
func (h Header) Names(der []byte) bool {
	one, two := sha1.Sum(der), sha256.Sum256(der)
	return sameBase64(h.X5T, one[:]) || sameBase64(h.X5TS256, two[:])
}

// sameBase64 compares with either alphabet, padded or not. MSAL Go writes
// x5t#S256 in the standard one, with padding.
func sameBase64(text string, want []byte) bool {
	text = strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(text), "=")
	return text != "" && text == base64.RawURLEncoding.EncodeToString(want)
}
