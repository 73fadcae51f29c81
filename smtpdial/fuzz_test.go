package smtpdial

import (
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

const fuzzToken = "planted-token"

// FuzzHandshake gives the handshake whatever a server can say. It must end,
// without the token in its error, and what it hands over must be a client
// that has said EHLO.
func FuzzHandshake(f *testing.F) {
	for _, seed := range []string{
		"220 mail ESMTP\r\n250-mail\r\n250-SIZE 1\r\n250 AUTH XOAUTH2\r\n235 2.7.0 ok\r\n250 noop\r\n",
		"220 mail\r\n250-mail\r\n250 AUTH PLAIN XOAUTH2\r\n334 \r\n235 ok\r\n",
		"220 mail\r\n250-mail\r\n250 AUTH XOAUTH2\r\n334 eyJzdGF0dXMiOiI0MDEifQ==\r\n535-5.7.8 no\r\n535 5.7.8 @ $\r\n",
		"220 mail\r\n250-mail\r\n250-\r\n250 AUTH XOAUTH2\r\n535 5.7.3 no [HOST]\r\n",
		"220 mail\r\n250-mail\r\n250 AUTH OAUTHBEARER\r\n334 eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\r\n535 5.7.8 @ $\r\n",
		"421 4.3.2 Service not active\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a := new(Dialer).attempt("user@example.com")
		conn, err := dial.Dial(t.Context(), (&mailtest.Replay{Server: data, Token: fuzzToken}).DialContext, "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		s := newSession(conn, a.Wire(conn))
		s.localName = "localhost"
		if err := s.handshake(fuzzToken); err != nil {
			text := a.fail(t.Context(), OpAuthenticate, err).Error()
			if strings.Contains(text, fuzzToken) {
				t.Errorf("the error has the token in it: %q", text)
			}
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("the error has control characters in it: %q", text)
			}
			return
		}
		client := smtp.NewClient(s.handOver(0))
		defer client.Close()
		if err := client.Hello("localhost"); err != nil {
			t.Fatalf("go-smtp does not take the connection: %v", err)
		}
	})
}

// handshake is what Dial does, without TLS, which would hide everything.
func (s *session) handshake(token string) error {
	if _, err := s.expect(220); err != nil {
		return err
	}
	if err := s.sayHello(); err != nil {
		return err
	}
	if err := s.offered(); err != nil {
		return err
	}
	return s.authenticate("user@example.com", token)
}
