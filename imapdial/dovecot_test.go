//go:build unix

package imapdial_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

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

// A Dovecot that asks somebody else about each token (RFC 7662).
func TestDovecotIntrospection(t *testing.T) {
	asked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		active := r.PostFormValue("token") == secretToken
		if r.PostFormValue("token") == "trouble" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"active":%t,"username":%q}`, active, mailbox)
	})
	introspection := httptest.NewServer(asked)
	defer introspection.Close()
	server := dovecot.StartWith(t, dovecot.Options{Introspect: introspection.URL + "/introspect"})
	dialTo := func(t *testing.T, addr, token string) (*imapclient.Client, error) {
		d := &imapdial.Dialer{TokenSource: staticSource(token), Addr: addr, TLSConfig: mailtest.ClientTLS(), StartTLS: addr == server.IMAP}
		return d.Dial(t.Context(), mailbox)
	}
	dial := func(t *testing.T, token string) (*imapclient.Client, error) { return dialTo(t, server.IMAPS, token) }
	for name, addr := range map[string]string{"implicit TLS": server.IMAPS, "STARTTLS": server.IMAP} {
		t.Run("active, "+name, func(t *testing.T) {
			c, err := dialTo(t, addr, secretToken)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
		})
	}
	t.Run("not active", func(t *testing.T) {
		_, err := dial(t, "stale")
		t.Log(err)
		if !imapdial.Refused(err) {
			t.Errorf("error %v, want a refusal", err)
		}
	})
	t.Run("server of the introspection in trouble", func(t *testing.T) {
		_, err := dial(t, "trouble")
		t.Log(err)
		if imapdial.Refused(err) || !imapdial.Retryable(err) {
			t.Errorf("error %v, want a temporary one", err)
		}
	})
}

func TestDovecotOAuthBearer(t *testing.T) {
	server := dovecot.StartWith(t, dovecot.Options{Mechanisms: "oauthbearer"})
	for name, addr := range map[string]string{"implicit TLS": server.IMAPS, "STARTTLS": server.IMAP} {
		dialer := func(token string) *imapdial.Dialer {
			return &imapdial.Dialer{TokenSource: staticSource(token), Addr: addr, TLSConfig: mailtest.ClientTLS(), StartTLS: addr == server.IMAP}
		}
		t.Run("accepted, "+name, func(t *testing.T) {
			c, err := dialer(server.Token(t, mailbox, time.Hour, 0)).Dial(t.Context(), mailbox)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
		})
		t.Run("refused, "+name, func(t *testing.T) {
			_, err := dialer("garbage").Dial(t.Context(), mailbox)
			t.Log(err)
			if challenge, ok := errors.AsType[*xoauth2.Error](err); !ok || challenge.Status != "invalid_token" {
				t.Errorf("error %v, want the challenge", err)
			}
		})
	}
}

// What Dovecot says when it stops reaches the caller.
func TestDovecotKeep(t *testing.T) {
	server := dovecot.Start(t)
	d := &imapdial.Dialer{
		TokenSource: staticSource(server.Token(t, mailbox, time.Hour, 0)), Addr: server.IMAPS, TLSConfig: mailtest.ClientTLS(),
	}
	sessions := 0
	err := d.Keep(t.Context(), mailbox, nil, func(ctx context.Context, c *imapclient.Client) error {
		if sessions++; sessions == 2 {
			return nil
		}
		if _, err := c.Select("INBOX", nil).Wait(); err != nil {
			return err
		}
		idle, err := c.Idle()
		if err != nil {
			return err
		}
		server.KickAll(t)
		<-ctx.Done()
		t.Log(context.Cause(ctx))
		return errors.Join(idle.Close(), idle.Wait())
	})
	if err != nil || sessions != 2 {
		t.Errorf("error %v after %d sessions, want none after 2", err, sessions)
	}
}
