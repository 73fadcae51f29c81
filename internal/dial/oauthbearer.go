package dial

import (
	"fmt"
	"net"
	"strings"

	"github.com/emersion/go-sasl"
)

// OAuthBearer is the name of the mechanism of RFC 7628.
const OAuthBearer = sasl.OAuthBearer

// NewOAuthBearer returns a client for OAUTHBEARER at addr. It acknowledges a
// refusal as RFC 7628 §3.2.3 wants it. Its errors are those of xoauth2, a
// client for the same user and token: the challenges of the two mechanisms
// are alike.
func NewOAuthBearer(xoauth2 sasl.Client, username, token, addr string) sasl.Client {
	return &oauthBearer{xoauth2: xoauth2, username: username, token: token, addr: addr}
}

type oauthBearer struct {
	xoauth2               sasl.Client
	username, token, addr string
	pending               []byte // the initial response until an empty challenge consumed it
}

// authzid escapes what has a meaning in the header of GS2 (RFC 5801 §4).
var authzid = strings.NewReplacer("=", "=3D", ",", "=2C")

func (c *oauthBearer) Start() (mech string, ir []byte, err error) {
	if _, _, err := c.xoauth2.Start(); err != nil { // it knows what cannot be sent
		return "", nil, err
	}
	ir = fmt.Appendf(nil, "n,a=%s,", authzid.Replace(c.username))
	if host, port, err := net.SplitHostPort(c.addr); err == nil {
		ir = fmt.Appendf(ir, "\x01host=%s\x01port=%s", host, port)
	}
	ir = fmt.Appendf(ir, "\x01auth=Bearer %s\x01\x01", c.token)
	c.pending = ir
	return OAuthBearer, ir, nil
}

func (c *oauthBearer) Next(challenge []byte) ([]byte, error) {
	if len(challenge) > 0 || c.pending == nil {
		_, err := c.xoauth2.Next(challenge)
		return []byte{1}, err
	}
	ir := c.pending
	c.pending = nil
	_, err := c.xoauth2.Next(nil) // it counts the empty challenges too
	return ir, err
}

// Format keeps the token out of every verb of fmt.
func (c *oauthBearer) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "login.OAuthBearer(%q)", c.username)
}
