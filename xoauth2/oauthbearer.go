package xoauth2

import (
	"fmt"
	"net"
	"strings"

	"github.com/emersion/go-sasl"
)

// OAuthBearer is the name of OAUTHBEARER, as servers advertise it.
const OAuthBearer = sasl.OAuthBearer

// NewOAuthBearerClient returns an OAUTHBEARER client (RFC 7628) that
// authenticates username with an access token. The client also sends addr, the
// host:port of the server, unless it is empty or has another form.
//
// Otherwise it behaves as a client of [NewClient]: it returns the same errors
// and serves one connection at a time. With the error for a refusal, Next also
// returns the response that RFC 7628 §3.2.3 requires, a single ^A.
func NewOAuthBearerClient(username, token, addr string) sasl.Client {
	return &client{
		mech:            OAuthBearer,
		username:        username,
		token:           token,
		encode:          func(username, token string) []byte { return bearerResponse(username, token, addr) },
		acknowledgement: []byte{1},
	}
}

// The two characters with a meaning in a GS2 header (RFC 5801 §4).
var (
	authzidEscaper   = strings.NewReplacer("=", "=3D", ",", "=2C")
	authzidUnescaper = strings.NewReplacer("=3D", "=", "=2C", ",")
)

func bearerResponse(username, token, addr string) []byte {
	ir := fmt.Appendf(nil, "n,a=%s,", authzidEscaper.Replace(username))
	if host, port, err := net.SplitHostPort(addr); err == nil {
		ir = fmt.Appendf(ir, "\x01host=%s\x01port=%s", host, port)
	}
	return fmt.Appendf(ir, "\x01auth=%s%s\x01\x01", scheme, token)
}

// NewOAuthBearerServer returns the server side of one OAUTHBEARER exchange (RFC
// 7628). It differs from that of [NewServer] only in the form of the initial
// response. It requires a user name, which RFC 7628 leaves optional, and
// ignores every key but auth.
func NewOAuthBearerServer(authenticate Authenticator) sasl.Server {
	return &server{authenticate: authenticate, parse: parseBearerResponse}
}

// parseBearerResponse reads "n,a=user,^Akey=value^A…auth=Bearer token^A^A".
func parseBearerResponse(body string) (username, token string, err error) {
	header, pairs, _ := strings.Cut(body, "\x01")
	header, ended := strings.CutSuffix(header, ",")
	flag, authzid, _ := strings.Cut(header, ",")
	escaped, named := strings.CutPrefix(authzid, "a=")
	username = authzidUnescaper.Replace(escaped)
	switch {
	case flag != "n" && flag != "y":
		return "", "", malformed("the first field is not a GS2 header without channel binding")
	case !ended || authzid != "" && !named || escaped != authzidEscaper.Replace(username):
		return "", "", malformed("the GS2 header is not well-formed")
	}
	for pair := range strings.SplitSeq(pairs, "\x01") {
		if auth, ok := strings.CutPrefix(pair, "auth="); ok {
			token, err = bearer(auth)
			return username, token, err
		}
	}
	return "", "", malformed("there is no auth field")
}
