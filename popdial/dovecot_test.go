//go:build unix

package popdial_test

import (
	"errors"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/internal/dovecot"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/popdial"
	"github.com/exoauth/exoauth/xoauth2"
)

// Dovecot is a server that nobody here wrote: it refuses with a challenge, as
// Gmail does and Exchange does not.
func TestDovecot(t *testing.T) {
	for _, mechanisms := range []string{"xoauth2 oauthbearer", "oauthbearer", "plain"} {
		server := dovecot.StartWith(t, dovecot.Options{POP3: true, Mechanisms: mechanisms})
		for name, addr := range map[string]string{"implicit TLS": server.POP3S, "STLS": server.POP3} {
			dialer := func(token string) *popdial.Dialer {
				return &popdial.Dialer{
					TokenSource: staticSource(token),
					Addr:        addr,
					TLSConfig:   mailtest.ClientTLS(),
					StartTLS:    addr == server.POP3,
					Timeout:     10 * time.Second,
				}
			}
			t.Run(mechanisms+", "+name, func(t *testing.T) {
				if mechanisms == "plain" {
					_, err := dialer("token").DialConn(t.Context(), mailbox)
					if t.Log(err); !errors.Is(err, popdial.ErrNoXOAUTH2) {
						t.Errorf("error %v, want that of a missing mechanism", err)
					}
					return
				}
				testDovecot(t, server, dialer)
			})
		}
	}
}

func testDovecot(t *testing.T, server *dovecot.Server, dialer func(token string) *popdial.Dialer) {
	for name, padding := range map[string]int{"token": 0, "token of 6 KB": 4000} {
		t.Run(name+" accepted", func(t *testing.T) {
			conn, err := dialer(server.Token(t, mailbox, time.Hour, padding)).DialConn(t.Context(), mailbox)
			if err != nil {
				t.Fatal(err)
			}
			c := textproto.NewConn(conn)
			defer c.Close()
			for _, command := range []string{"", "CAPA", "STAT", "QUIT"} {
				if command != "" {
					c.PrintfLine("%s", command)
				}
				if line, err := c.ReadLine(); err != nil || !strings.HasPrefix(line, "+OK") {
					t.Errorf("%s: %q, %v", command, line, err)
				}
				if command == "CAPA" {
					if lines, err := c.ReadDotLines(); err != nil || len(lines) == 0 {
						t.Errorf("capabilities %q, %v", lines, err)
					}
				}
			}
		})
	}
	for name, token := range map[string]string{
		"expired token":          server.Token(t, mailbox, -time.Hour, 0),
		"garbage for a token":    "garbage",
		"token of somebody else": server.Token(t, "other@contoso.com", time.Hour, 0),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dialer(token).DialConn(t.Context(), mailbox)
			t.Log(err)
			if refusal, ok := errors.AsType[*popdial.ReplyError](err); !ok || refusal.Code != "AUTH" || !popdial.Refused(err) {
				t.Errorf("error %v, want -ERR [AUTH]", err)
			}
			if challenge, ok := errors.AsType[*xoauth2.Error](err); !ok || challenge.Status == "" {
				t.Errorf("error %v, want the challenge", err)
			}
		})
	}
	t.Run("refused, then renewed", func(t *testing.T) {
		d := dialer("")
		d.TokenSource = &renewingSource{tokens: []string{"stale", server.Token(t, mailbox, time.Hour, 0)}}
		conn, err := d.DialConn(t.Context(), mailbox)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	})
}
