package diagnose

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// maxToken bounds what is decoded. Tokens of Exchange Online have 2 to 6 KB.
const maxToken = 64 << 10

// claims are those of an access token that matter to mail.
type claims struct {
	audience   []string
	issuer     string
	version    string
	tenant     string // tid
	app        string // appid, or azp in tokens of version 2.0
	oid, sub   string
	idtyp      string
	upn        string // upn, unique_name or preferred_username
	roles, scp []string
	nbf, exp   time.Time // zero if there is none
}

// parseClaims returns nil for what is not a JWT, as the tokens of consumer
// accounts (outlook.com) are not. Nothing is verified: only the resource can,
// and the nonce in the header keeps others from it.
func parseClaims(token string) *claims {
	parts := strings.Split(token, ".")
	if len(token) > maxToken || len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil
	}
	var m map[string]any
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	if decoder.Decode(&m) != nil || m == nil {
		return nil
	}
	return newClaims(m)
}

func newClaims(m map[string]any) *claims {
	first := func(names ...string) string {
		for _, name := range names {
			if s, ok := m[name].(string); ok && s != "" {
				return s
			}
		}
		return ""
	}
	return &claims{
		audience: list(m["aud"]),
		issuer:   first("iss"),
		version:  first("ver"),
		tenant:   first("tid"),
		app:      first("appid", "azp"),
		oid:      first("oid"),
		sub:      first("sub"),
		idtyp:    first("idtyp"),
		upn:      first("upn", "unique_name", "preferred_username"),
		roles:    list(m["roles"]),
		scp:      strings.Fields(first("scp")),
		nbf:      moment(m["nbf"]),
		exp:      moment(m["exp"]),
	}
}

// list is a string or a list of strings; anything else in it is left out.
func list(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}

// moment is a NumericDate (RFC 7519 §2), zero where it is none or not
// within the years that can be written with four digits.
func moment(v any) time.Time {
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}
	}
	f, err := n.Float64()
	const year10000 = 253402300800
	if err != nil || f <= 0 || f >= year10000 {
		return time.Time{}
	}
	return time.Unix(int64(f), 0).UTC()
}

// flow tells an app-only token from a delegated one. idtyp is in the tokens
// for Exchange Online, but elsewhere it is optional.
func (c *claims) flow() Flow {
	switch {
	case c.idtyp == "app":
		return AppOnly
	case c.idtyp == "user", len(c.scp) > 0:
		return Delegated
	case len(c.roles) > 0, c.oid != "" && c.oid == c.sub:
		return AppOnly
	case c.upn != "":
		return Delegated
	}
	return ""
}

func (c *claims) has(permission string) bool {
	return slices.Contains(c.roles, permission) || slices.Contains(c.scp, permission)
}
