package imapdial_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

// A setting below zero is as good as none.
func TestNegativeSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, mailtest.Silence)
		d.Timeout, d.MaxDials = -time.Second, -1
		start := time.Now()
		_, err := d.Dial(t.Context(), mailbox)
		if took := time.Since(start); took != imapdial.DefaultTimeout || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v after %v, want the limit of %v", err, took, imapdial.DefaultTimeout)
		}
	})
}

// The package's Dial is the Dialer's, with a context and a source alone.
func TestDialOfThePackage(t *testing.T) {
	t.Run("nil source", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := imapdial.Dial(ctx, mailbox, nil)
		if e, ok := errors.AsType[*imapdial.Error](err); !ok || !errors.Is(err, context.Canceled) || e.Addr != exoauth.Global.IMAP || e.Username != mailbox {
			t.Errorf("error %#v", err)
		}
	})
	t.Run("source that fails", func(t *testing.T) {
		failure := errors.New("no token today")
		_, err := imapdial.Dial(t.Context(), mailbox, sourceFunc(func(context.Context) (*oauth2.Token, error) { return nil, failure }))
		if e, ok := errors.AsType[*imapdial.Error](err); !ok || e.Op != imapdial.OpToken || !errors.Is(err, failure) {
			t.Errorf("error %v, want that of the source", err)
		}
	})
}

// An error has all that a person needs to know, in words.
func TestErrorOfADial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := elsewhere(t, nil)
		d.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("nobody there") }
		_, err := d.Dial(t.Context(), mailbox)
		const want = `imapdial: connect "` + mailbox + `" at ` + mailtest.Host + `:993: nobody there`
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
		if e, ok := errors.AsType[*imapdial.Error](err); !ok || e.Addr != mailtest.Host+":993" || e.Username != mailbox || e.Server != "" {
			t.Errorf("error %#v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, greeted(func(p *mailtest.Peer, tag string) { p.Say(tag + " NO AUTHENTICATE failed.") }))
		_, err := d.Dial(t.Context(), mailbox)
		const want = `imapdial: authenticate "` + mailbox + `" at outlook.office365.com:993: imap: NO AUTHENTICATE failed. (front end ` + frontEnd + `)`
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	})
}

// A second refusal, and the first one, are told; a goodbye is no refusal.
func TestErrorAfterARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connections := 0
		d := scripted(t, func(p *mailtest.Peer) {
			if connections++; connections == 2 {
				open(p)
				return
			}
			p.Say(greeting)
			p.Say(p.Tag("AUTHENTICATE") + " NO AUTHENTICATE failed.")
			p.Tag("AUTHENTICATE")
			p.Say("* BYE Connection is closed. 13")
		})
		d.TokenSource = &renewingSource{tokens: []string{"stale", "fresh"}}
		c, err := d.Dial(t.Context(), mailbox)
		if err != nil || connections != 2 {
			t.Fatalf("error %v after %d connections, want the second one to be open", err, connections)
		}
		c.Close()
	})
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, refusing("NO AUTHENTICATE failed."))
		d.TokenSource = &renewingSource{tokens: []string{"stale", "fresh"}}
		_, err := d.Dial(t.Context(), mailbox)
		if err == nil || strings.Contains(err.Error(), "%!") || strings.Count(err.Error(), "AUTHENTICATE failed.") != 1 {
			t.Errorf("error %v, want the same words once", err)
		}
	})
}
