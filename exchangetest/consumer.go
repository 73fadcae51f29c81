package exchangetest

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"

	"github.com/golang-jwt/jwt/v5"

	"github.com/exoauth/exoauth/exchangetest/internal/tokenkey"
)

// consumersID is the tenant of all personal accounts.
// (https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc)
const consumersID = "9188040d-6c67-4c5b-b112-36a304b66dad"

// Consumers returns the tenant of personal accounts, with the domains
// outlook.com, hotmail.com and live.com. Access tokens of its users are opaque:
// they are not JWTs. An application of another tenant must be let in with
// [Tenant.InstallApp].
func (s *Server) Consumers() *Tenant { return s.dir.consumers }

// opaqueToken issues an access token of a personal account, of which only the
// server knows what it says.
func (s *Server) opaqueToken(claims jwt.MapClaims) string {
	var b [330]byte
	rand.Read(b[:])
	token := "EwB4" + base64.StdEncoding.EncodeToString(b[:])
	s.issued.opaque.add(token, tokenkey.Sign(claims))
	return token
}

// opaqueTokens are the JWTs that opaque tokens stand for.
type opaqueTokens struct{ *kind[string] }

// readable returns the JWT that an opaque token stands for, or the token.
func (ts *opaqueTokens) readable(token string) string { return cmp.Or(ts.find(token), token) }

// claims returns what an access token of the server says.
func (s *Server) claims(token string) map[string]any {
	claims := make(jwt.MapClaims)
	if _, _, err := jwt.NewParser().ParseUnverified(s.issued.opaque.readable(token), claims); err != nil {
		return nil
	}
	return claims
}
