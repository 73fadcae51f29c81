package tokenkey

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func signed(method jwt.SigningMethod, by any) string {
	text, err := jwt.NewWithClaims(method, jwt.MapClaims{"sub": "x", "exp": 2000}).SignedString(by)
	must(err)
	return text
}

func TestParse(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	for _, test := range []struct {
		name  string
		token string
		now   int64
		want  error
	}{
		{"good", Sign(jwt.MapClaims{"sub": "x", "exp": 2000, "nbf": 1000}), 1000, nil},
		{"the last second", Sign(jwt.MapClaims{"sub": "x", "exp": 2000}), 1999, nil},
		{"expired", Sign(jwt.MapClaims{"sub": "x", "exp": 2000}), 2000, jwt.ErrTokenExpired},
		{"not yet", Sign(jwt.MapClaims{"sub": "x", "exp": 2000, "nbf": 1000}), 999, jwt.ErrTokenNotValidYet},
		{"no expiry", Sign(jwt.MapClaims{"sub": "x"}), 1000, jwt.ErrTokenRequiredClaimMissing},
		{"another key", signed(jwt.SigningMethodRS256, other), 1000, jwt.ErrTokenSignatureInvalid},
		{"the key, by another method", signed(jwt.SigningMethodRS512, shared().private), 1000, jwt.ErrTokenSignatureInvalid},
		{"no signature", signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), 1000, jwt.ErrTokenSignatureInvalid},
		{"no token", "x", 1000, jwt.ErrTokenMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			var claims jwt.RegisteredClaims
			err := Parse(test.token, &claims, func() time.Time { return time.Unix(test.now, 0) })
			if !errors.Is(err, test.want) || test.want == nil && err != nil {
				t.Errorf("error %v, want %v", err, test.want)
			}
			timely := err == nil || errors.Is(err, jwt.ErrTokenExpired) || errors.Is(err, jwt.ErrTokenNotValidYet)
			if timely && claims.Subject != "x" {
				t.Errorf("claims %+v", claims)
			}
		})
	}
}

// The key that is published verifies a token, and is found by what the header
// of that names.
func TestSet(t *testing.T) {
	text, err := json.Marshal(Set())
	must(err)
	var set struct {
		Keys []struct {
			Kty, Use, Kid, X5t, N, E string
			X5c                      []string
		}
	}
	if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	k := set.Keys[0]
	decode := func(encoding *base64.Encoding, text string) []byte {
		b, err := encoding.DecodeString(text)
		must(err)
		return b
	}
	n, e := decode(base64.RawURLEncoding, k.N), decode(base64.RawURLEncoding, k.E)
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	token, err := jwt.Parse(Sign(jwt.MapClaims{"sub": "x"}), func(*jwt.Token) (any, error) { return public, nil })
	if err != nil {
		t.Fatal(err)
	}
	if k.Kty != "RSA" || k.Use != "sig" || token.Header["kid"] != k.Kid || token.Header["x5t"] != k.X5t {
		t.Errorf("published as %+v, named as %v", k, token.Header)
	}
	cert, err := x509.ParseCertificate(decode(base64.StdEncoding, k.X5c[0]))
	must(err)
	sum := sha1.Sum(cert.Raw)
	if !public.Equal(cert.PublicKey) || base64.RawURLEncoding.EncodeToString(sum[:]) != k.X5t {
		t.Errorf("the certificate is another's: %v", cert.Subject)
	}
}
