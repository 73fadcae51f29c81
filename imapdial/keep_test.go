package imapdial_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

const throttledFor = "Request is throttled. Suggested Backoff Time: "

// line-up of servers, one for each connection; the last serves all that follow.
type lineUp struct {
	*imapdial.Dialer
	start time.Time
	dials []time.Duration // when, since start
}

func servers(t testing.TB, plays ...mailtest.Script) *lineUp {
	l := &lineUp{Dialer: scripted(t, nil), start: time.Now()}
	l.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		play := plays[min(len(l.dials), len(plays)-1)]
		l.dials = append(l.dials, time.Since(l.start))
		if play == nil {
			return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
		}
		return mailtest.OverTLS(play).For(t)(ctx, network, addr)
	}
	return l
}

// noops asks every ten seconds, as long as the session lasts.
func noops(ctx context.Context, c *imapclient.Client) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Second):
			if err := c.Noop().Wait(); err != nil {
				return err
			}
		}
	}
}

// answering plays a server that answers NOOP for d and then says lines, of
// which the first word may be "tag".
func answering(d time.Duration, lines ...string) mailtest.Script {
	return after(func(p *mailtest.Peer) { answer(p, d, lines...) })
}

func answer(p *mailtest.Peer, d time.Duration, lines ...string) {
	for end := time.Now().Add(d); ; {
		tag, ok := p.Next("NOOP")
		if !ok {
			return
		}
		if time.Now().Before(end) {
			p.Say(tag + " OK NOOP completed.")
			continue
		}
		for _, line := range lines {
			p.Say(strings.Replace(line, "tag", tag, 1))
		}
		return
	}
}

var forever = answering(365 * 24 * time.Hour)

// refusing plays a server that answers text to each AUTHENTICATE.
func refusing(text string) mailtest.Script {
	return greeted(func(p *mailtest.Peer, tag string) {
		for ok := true; ok; tag, ok = p.Next("AUTHENTICATE") {
			p.Say(tag + " " + text)
		}
	})
}

// between is a time between two dials, from and to inclusive.
type between struct{ from, to time.Duration }

func exactly(d time.Duration) between { return between{d, d} }

func TestKeepDialsAgain(t *testing.T) {
	const hour, long = time.Hour, 10 * time.Second // long: noops notices the end at the next NOOP
	for name, test := range map[string]struct {
		plays []mailtest.Script
		want  []between // from one dial to the next
	}{
		"at once after the token expired": {
			[]mailtest.Script{answering(hour, "* BYE "+expired), forever}, []between{exactly(hour)}},
		"with back-off after a token that expired at once": {
			[]mailtest.Script{after(func(p *mailtest.Peer) { p.Say("* BYE " + expired) }), forever}, []between{{time.Second / 2, time.Second}}},
		"after the server's own time, NO": {
			[]mailtest.Script{answering(hour, "tag NO "+throttledFor+"299609 milliseconds"), forever}, []between{exactly(hour + 299609*time.Millisecond)}},
		"after the server's own time, BAD and BYE": {
			[]mailtest.Script{answering(hour, "tag BAD "+throttledFor+"89117 milliseconds", "* BYE Connection closed. 14"), forever}, []between{exactly(hour + 89117*time.Millisecond)}},
		"after the server's own time, to AUTHENTICATE": {
			[]mailtest.Script{refusing("NO " + throttledFor + "60000 milliseconds"), forever}, []between{exactly(time.Minute)}},
		"server's own time of a day": {
			[]mailtest.Script{refusing("NO " + throttledFor + "86400000 milliseconds"), forever}, []between{exactly(15 * time.Minute)}},
		"server's own time of nothing": {
			[]mailtest.Script{refusing("NO " + throttledFor + "0 milliseconds"), forever}, []between{{time.Second / 2, time.Second}}},
		"server's own time of a millisecond": {
			[]mailtest.Script{refusing("NO " + throttledFor + "1 milliseconds"), forever}, []between{exactly(time.Second)}},
		"connection lost": {
			[]mailtest.Script{answering(hour), forever}, []between{{hour + time.Second/2, hour + time.Second}}},
		"BYE of an idle session": {
			[]mailtest.Script{answering(hour, "* BYE Connection is closed. 13"), forever}, []between{{hour + time.Second/2, hour + time.Second}}},
		"words that are no IMAP": {
			[]mailtest.Script{answering(hour, ")("), forever}, []between{{hour + time.Second/2, hour + time.Second}}},
		"server unavailable, session stands": {
			[]mailtest.Script{answering(hour, "tag NO Server Unavailable. 15"), forever}, []between{{hour + time.Second/2, hour + time.Second}}},
		"back-off doubles, session resets it": {
			[]mailtest.Script{nil, nil, nil, answering(hour), nil, forever},
			[]between{{time.Second / 2, time.Second}, {time.Second, 2 * time.Second}, {2 * time.Second, 4 * time.Second},
				{hour + time.Second/2, hour + time.Second}, {time.Second, 2 * time.Second}}},
		"a session that is closed at once does not reset it": {
			[]mailtest.Script{nil, nil, after(func(*mailtest.Peer) {}), forever},
			[]between{{time.Second / 2, time.Second}, {time.Second, 2 * time.Second}, {2 * time.Second, 4 * time.Second}}},
		"a session of ten seconds resets it": {
			[]mailtest.Script{nil, nil, answering(0), nil, forever},
			[]between{{time.Second / 2, time.Second}, {time.Second, 2 * time.Second}, {long + time.Second/2, long + time.Second}, {time.Second, 2 * time.Second}}},
		"words that are no IMAP, to AUTHENTICATE": {
			[]mailtest.Script{greeted(func(p *mailtest.Peer, _ string) { p.Say(")(") }), forever}, []between{{time.Second / 2, time.Second}}},
		"greeting says BYE": {
			[]mailtest.Script{func(p *mailtest.Peer) { p.Say("* BYE too many connections") }, forever}, []between{{time.Second / 2, time.Second}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := servers(t, test.plays...)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
				defer cancel()
				if err := l.Keep(ctx, mailbox, nil, noops); !errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("error %v, want that of the context", err)
				}
				if len(l.dials) != len(test.want)+1 {
					t.Fatalf("dials at %v, want %d", l.dials, len(test.want)+1)
				}
				for i, want := range test.want {
					if got := l.dials[i+1] - l.dials[i]; got < want.from || got > want.to {
						t.Errorf("dial %d after %v, want %v to %v", i+2, got, want.from, want.to)
					}
				}
			})
		})
	}
}

func TestKeepBackoffIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := servers(t, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		l.Keep(ctx, mailbox, nil, noops)
		last := l.dials[len(l.dials)-1] - l.dials[len(l.dials)-2]
		if last < 150*time.Second || last > 5*time.Minute {
			t.Errorf("after a day, %v between two dials, want 2.5 to 5 minutes", last)
		}
	})
}

// f may have a session replaced that Keep takes for good.
func TestKeepDialsAgainForF(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := servers(t, forever)
		sessions := 0
		err := l.Keep(t.Context(), mailbox, nil, func(ctx context.Context, c *imapclient.Client) error {
			if sessions++; sessions == 3 {
				return nil
			}
			return fmt.Errorf("no answer for a minute: %w", imapdial.ErrDialAgain)
		})
		if err != nil || len(l.dials) != 3 {
			t.Errorf("error %v after %d dials, want none after 3", err, len(l.dials))
		}
	})
}

// The next dial waits for the back-off alone: the reader of the last session
// has ended with f.
func TestKeepDoesNotWaitForTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := servers(t, forever)
		l.Keep(t.Context(), mailbox, nil, func(context.Context, *imapclient.Client) error {
			if len(l.dials) == 2 {
				return nil
			}
			return imapdial.ErrDialAgain
		})
		if len(l.dials) != 2 || l.dials[1] > time.Second {
			t.Errorf("dials at %v, want the second within the second that the first back-off takes at most", l.dials)
		}
	})
}

// The error of a Keep that ends between two sessions has the reason of the last
// one's end.
func TestKeepTellsWhyThereIsNoSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := servers(t, after(func(p *mailtest.Peer) { p.Say("* BYE " + expired) }), nil)
		ctx, cancel := context.WithCancel(t.Context())
		l.Logger = slog.New(slog.NewTextHandler(writerFunc(func(p []byte) {
			if strings.Contains(string(p), "dialing again") {
				cancel() // in the back-off of the session, before any other dial
			}
		}), nil))
		err := l.Keep(ctx, mailbox, nil, func(ctx context.Context, _ *imapclient.Client) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		if !errors.Is(err, context.Canceled) || !imapdial.Expired(err) || len(l.dials) != 1 {
			t.Errorf("error %v after %d dials, want that of the context and that of the session", err, len(l.dials))
		}
	})
}

// What would be a wrong setting at first is an outage later.
func TestKeepOutlivesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := servers(t, answering(time.Hour))
		serve, dials := l.DialContext, 0
		l.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials++; dials > 1 && dials < 5 {
				return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}}
			}
			return serve(ctx, network, addr)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Minute)
		defer cancel()
		if err := l.Keep(ctx, mailbox, nil, noops); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want that of the context", err)
		}
		if dials != 5 {
			t.Errorf("%d dials, want 5", dials)
		}
	})
}

// A source without Invalidate may go on to give a token that the server takes
// for expired; one with it is told.
func TestKeepAfterTheTokenExpired(t *testing.T) {
	t.Run("source that is told", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := servers(t, answering(time.Hour, "* BYE "+expired), forever)
			src := &renewingSource{tokens: []string{"stale", "fresh"}}
			l.TokenSource = src
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
			defer cancel()
			l.Keep(ctx, mailbox, nil, noops)
			if !slices.Equal(src.refused, []string{"stale"}) {
				t.Errorf("told the source of %q, want the token of the session", src.refused)
			}
		})
	})
	t.Run("source that is slow to notice", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			refused := refusing("NO AUTHENTICATE failed.")
			l := servers(t, answering(time.Hour, "* BYE "+expired), refused, refused, forever)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
			defer cancel()
			if err := l.Keep(ctx, mailbox, nil, noops); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want that of the context", err)
			}
		})
	})
	t.Run("server that says nothing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := servers(t, answering(time.Hour), forever)
			l.TokenSource = sourceFunc(func(context.Context) (*oauth2.Token, error) {
				return &oauth2.Token{AccessToken: "t", Expiry: l.start.Add(time.Hour)}, nil
			})
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
			defer cancel()
			l.Keep(ctx, mailbox, nil, noops)
			if len(l.dials) != 2 || l.dials[1] != time.Hour {
				t.Errorf("dials at %v, want the second at once", l.dials)
			}
		})
	})
}

func TestKeepReturnsWithF(t *testing.T) {
	own := errors.New("the database is down")
	temporary := temporaryError(true) // of something that is no mail server
	for name, test := range map[string]struct {
		f    func(context.Context, *imapclient.Client) error
		want error
	}{
		"nil":                   {func(context.Context, *imapclient.Client) error { return nil }, nil},
		"error of its own":      {func(context.Context, *imapclient.Client) error { return own }, own},
		"temporary, of its own": {func(context.Context, *imapclient.Client) error { return temporary }, temporary},
		"of another mailbox, by way of an Error": {func(context.Context, *imapclient.Client) error {
			return &imapdial.Error{Op: imapdial.OpConnect, Err: temporary}
		}, temporary},
		"nil, after it closed the client": {func(_ context.Context, c *imapclient.Client) error {
			c.Close()
			return nil
		}, nil},
		"error, after it closed the client": {func(_ context.Context, c *imapclient.Client) error {
			c.Close()
			return own
		}, own},
		"nil, after LOGOUT": {func(_ context.Context, c *imapclient.Client) error {
			err := c.Logout().Wait()
			<-c.Closed()
			return err
		}, nil},
		"refusal of a command": {func(_ context.Context, c *imapclient.Client) error {
			return fmt.Errorf("opening: %w", &imap.Error{Type: imap.StatusResponseTypeNo, Text: "no such folder"})
		}, &imap.Error{Type: imap.StatusResponseTypeNo, Text: "no such folder"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := servers(t, after(func(p *mailtest.Peer) {
					if tag, ok := p.Next("LOGOUT"); ok {
						p.Say("* BYE signing off", tag+" OK LOGOUT completed.")
					}
				}))
				err := l.Keep(t.Context(), mailbox, nil, test.f)
				if test.want == nil && err != nil || test.want != nil && !strings.Contains(fmt.Sprint(err), test.want.Error()) {
					t.Errorf("error %v, want %v", err, test.want)
				}
				if e, ok := errors.AsType[*imapdial.Error](err); ok && e.Op == imapdial.OpSession {
					t.Errorf("error %v, want it as it is", err)
				}
				if len(l.dials) != 1 {
					t.Errorf("%d dials, want 1", len(l.dials))
				}
			})
		})
	}
}

// The context of f ends with the session, and its cause has the last words.
func TestKeepEndsTheContextOfF(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := servers(t, after(func(p *mailtest.Peer) {
			time.Sleep(time.Hour)
			p.Say("* BYE " + expired)
		}), forever)
		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("enough")
		var causes []error
		err := l.Keep(ctx, mailbox, nil, func(ctx context.Context, c *imapclient.Client) error {
			if len(causes) == 1 {
				time.AfterFunc(time.Minute, func() { cancel(enough) })
			}
			<-ctx.Done()
			causes = append(causes, context.Cause(ctx))
			return nil
		})
		if !errors.Is(err, context.Canceled) || !errors.Is(err, enough) {
			t.Errorf("error %v, want that of the context and its cause", err)
		}
		if len(causes) != 2 || !imapdial.Expired(causes[0]) || causes[1] != enough {
			t.Errorf("causes %v, want the server's words and the caller's", causes)
		}
		if e, ok := errors.AsType[*imapdial.Error](causes[0]); !ok || e.Op != imapdial.OpSession || e.Server != frontEnd {
			t.Errorf("cause %#v, want an Error of the session", causes[0])
		}
	})
}

// IDLE for a day and a night, over sessions that end with their tokens every
// hour: no message is missed.
func TestKeepIdlesForHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		arrived := func() uint32 { return uint32(time.Since(start)/(20*time.Minute)) + 1 } // messages so far
		l := servers(t, after(func(p *mailtest.Peer) { idling(p, time.Hour, arrived) }))
		changed := make(chan struct{}, 1)
		l.Options = &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
			Mailbox: func(*imapclient.UnilateralDataMailbox) {
				select {
				case changed <- struct{}{}:
				default:
				}
			},
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour+time.Minute)
		defer cancel()
		var seen uint32
		err := l.Keep(ctx, mailbox, nil, func(ctx context.Context, c *imapclient.Client) error {
			for {
				inbox, err := c.Select("INBOX", nil).Wait()
				if err != nil {
					return err
				}
				if inbox.NumMessages > seen+1 {
					t.Errorf("%v: from %d to %d messages at once", time.Since(start), seen, inbox.NumMessages)
				}
				seen = inbox.NumMessages
				idle, err := c.Idle()
				if err != nil {
					return err
				}
				select {
				case <-changed:
				case <-ctx.Done():
				}
				if err := errors.Join(idle.Close(), idle.Wait()); err != nil {
					return err
				}
			}
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want that of the context", err)
		}
		if seen != 24*3+1 || len(l.dials) != 25 {
			t.Errorf("saw %d messages in %d sessions, want 73 in 25", seen, len(l.dials))
		}
	})
}

// idling plays a server with a mailbox that grows, until the token expires
// after life.
func idling(p *mailtest.Peer, life time.Duration, arrived func() uint32) {
	end := time.After(life)
	heard := make(chan string)
	go func() {
		defer close(heard)
		for line := p.Hear(); line != ""; line = p.Hear() {
			heard <- line
		}
	}()
	told, tick, idle := uint32(0), time.NewTicker(time.Minute), ""
	defer tick.Stop()
	defer func() {
		for range heard {
		}
	}()
	defer p.Conn.Close()
	for {
		select {
		case <-end:
			p.Say("* BYE " + expired)
			return
		case <-tick.C:
			if n := arrived(); idle != "" && n > told {
				told = n
				p.Say(fmt.Sprintf("* %d EXISTS", n))
			}
		case line, ok := <-heard:
			tag, verb, _ := strings.Cut(line, " ")
			switch {
			case !ok:
				return
			case verb == "IDLE":
				idle = tag
				p.Say("+ IDLE accepted, awaiting DONE command.")
			case tag == "DONE":
				p.Say(idle + " OK IDLE completed.")
				idle = ""
			default:
				told = arrived()
				p.Say(fmt.Sprintf("* %d EXISTS", told), tag+" OK done")
			}
		}
	}
}

func TestKeepLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := servers(t, nil, nil, answering(time.Hour, "* BYE "+expired), forever)
		l.Logger = slog.New(slog.NewTextHandler(&out, nil))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		l.Keep(ctx, mailbox, nil, noops)
		var levels []string
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, "dialing again") {
				_, rest, _ := strings.Cut(line, "level=")
				levels = append(levels, strings.Fields(rest)[0])
			}
		}
		if want := []string{"INFO", "WARN", "INFO"}; !slices.Equal(levels, want) {
			t.Errorf("levels %v, want %v:\n%s", levels, want, &out)
		}
		if strings.Contains(out.String(), secretToken) || !strings.Contains(out.String(), "AccessTokenExpired") {
			t.Errorf("log:\n%s", &out)
		}
	})
}

// Many mailboxes whose outage ends at the same time do not come back in step.
func TestKeepHasJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const mailboxes = 50
		var mu sync.Mutex // guards dials and seen
		dials, seen := 0, make(map[time.Duration]bool)
		start := time.Now()
		d := scripted(t, nil)
		d.MaxDials = 10 * mailboxes // so that their pace does not spread them
		d.DialContext = func(context.Context, string, string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			if dials++; dials > mailboxes {
				seen[time.Since(start)] = true
			}
			return nil, &net.OpError{Op: "dial", Err: errors.New("unreachable")}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		done := make(chan error)
		for range mailboxes {
			go func() { done <- d.Keep(ctx, mailbox, nil, noops) }()
		}
		for range mailboxes {
			<-done
		}
		if len(seen) < mailboxes/2 {
			t.Errorf("%d mailboxes came back at %d times", mailboxes, len(seen))
		}
	})
}

func TestKeepOfANilFunction(t *testing.T) {
	d := &imapdial.Dialer{DialContext: func(context.Context, string, string) (net.Conn, error) {
		t.Error("dialled")
		return nil, errors.New("no network here")
	}}
	err := d.Keep(t.Context(), mailbox, nil, nil)
	if e, ok := errors.AsType[*imapdial.Error](err); !ok || e.Op != imapdial.OpSession || !strings.Contains(err.Error(), "f is nil") {
		t.Errorf("error %v", err)
	}
}

// The options of one Keep take the place of the Dialer's, and only for it.
func TestKeepOptions(t *testing.T) {
	const other = "orders@contoso.com"
	e := newExchange(t)
	e.Tenant().AddMailbox(other)
	e.Tenant().Grant(e.app, other)
	var ours, theirs bytes.Buffer
	d := e.dialer("no token at all")
	d.Options = &imapclient.Options{DebugWriter: &ours}
	signedIn := staticSource(e.app.Token(nil))
	for name, row := range map[string]struct {
		options *imapdial.KeepOptions
		opens   bool
	}{
		"nil":                   {nil, false},
		"zero":                  {new(imapdial.KeepOptions), false},
		"a token source":        {&imapdial.KeepOptions{TokenSource: signedIn}, true},
		"and imapclient's, too": {&imapdial.KeepOptions{TokenSource: signedIn, Options: &imapclient.Options{DebugWriter: &theirs}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			ours.Reset()
			theirs.Reset()
			opened := false
			err := d.Keep(t.Context(), other, row.options, func(context.Context, *imapclient.Client) error { opened = true; return nil })
			if opened != row.opens || (err == nil) != row.opens || imapdial.Refused(err) == row.opens {
				t.Errorf("opened %t, error %v", opened, err)
			}
			if own := row.options != nil && row.options.Options != nil; (theirs.Len() > 0) != own || (ours.Len() > 0) == own {
				t.Errorf("the Dialer's writer has %d octets, the mailbox's %d", ours.Len(), theirs.Len())
			}
		})
	}
}
