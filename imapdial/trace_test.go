package imapdial_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/trace"
)

// attempts returns how often the clients of the server have authenticated.
func (e exchange) attempts() (n int) {
	for _, session := range e.Sessions() {
		n += session.Attempts
	}
	return n
}

// The hook tells of the step that failed, and of as many tokens as the server
// was sent.
func TestTraceOfDials(t *testing.T) {
	for name, row := range map[string]struct {
		change func(e exchange, d *imapdial.Dialer)
		user   string
		step   imapdial.Op
	}{
		"works":         {func(exchange, *imapdial.Dialer) {}, mailbox, ""},
		"user name bad": {func(exchange, *imapdial.Dialer) {}, "a\x01b", imapdial.OpAuthenticate},
		"no token": {func(_ exchange, d *imapdial.Dialer) { d.TokenSource = failingSource{} }, mailbox,
			imapdial.OpToken},
		"no connection": {func(_ exchange, d *imapdial.Dialer) {
			d.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("unplugged") }
		}, mailbox, imapdial.OpConnect},
		"not trusted": {func(_ exchange, d *imapdial.Dialer) { d.TLSConfig = nil }, mailbox, imapdial.OpTLS},
		"token refused": {func(e exchange, d *imapdial.Dialer) {
			d.TokenSource = staticSource(e.app.Token(&exchangetest.TokenOptions{Lifetime: -time.Hour}))
		}, mailbox, imapdial.OpAuthenticate},
		"token refused, next accepted": {func(e exchange, d *imapdial.Dialer) {
			d.TokenSource = &renewing{e.app.Token(&exchangetest.TokenOptions{Lifetime: -time.Hour}), e.app.Token(nil)}
		}, mailbox, ""},
		"mailbox does not open": {func(e exchange, _ *imapdial.Dialer) {
			do(e.Tenant(), "Set-CASMailbox "+mailbox+" -ImapEnabled $false")
		}, mailbox, imapdial.OpOpen},
	} {
		t.Run(name, func(t *testing.T) {
			e, events := newExchange(t), new(mailtest.Events)
			d := e.dialer(e.app.Token(nil))
			d.Trace = events.Hooks()
			row.change(e, d)
			conn, err := d.DialConn(t.Context(), row.user)
			if err == nil {
				defer conn.Close()
			}
			dials := mailtest.EventsOf[trace.Dial](events, "Dial")
			if len(dials) != 1 {
				t.Fatalf("dials %+v, want one", dials)
			}
			got := dials[0]
			if got.Step != string(row.step) || got.Err != err || got.Protocol != "imap" || got.Username != row.user {
				t.Errorf("dial %+v, want step %q and error %v", got, row.step, err)
			}
			if want := e.attempts(); got.Tokens != want {
				t.Errorf("%d tokens, the server saw %d", got.Tokens, want)
			}
			reached := map[imapdial.Op]int{imapdial.OpConnect: 1, imapdial.OpTLS: 2, imapdial.OpAuthenticate: 3, imapdial.OpOpen: 4, "": 4}[row.step]
			if got.Tokens == 0 && row.step == imapdial.OpAuthenticate || row.step == imapdial.OpToken {
				reached = 0 // nothing was sent
			}
			for i, took := range []time.Duration{got.Steps.Connect, got.Steps.TLS, got.Steps.Authenticate, got.Steps.Open} {
				if (took > 0) != (i < reached) && row.step != imapdial.OpToken {
					t.Errorf("step %d of %+v took %v", i, got.Steps, took)
				}
			}
		})
	}
}

type failingSource struct{}

func (failingSource) Token() (*oauth2.Token, error) { return nil, errors.New("no token") }

// renewing has a token for after the first was refused.
type renewing struct{ first, next string }

func (r *renewing) Token() (*oauth2.Token, error) { return &oauth2.Token{AccessToken: r.first}, nil }
func (r *renewing) Invalidate(*oauth2.Token)      { r.first = r.next }

// The times of the steps, by a clock that stands still between them.
func TestTraceOfTheSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := new(mailtest.Events)
		d := scripted(t, greeted(func(p *mailtest.Peer, tag string) {
			time.Sleep(4 * time.Second)
			p.Say(tag + " NO AUTHENTICATE failed.")
		}))
		d.Trace, d.MaxDials = events.Hooks(), 1
		connect := d.DialContext
		d.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			time.Sleep(2 * time.Second)
			return connect(ctx, network, addr)
		}
		for range 2 {
			go d.DialConn(t.Context(), mailbox)
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		dials := mailtest.EventsOf[trace.Dial](events, "Dial")
		if len(dials) != 2 {
			t.Fatalf("dials %+v, want two", dials)
		}
		for i, dial := range dials {
			queue := time.Duration(i) * 6 * time.Second
			want := trace.Steps{Queue: queue, Connect: 2 * time.Second, Authenticate: 4 * time.Second}
			if dial.Steps != want || dial.Took != queue+6*time.Second {
				t.Errorf("dial %d took %v: %+v, want %+v", i, dial.Took, dial.Steps, want)
			}
		}
	})
}

// Keep tells of each session, and of the pauses between them.
func TestTraceOfKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := new(mailtest.Events)
		l := servers(t, answering(time.Hour, "* BYE "+expired), nil, refusing("NO "+throttledFor+"60000 milliseconds"), forever)
		l.Trace = events.Hooks()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
		defer cancel()
		l.Keep(ctx, mailbox, nil, noops)
		begun, ended := mailtest.EventsOf[trace.Session](events, "SessionBegin"), mailtest.EventsOf[trace.Session](events, "SessionEnd")
		if len(begun) != 2 || len(ended) != 2 {
			t.Fatalf("sessions begun %+v, ended %+v, want two", begun, ended)
		}
		if !imapdial.Expired(ended[0].Err) || ended[0].Held != time.Hour || ended[1].Held <= time.Hour {
			t.Errorf("sessions %+v, want one that has expired after an hour, and one of almost two", ended)
		}
		dials, pauses := mailtest.EventsOf[trace.Dial](events, "Dial"), mailtest.EventsOf[trace.Backoff](events, "Backoff")
		if len(dials) != len(l.dials) || len(pauses) != len(l.dials)-1 {
			t.Fatalf("%d dials, %d pauses, the server saw %d dials", len(dials), len(pauses), len(l.dials))
		}
		if pauses[0].Wait != 0 || pauses[2].Wait != time.Minute || pauses[2].Try != 3 || dials[1].Step != string(imapdial.OpConnect) {
			t.Errorf("pauses %+v, dials %+v", pauses, dials)
		}
	})
}

// On the emulator, ten mailboxes at once.
func TestTraceOfKeepEqualsTheServer(t *testing.T) {
	imapdial.SetPauses(t, time.Millisecond, 2*time.Millisecond, time.Hour)
	e, events := newExchange(t), new(mailtest.Events)
	d := e.dialer(e.app.Token(nil))
	d.Trace = events.Hooks()
	done := make(chan error)
	for range 10 {
		go func() {
			sessions := 0
			done <- d.Keep(t.Context(), mailbox, nil, func(context.Context, *imapclient.Client) error {
				if sessions++; sessions < 3 {
					return imapdial.ErrDialAgain
				}
				return nil
			})
		}()
	}
	for range 10 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	want := len(e.Sessions())
	for name, n := range map[string]int{"Dial": want, "SessionBegin": want, "SessionEnd": want, "Backoff": want - 10} {
		if got := events.Count(name); got != n || want != 30 {
			t.Errorf("%d calls of %s, the server saw %d sessions, want 30", got, name, want)
		}
	}
}
