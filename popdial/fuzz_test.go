package popdial

import (
	"io"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

const fuzzToken = "planted-token"

// FuzzHandshake gives the handshake whatever a server can say. It must end,
// without the token in its error, and what it hands over must begin with a
// greeting.
func FuzzHandshake(f *testing.F) {
	for _, seed := range []string{
		"+OK ready\r\n+\r\n+OK\r\n+OK 0 0\r\n",
		"+OK ready [YQA=]\r\n+ \r\n-ERR [AUTH] @ $\r\n",
		"+OK\r\n-ERR no\r\n+\r\n+ eyJzdGF0dXMiOiI0MDEifQ==\r\n-ERR no @\r\n",
		"-ERR [SYS/TEMP] @\r\n",
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
		if err := s.handshake(fuzzToken); err != nil {
			text := a.Fail(t.Context(), string(OpAuthenticate), err).Error()
			if strings.Contains(text, fuzzToken) {
				t.Errorf("the error has the token in it: %q", text)
			}
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("the error has control characters in it: %q", text)
			}
			return
		}
		all, _ := io.ReadAll(s.handOver(0))
		if !strings.HasPrefix(string(all), "+OK authenticated already\r\n") {
			t.Errorf("the client reads %q", all)
		}
	})
}

// handshake is what DialConn does, without TLS, which would hide everything.
func (s *session) handshake(token string) error {
	if _, err := s.greet(); err != nil {
		return err
	}
	if err := s.offered(); err != nil {
		return err
	}
	return s.authenticate("user@example.com", token)
}
