package imapdial_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

// oneWay is a connection that can be read but, once broken is set, not written.
type oneWay struct {
	net.Conn
	broken *atomic.Bool
}

var errOneWay = errors.New("the way to the server is broken")

func (c oneWay) Write(p []byte) (int, error) {
	if c.broken.Load() {
		return 0, errOneWay
	}
	return c.Conn.Write(p)
}

// The probe may not leave, although AUTHENTICATE was answered.
func TestConnectionBreaksBeforeTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		var watched mailtest.Watched
		d := scripted(t, greeted(func(p *mailtest.Peer, tag string) {
			broken.Store(true)
			p.Say(tag + " OK AUTHENTICATE completed.")
			mailtest.Silence(p)
		}))
		connect := d.DialContext
		d.DialContext = watched.DialContext(func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := connect(ctx, network, addr)
			return oneWay{conn, &broken}, err
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := d.Dial(ctx, mailbox)
		if e, ok := errors.AsType[*imapdial.Error](err); !ok || e.Op != imapdial.OpOpen || imapdial.Refused(err) {
			t.Errorf("error %v, want one of step open", err)
		}
		if watched.Closed.Load() != 1 {
			t.Error("the connection was not closed")
		}
	})
}

// A session that ends before f has it is replaced.
func TestKeepSessionEndsDuringTheHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := servers(t, authenticated(func(p *mailtest.Peer, capability, ns string) {
			p.Say(postAuth, capability+" OK CAPABILITY completed.", namespace, ns+" OK NAMESPACE completed.", "* BYE "+expired)
		}), forever)
		var causes []error
		enough := errors.New("enough")
		err := l.Keep(t.Context(), mailbox, nil, func(ctx context.Context, c *imapclient.Client) error {
			if len(l.dials) > 1 {
				return enough
			}
			<-ctx.Done()
			causes = append(causes, context.Cause(ctx))
			return context.Cause(ctx)
		})
		if err != enough || len(l.dials) != 2 || len(causes) != 1 || !imapdial.Expired(causes[0]) {
			t.Errorf("error %v after %d dials, causes %v", err, len(l.dials), causes)
		}
	})
}

// The context of Keep ends a dial that would last.
func TestKeepContextEndsDuringADial(t *testing.T) {
	for name, play := range map[string]mailtest.Script{
		"greeting":     mailtest.Silence,
		"authenticate": greeted(func(p *mailtest.Peer, _ string) { mailtest.Silence(p) }),
		"probe":        authenticated(func(p *mailtest.Peer, _, _ string) { mailtest.Silence(p) }),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				start := time.Now()
				err := servers(t, play).Keep(ctx, mailbox, nil, func(context.Context, *imapclient.Client) error {
					t.Error("f was called")
					return nil
				})
				if took := time.Since(start); err != context.DeadlineExceeded || took != 10*time.Second {
					t.Errorf("error %v after %v, want that of the context alone", err, took)
				}
			})
		})
	}
}
