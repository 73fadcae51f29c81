package smtpdial_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
	"github.com/exoauth/exoauth/xoauth2"
)

// bearer is the initial response of OAUTHBEARER as RFC 7628 §4.1 has it.
func bearer() string {
	return base64.StdEncoding.EncodeToString([]byte("n,a=" + sender + ",\x01host=" + mailtest.Host + "\x01port=465\x01auth=Bearer " + secretToken + "\x01\x01"))
}

// implicit is a Dialer for a server with TLS from the first byte that offers
// mechanisms, and then plays rest with the AUTH line.
func implicit(t testing.TB, mechanisms string, rest func(p *mailtest.Peer, auth string)) *smtpdial.Dialer {
	d := elsewhere(t, mailtest.OverTLS(func(p *mailtest.Peer) {
		p.Say("220 " + mailtest.Host + " ESMTP")
		p.Expect("EHLO")
		p.Say("250-"+mailtest.Host, "250 AUTH "+mechanisms)
		rest(p, p.Hear())
	}))
	d.Addr = mailtest.Host + ":465"
	d.ImplicitTLS = true
	return d
}

func TestOAuthBearer(t *testing.T) {
	for name, test := range map[string]struct{ mechanisms, want string }{
		"alone":          {"LOGIN OAUTHBEARER", "AUTH OAUTHBEARER " + bearer()},
		"beside XOAUTH2": {"OAUTHBEARER XOAUTH2", "AUTH XOAUTH2 " + initialResponse(secretToken)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := implicit(t, test.mechanisms, func(p *mailtest.Peer, auth string) {
					if auth != test.want {
						t.Errorf("heard %q, want %q", auth, test.want)
					}
					accept(p, auth)
				}).Dial(t.Context(), sender)
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
			})
		})
	}
	t.Run("refused", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, err := implicit(t, "OAUTHBEARER", func(p *mailtest.Peer, _ string) {
				p.Say("334 " + encoded(`{"status":"invalid_token"}`))
				p.Say("535 5.7.8 after " + p.Hear())
			}).Dial(t.Context(), sender)
			fault{op: smtpdial.OpAuthenticate, smtp: "535 5.7.8 after AQ=="}.check(t, err)
			if challenge, ok := errors.AsType[*xoauth2.Error](err); !ok || challenge.Status != "invalid_token" {
				t.Errorf("error %v, want the challenge", err)
			}
		})
	})
}

// A server that hangs up between two commands has said why.
func TestLastWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, func(p *mailtest.Peer) { p.Say(banner, "421 4.3.2 Service not active") })
		connect := d.DialContext
		d.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := connect(ctx, network, addr)
			synctest.Wait() // until the server is gone
			return conn, err
		}
		_, err := d.Dial(t.Context(), sender)
		fault{op: smtpdial.OpHello, smtp: "421 4.3.2 Service not active"}.check(t, err)
	})
}

// A Dialer resumes its TLS sessions.
func TestTLSSessionsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var resumed []bool
		d := implicit(t, "XOAUTH2", func(p *mailtest.Peer, auth string) {
			resumed = append(resumed, p.Conn.(*tls.Conn).ConnectionState().DidResume)
			accept(p, auth)
		})
		for range 2 {
			c, err := d.Dial(t.Context(), sender)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
		}
		if len(resumed) != 2 || resumed[0] || !resumed[1] {
			t.Errorf("resumed %v, want the second alone", resumed)
		}
	})
}

func TestMaxDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, mailtest.Silence)
		d.MaxDials = 1
		go d.Dial(t.Context(), sender)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := d.Dial(ctx, sender)
		fault{op: smtpdial.OpQueue, is: context.DeadlineExceeded}.check(t, err)
		time.Sleep(smtpdial.DefaultTimeout)
		d.DialContext = secured(accept).For(t)
		c, err := d.Dial(t.Context(), sender)
		if err != nil {
			t.Fatalf("the turn was not given back: %v", err)
		}
		c.Close()
	})
}
