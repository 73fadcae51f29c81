package imapdial

import (
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

const fuzzToken = "planted-token"

// FuzzHandshake gives the handshake whatever a server can say. It must end,
// without the token in its error, and what it hands over must be a client
// that is authenticated.
func FuzzHandshake(f *testing.F) {
	for _, seed := range []string{
		"* OK ready\r\n* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2\r\nA1 OK done\r\nA2 OK in\r\n* CAPABILITY IMAP4rev1 NAMESPACE\r\nA3 OK done\r\n* NAMESPACE ((\"\" \"/\")) NIL NIL\r\nA4 OK done\r\n* 3 EXISTS\r\n",
		"* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hi\r\n+ \r\nA1 OK in\r\n* CAPABILITY X\r\nA2 OK done\r\nA3 BAD what?\r\n",
		"* OK [CAPABILITY SASL-IR AUTH=XOAUTH2] hi\r\n+ eyJzdGF0dXMiOiI0MDEifQ==\r\nA1 NO [AUTHENTICATIONFAILED] no\r\n",
		"* OK [CAPABILITY SASL-IR AUTH=XOAUTH2] hi\r\nA1 NO [Error=\"AuthFailed:LogonDenied-None\"] @ $\r\n",
		"* OK [CAPABILITY SASL-IR AUTH=XOAUTH2] hi\r\nA1 OK [CAPABILITY A ) \x7f ] B] in\r\nA2 OK x\r\nA3 OK y\r\n",
		"* OK [CAPABILITY SASL-IR AUTH=OAUTHBEARER] hi\r\n+ eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\r\nA1 NO @ $\r\n",
		"* OK [CAPABILITY AUTH=OAUTHBEARER] hi {3}\r\n+\r\nA1 OK in\r\n* CAPABILITY X\r\nA2 OK done\r\nA3 OK done\r\n* BYE {1}\r\n",
		"* BYE Session invalidated - AccessTokenExpired\r\n",
		"* OK [SABLADAA] x\r\n* X {3}\r\nabc{2}\r\nde\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a := new(Dialer).attempt("user@example.com", KeepOptions{})
		conn, err := dial.Dial(t.Context(), (&mailtest.Replay{Server: data, Token: fuzzToken}).DialContext, "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		s := newSession(conn, a.Wire(conn))
		err = s.handshake(fuzzToken)
		if err != nil {
			text := a.fail(t.Context(), OpAuthenticate, err).Error()
			if strings.Contains(text, fuzzToken) {
				t.Errorf("the error has the token in it: %q", text)
			}
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("the error has control characters in it: %q", text)
			}
			return
		}
		a.session = s
		a.conn = a.guarded()
		client, err := a.handOver()
		if err != nil {
			t.Fatalf("imapclient does not take the connection: %v", err)
		}
		defer client.Close()
		if state := client.State(); state != imap.ConnStateAuthenticated && state != imap.ConnStateLogout {
			t.Errorf("state %v", state)
		}
	})
}

// handshake is what Dial does, without TLS, which would hide everything.
func (s *session) handshake(token string) error {
	if err := s.greet(); err != nil {
		return err
	}
	if err := s.offered(); err != nil {
		return err
	}
	if err := s.authenticate("user@example.com", token); err != nil {
		return err
	}
	return s.probe()
}
