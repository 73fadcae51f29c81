//go:build unix

package imapdial_test

import (
	"errors"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/dovecot"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/xoauth2"
)

// Dovecot is a server that nobody here wrote: it refuses with a challenge, as
// Gmail does and Exchange does not.
func TestDovecot(t *testing.T) {
	server := dovecot.Start(t)
	dialer := func(addr, token string) *imapdial.Dialer {
		return &imapdial.Dialer{
			TokenSource: staticSource(token),
			Addr:        addr,
			TLSConfig:   mailtest.ClientTLS(),
			StartTLS:    addr == server.IMAP,
		}
	}
	for name, addr := range map[string]string{"implicit TLS": server.IMAPS, "STARTTLS": server.IMAP} {
		for size, padding := range map[string]int{"token": 0, "token of 6 KB": 4000} {
			t.Run(size+" accepted, "+name, func(t *testing.T) {
				token := server.Token(t, mailbox, time.Hour, padding)
				c, err := dialer(addr, token).Dial(t.Context(), mailbox)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				t.Logf("token of %d bytes", len(token))
				if !c.Caps().Has(imap.CapMove) {
					t.Errorf("capabilities %v lack MOVE, which Dovecot tells after authentication", c.Caps())
				}
				data, err := c.Select("INBOX", nil).Wait()
				if err != nil || data.NumMessages != 0 {
					t.Errorf("SELECT: %+v, %v", data, err)
				}
				if err := c.Logout().Wait(); err != nil {
					t.Errorf("LOGOUT: %v", err)
				}
			})
		}
		for refused, token := range map[string]string{
			"expired token":          server.Token(t, mailbox, -time.Hour, 0),
			"garbage for a token":    "garbage",
			"token of somebody else": server.Token(t, "other@contoso.com", time.Hour, 0),
		} {
			t.Run(refused+", "+name, func(t *testing.T) {
				_, err := dialer(addr, token).Dial(t.Context(), mailbox)
				t.Log(err)
				if refusal, ok := errors.AsType[*imap.Error](err); !ok || refusal.Code != imap.ResponseCodeAuthenticationFailed {
					t.Errorf("error %v, want NO [AUTHENTICATIONFAILED]", err)
				}
				if challenge, ok := errors.AsType[*xoauth2.Error](err); !ok || challenge.Status != "401" || challenge.Schemes != "bearer" {
					t.Errorf("error %v, want the challenge with status 401", err)
				}
			})
		}
	}
	t.Run("refused, then renewed on the same connection", func(t *testing.T) {
		d := dialer(server.IMAPS, "")
		d.TokenSource = &renewingSource{tokens: []string{"stale", server.Token(t, mailbox, time.Hour, 0)}}
		c, err := d.Dial(t.Context(), mailbox)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}
