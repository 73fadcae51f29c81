package imapdial_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/xoauth2"
)

// bearer is the initial response of OAUTHBEARER as RFC 7628 §4.1 has it.
func bearer(authzid string) string {
	return base64.StdEncoding.EncodeToString([]byte("n,a=" + authzid + ",\x01host=" + mailtest.Host + "\x01port=993\x01auth=Bearer " + secretToken + "\x01\x01"))
}

func TestOAuthBearer(t *testing.T) {
	const xoauth2Command = "AUTHENTICATE XOAUTH2 "
	for name, test := range map[string]struct {
		username, caps, want string
	}{
		"alone":                           {mailbox, "SASL-IR AUTH=OAUTHBEARER", "AUTHENTICATE OAUTHBEARER " + bearer(mailbox)},
		"beside XOAUTH2":                  {mailbox, "SASL-IR AUTH=OAUTHBEARER AUTH=XOAUTH2", xoauth2Command},
		"user name with comma and equals": {"a,b=c", "SASL-IR AUTH=OAUTHBEARER", "AUTHENTICATE OAUTHBEARER " + bearer("a=2Cb=3Dc")},
		"without an initial response":     {mailbox, "AUTH=OAUTHBEARER", "AUTHENTICATE OAUTHBEARER"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := elsewhere(t, func(p *mailtest.Peer) {
					p.Say("* OK [CAPABILITY IMAP4rev1 " + test.caps + "] ready")
					tag, command, _ := strings.Cut(p.Hear(), " ")
					if command != test.want && !(test.want == xoauth2Command && strings.HasPrefix(command, test.want)) {
						t.Errorf("heard %q, want %q", command, test.want)
					}
					if !strings.Contains(test.caps, "SASL-IR") {
						p.Say("+ ")
						if got := p.Hear(); got != bearer(mailbox) {
							t.Errorf("heard %q", got)
						}
					}
					p.Say(tag + " OK in")
					openProbe(p)
				}).Dial(t.Context(), test.username)
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
			})
		})
	}
}

func TestOAuthBearerRefused(t *testing.T) {
	for name, test := range map[string]struct {
		challenge, answer string
		status            string
	}{
		"challenge":                  {`{"status":"invalid_token","scope":"mail"}`, "AQ==", "invalid_token"},
		"challenge that echoes":      {`{"status":"` + secretToken + `"}`, "AQ==", "[redacted]"},
		"challenge that is not JSON": {"what?", "AQ==", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := elsewhere(t, func(p *mailtest.Peer) {
					p.Say("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER] ready")
					tag := p.Tag("AUTHENTICATE")
					p.Say("+ " + encoded(test.challenge))
					if got := p.Hear(); got != test.answer {
						t.Errorf("acknowledged with %q, want %q", got, test.answer)
					}
					p.Say(tag + " NO no")
				}).Dial(t.Context(), mailbox)
				fault{op: imapdial.OpAuthenticate, imap: "imap: NO no"}.check(t, err)
				if challenge, ok := errors.AsType[*xoauth2.Error](err); !ok || challenge.Status != test.status {
					t.Errorf("error %v, want the challenge", err)
				}
				if strings.Contains(err.Error(), secretToken) {
					t.Errorf("error %q has the token in it", err)
				}
			})
		})
	}
}

func TestEarlyAuth(t *testing.T) {
	for name, play := range map[string]struct {
		play mailtest.Script
		want fault // op "": success
	}{
		"greeting after the command": {func(p *mailtest.Peer) {
			tag := p.Tag("AUTHENTICATE")
			p.Say(greeting, tag+" OK AUTHENTICATE completed.")
			openProbe(p)
		}, fault{}},
		"greeting before the command": {open, fault{}},
		"BYE for a greeting":          {func(p *mailtest.Peer) { p.Say("* BYE Connection refused. 42") }, fault{op: imapdial.OpGreeting, imap: "imap: BYE Connection refused. 42"}},
		"NO for a greeting":           {func(p *mailtest.Peer) { p.Say("* NO not you") }, fault{op: imapdial.OpGreeting, imap: "imap: NO not you"}},
		"PREAUTH for a greeting":      {func(p *mailtest.Peer) { p.Say("* PREAUTH come in") }, fault{op: imapdial.OpGreeting, is: imapdial.ErrProtocol}},
		"close":                       {func(p *mailtest.Peer) { p.Tag("AUTHENTICATE") }, fault{op: imapdial.OpGreeting}},
		"silence":                     {mailtest.Silence, fault{op: imapdial.OpGreeting, is: context.DeadlineExceeded}},
		"refusal": {func(p *mailtest.Peer) {
			p.Say(greeting, p.Tag("AUTHENTICATE")+" NO AUTHENTICATE failed.")
		}, fault{op: imapdial.OpAuthenticate, imap: "imap: NO AUTHENTICATE failed.", says: frontEnd}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := scripted(t, play.play)
				d.EarlyAuth = true
				c, err := d.Dial(t.Context(), mailbox)
				if play.want.op != "" {
					play.want.check(t, err)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
			})
		})
	}
	t.Run("not on a host that is not known", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := elsewhere(t, func(p *mailtest.Peer) {
				p.Say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
				if line := p.Hear(); line != "" {
					t.Errorf("heard %q", line)
				}
			})
			d.EarlyAuth = true
			_, err := d.Dial(t.Context(), mailbox)
			fault{op: imapdial.OpCapability, is: imapdial.ErrNoXOAUTH2}.check(t, err)
		})
	})
}

// A Dialer resumes its TLS sessions, which spares the certificate.
func TestTLSSessionsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var resumed []bool
		d := scripted(t, nil)
		d.DialContext = mailtest.OverTLS(func(p *mailtest.Peer) {
			resumed = append(resumed, p.Conn.(*tls.Conn).ConnectionState().DidResume)
			open(p)
		}).For(t)
		for range 2 {
			c, err := d.Dial(t.Context(), mailbox)
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
	for name, test := range map[string]struct{ limit, dials, want int }{
		"default": {0, 100, imapdial.DefaultMaxDials},
		"one":     {1, 3, 1},
		"more":    {10, 3, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var now, most atomic.Int64
				d := scripted(t, nil)
				d.MaxDials = test.limit
				d.Timeout = 2 * time.Second // the wait for a turn does not count
				d.DialContext = func(context.Context, string, string) (net.Conn, error) {
					n := now.Add(1)
					defer now.Add(-1)
					for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
					}
					time.Sleep(time.Second)
					return nil, errors.New("nobody there")
				}
				failed := make(chan error)
				for range test.dials {
					go func() {
						_, err := d.Dial(t.Context(), mailbox)
						failed <- err
					}()
				}
				for range test.dials {
					if err := <-failed; !strings.Contains(err.Error(), "nobody there") {
						t.Error(err)
					}
				}
				if most.Load() != int64(test.want) {
					t.Errorf("%d dials at a time, want %d", most.Load(), test.want)
				}
			})
		})
	}
	t.Run("turn does not come", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := scripted(t, mailtest.Silence)
			d.MaxDials = 1
			go d.Dial(t.Context(), mailbox)
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := d.Dial(ctx, mailbox)
			fault{op: imapdial.OpQueue, is: context.DeadlineExceeded}.check(t, err)
		})
	})
}

func TestStartTLSOverIPv6(t *testing.T) {
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	mailtest.NoLeaks(t)
	served := make(chan struct{})
	go func() {
		defer close(served)
		mailtest.Script(func(p *mailtest.Peer) {
			p.Say("* OK ready")
			p.Say(p.Tag("STARTTLS") + " OK begin")
			if p.StartTLS() == nil {
				p.Say("* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2", p.Tag("CAPABILITY")+" OK done")
				p.Say(p.Tag("AUTHENTICATE") + " OK in")
				openProbe(p)
				mailtest.Silence(p) // a server that closes now would be logged out by the time we look
			}
		}).Accept(t, listener)
	}()
	d := &imapdial.Dialer{TokenSource: staticSource(secretToken), Addr: listener.Addr().String(), TLSConfig: mailtest.ClientTLS(), StartTLS: true}
	c, err := d.Dial(t.Context(), mailbox)
	if err != nil {
		t.Fatal(err)
	}
	if c.State() != imap.ConnStateAuthenticated {
		t.Errorf("state %v", c.State())
	}
	c.Close()
	<-served
}
