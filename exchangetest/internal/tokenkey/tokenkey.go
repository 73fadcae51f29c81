// Package tokenkey has the key with which Entra ID signs tokens. All servers of a
// process share one, because it is expensive to make; a server knows the tokens
// of another by their tenant.
package tokenkey

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/exchangetest/internal/pki"
)

type key struct {
	private *rsa.PrivateKey
	cert    []byte // self-signed, in DER
	id      string // kid and x5t: the certificate's SHA-1
}

var shared = sync.OnceValue(func() *key {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	der := pki.SelfSigned("accounts.accesscontrol.windows.net", private).Raw
	sum := sha1.Sum(der)
	return &key{private: private, cert: der, id: base64.RawURLEncoding.EncodeToString(sum[:])}
})

// Public returns the key that verifies what [Sign] has signed.
func Public() *rsa.PublicKey { return &shared().private.PublicKey }

// Sign makes a token, with RS256.
func Sign(claims jwt.MapClaims) string {
	k := shared()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = k.id
	token.Header["x5t"] = k.id
	text, err := token.SignedString(k.private)
	must(err)
	return text
}

// ErrKey is the error for a token that names another key than the one there is.
var ErrKey = fmt.Errorf("tokenkey: no such key: %w", jwt.ErrTokenSignatureInvalid)

// Parse reads a token into claims, which must have been signed by [Sign], have
// an expiry and be valid now. The error is golang-jwt's, or wraps [ErrKey].
// Where it is about the time, the claims have been read.
func Parse(token string, claims jwt.Claims, now func() time.Time) error {
	_, err := jwt.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if t.Header["kid"] != shared().id {
			return nil, ErrKey
		}
		return Public(), nil
	},
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithTimeFunc(now))
	return err
}

// Set returns the key as a server publishes it (RFC 7517), for encoding/json.
func Set() any {
	k, public := shared(), Public()
	return map[string]any{"keys": []map[string]any{{
		"kty": "RSA", "use": "sig", "kid": k.id, "x5t": k.id,
		"n":   base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e":   base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
		"x5c": []string{base64.StdEncoding.EncodeToString(k.cert)},
	}}}
}

// must is for what fails only if this package is wrong.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("exchangetest: %v", err))
	}
}
