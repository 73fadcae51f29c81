package imapdial_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
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

// idle waits for the end of the session, as a service does that waits for mail.
func idle(ctx context.Context, c *imapclient.Client) error {
	idle, err := c.Idle()
	if err != nil {
		return err
	}
	<-ctx.Done()
	idle.Close()
	return context.Cause(ctx)
}

// idled plays a server that lets a client idle for two minutes.
func idled(rest func(p *mailtest.Peer, tag string)) mailtest.Script {
	return after(func(p *mailtest.Peer) {
		tag := p.Tag("IDLE")
		p.Say("+ IDLE accepted, awaiting DONE command.")
		time.Sleep(2 * time.Minute)
		rest(p, tag)
	})
}

// However a session ends, Keep dials again, and the context of f says why.
func TestKeepHangsOnNothing(t *testing.T) {
	for name, test := range map[string]struct {
		play   mailtest.Script
		f      func(context.Context, *imapclient.Client) error
		why    string // in the cause of the context of f
		within time.Duration
	}{
		"line that go-imap cannot parse": {idled(func(p *mailtest.Peer, _ string) { p.Say(`* LIST (\HasNoChildren garbage`); mailtest.Silence(p) }), idle, "LIST", 2 * time.Minute},
		"tag that go-imap does not know": {idled(func(p *mailtest.Peer, _ string) { p.Say("Z9 OK done"); mailtest.Silence(p) }), idle, `unknown tag "Z9"`, 2 * time.Minute},
		"BYE alone":                      {idled(func(p *mailtest.Peer, _ string) { p.Say("* BYE Server shutting down") }), idle, "Server shutting down", 2 * time.Minute},
		"BYE, then a tagged response":    {idled(func(p *mailtest.Peer, tag string) { p.Say("* BYE Server shutting down", tag+" OK IDLE terminated") }), idle, "Server shutting down", 2 * time.Minute},
		"BYE, a tagged response, and the server stays": {idled(func(p *mailtest.Peer, tag string) {
			p.Say("* BYE Server shutting down", tag+" OK IDLE terminated")
			mailtest.Silence(p)
		}), idle, "Server shutting down", 2*time.Minute + 10*time.Second},
		"half a line, then silence":      {idled(func(p *mailtest.Peer, _ string) { p.Raw("* 5 EXI"); mailtest.Silence(p) }), idle, "timeout", 3 * time.Minute},
		"no answer to a command":         {after(mailtest.Silence), noops, "no answer within 10m0s", 10*time.Minute + 10*time.Second},
		"no answer when IDLE is begun":   {after(mailtest.Silence), idle, "no answer within 10m0s", 10 * time.Minute},
		"no answer when IDLE is renewed": {idled(func(p *mailtest.Peer, _ string) { mailtest.Silence(p) }), idle, "no answer within 10m0s", 38 * time.Minute},
		"half of an answer":              {after(func(p *mailtest.Peer) { p.Tag("NOOP"); p.Say("* 5 EXISTS"); mailtest.Silence(p) }), noops, "no answer within 10m0s", 10*time.Minute + 10*time.Second},
		"half of the answer to DONE": {after(func(p *mailtest.Peer) {
			p.Tag("IDLE")
			p.Say("+ IDLE accepted, awaiting DONE command.", "* 5 EXISTS")
			p.Hear()
			p.Say("* 6 EXISTS")
			mailtest.Silence(p)
		}), func(ctx context.Context, c *imapclient.Client) error {
			idle, err := c.Idle()
			if err != nil {
				return err
			}
			time.Sleep(20 * time.Minute)
			idle.Close()
			return idle.Wait()
		}, "no answer within 10m0s", 30 * time.Minute},
		"answer to the first of two commands": {after(func(p *mailtest.Peer) {
			first, _ := p.Tag("NOOP"), p.Tag("NOOP")
			p.Say(first + " OK NOOP completed.")
			mailtest.Silence(p)
		}), func(ctx context.Context, c *imapclient.Client) error {
			first, second := c.Noop(), c.Noop()
			return errors.Join(first.Wait(), second.Wait())
		}, "no answer within 10m0s", 10 * time.Minute},
		"client that closes without a why": {after(refuseLiteral), appendTwice, "imapclient has closed the connection", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
				defer cancel()
				start, calls := time.Now(), 0
				err := servers(t, test.play, forever).Keep(ctx, mailbox, nil, func(ctx context.Context, c *imapclient.Client) error {
					if calls++; calls > 1 {
						return nil
					}
					err := test.f(ctx, c)
					synctest.Wait()
					if took := time.Since(start); took > test.within {
						t.Errorf("the session ended after %v, want %v", took, test.within)
					}
					if cause, ok := errors.AsType[*imapdial.Error](context.Cause(ctx)); !ok || cause.Op != imapdial.OpSession || !strings.Contains(cause.Error(), test.why) {
						t.Errorf("cause %v, want %q", context.Cause(ctx), test.why)
					}
					return err
				})
				if err != nil || calls != 2 {
					t.Errorf("f was called %d times, error %v", calls, err)
				}
			})
		})
	}
}

func refuseLiteral(p *mailtest.Peer) {
	p.Say(p.Tag("APPEND") + " NO [TRYCREATE] no such folder")
	mailtest.Silence(p)
}

// appendTwice goes on after a message was refused, although imapclient has
// closed the connection then.
func appendTwice(_ context.Context, c *imapclient.Client) error {
	var err error
	for range 2 {
		cmd := c.Append("Archive", 10_000, nil)
		io.WriteString(cmd, strings.Repeat("x", 10_000))
		cmd.Close()
		_, err = cmd.Wait()
	}
	return err
}

// What a server answers to f is the error of f, even where imapclient closes
// the connection because of it.
func TestKeepReturnsARefusedLiteral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := servers(t, after(refuseLiteral), forever)
		err := l.Keep(t.Context(), mailbox, nil, func(ctx context.Context, c *imapclient.Client) error {
			cmd := c.Append("Archive", 10_000, nil)
			io.WriteString(cmd, strings.Repeat("x", 10_000))
			cmd.Close()
			_, err := cmd.Wait()
			synctest.Wait()
			return err
		})
		if answer, ok := errors.AsType[*imap.Error](err); !ok || answer.Code != imap.ResponseCodeTryCreate || len(l.dials) != 1 {
			t.Errorf("error %v after %d dials, want the server's answer", err, len(l.dials))
		}
	})
}

// Keep and its context do not wait for a client that cannot end.
func TestKeepLeavesAStuckClient(t *testing.T) {
	message := mailtest.Script(after(func(p *mailtest.Peer) {
		p.Tag("FETCH")
		p.Raw("* 1 FETCH (BODY[] {10000}\r\n" + strings.Repeat("x", 10_000) + ")\r\n")
		mailtest.Silence(p)
	}))
	for name, test := range map[string]struct {
		cancel bool // the caller's context, while f runs
		within time.Duration
	}{
		"f returns":        {false, time.Second},
		"the context ends": {true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				own := errors.New("the database is down")
				var fetch *imapclient.FetchCommand
				start := time.Now()
				err := servers(t, message).Keep(ctx, mailbox, nil, func(ctx context.Context, c *imapclient.Client) error {
					fetch = c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{}}})
					fetch.Next().Next() // and leaves the message unread
					if test.cancel {
						cancel()
					}
					return own
				})
				if took := time.Since(start); took > test.within {
					t.Errorf("Keep took %v, want %v", took, test.within)
				}
				if test.cancel && !errors.Is(err, context.Canceled) || !test.cancel && err != own {
					t.Errorf("error %v", err)
				}
				fetch.Close() // so that imapclient ends
			})
		})
	}
}

// A client that f closes is not replaced, whatever the server was about to say.
func TestKeepKnowsTheWillOfF(t *testing.T) {
	own := errors.New("enough")
	for name, test := range map[string]struct {
		play mailtest.Script
		f    func(ctx context.Context, c *imapclient.Client) error
	}{
		"closes in the middle of a response": {after(func(p *mailtest.Peer) { p.Raw("* 5 EXI"); mailtest.Silence(p) }), func(_ context.Context, c *imapclient.Client) error {
			synctest.Wait()
			c.Close()
			return own
		}},
		"closes and waits for its context": {after(mailtest.Silence), func(ctx context.Context, c *imapclient.Client) error {
			c.Close()
			<-ctx.Done()
			return own
		}},
		"LOGOUT without the tagged response": {after(func(p *mailtest.Peer) { p.Tag("LOGOUT"); p.Say("* BYE signing off") }), func(ctx context.Context, c *imapclient.Client) error {
			c.Logout().Wait()
			<-ctx.Done()
			return own
		}},
		"LOGOUT, and the server stays": {after(func(p *mailtest.Peer) {
			tag := p.Tag("LOGOUT")
			p.Say("* BYE signing off", tag+" OK LOGOUT completed.")
			mailtest.Silence(p)
		}), func(ctx context.Context, c *imapclient.Client) error {
			c.Logout().Wait()
			<-ctx.Done()
			return own
		}},
		"answer of another mailbox": {after(mailtest.Silence), func(ctx context.Context, c *imapclient.Client) error {
			return fmt.Errorf("%w: %w", own, &imapdial.Error{Op: imapdial.OpOpen, Err: &imap.Error{Type: imap.StatusResponseTypeBad, Text: notConnectedLine}})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				l := servers(t, test.play, forever)
				if err := l.Keep(ctx, mailbox, nil, test.f); !errors.Is(err, own) || len(l.dials) != 1 {
					t.Errorf("error %v after %d dials, want that of f after one", err, len(l.dials))
				}
			})
		})
	}
}

// A line of a message that is no command is not taken for the client's LOGOUT.
func TestKeepReadsNoLogoutInAMessage(t *testing.T) {
	const body = "Subject: x\r\n\r\nT2 LOGOUT\r\n"
	synctest.Test(t, func(t *testing.T) {
		l := servers(t, after(func(p *mailtest.Peer) {
			tag := p.Tag("APPEND")
			p.Say("+ go on")
			io.CopyN(io.Discard, p, int64(len(body)+2))
			p.Say(tag+" OK APPEND completed.", "* BYE Connection is closed. 13")
		}), forever)
		calls := 0
		err := l.Keep(t.Context(), mailbox, nil, func(ctx context.Context, c *imapclient.Client) error {
			if calls++; calls > 1 {
				return nil
			}
			cmd := c.Append("Archive", int64(len(body)), nil)
			io.WriteString(cmd, body)
			cmd.Close()
			if _, err := cmd.Wait(); err != nil {
				return err
			}
			<-ctx.Done()
			return context.Cause(ctx)
		})
		if err != nil || calls != 2 {
			t.Errorf("f was called %d times, error %v", calls, err)
		}
	})
}

// A source whose Invalidate, which has no context, waits for a lock.
type slowToForget struct{ oauth2.TokenSource }

func (slowToForget) Invalidate(*oauth2.Token) { time.Sleep(time.Hour) }

func TestKeepDoesNotWaitForInvalidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := servers(t, answering(time.Hour, "* BYE "+expired), forever)
		l.TokenSource = slowToForget{staticSource(secretToken)}
		ctx, cancel := context.WithTimeout(t.Context(), 61*time.Minute)
		defer cancel()
		start := time.Now()
		if err := l.Keep(ctx, mailbox, nil, noops); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if took := time.Since(start); took != 61*time.Minute {
			t.Errorf("Keep took %v, want 61 minutes", took)
		}
		time.Sleep(time.Hour) // for Invalidate
	})
}

// unread is a connection whose peer stops reading at some time, so that a
// Write waits. Like that of ssh it knows no deadlines.
type unread struct {
	net.Conn
	once    sync.Once
	stalled *bool
	closed  chan struct{}
}

func (c *unread) Write(p []byte) (int, error) {
	if *c.stalled {
		<-c.closed
		return 0, io.EOF
	}
	return c.Conn.Write(p)
}

func (c *unread) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func (c *unread) SetDeadline(time.Time) error      { return errors.ErrUnsupported }
func (c *unread) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (c *unread) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }

// The goodbye of TLS does not keep Close waiting for a server that does not
// read.
func TestCloseDoesNotWaitForTheServer(t *testing.T) {
	for name, end := range map[string]func(c *imapclient.Client, cancel func()){
		"Close of the client": func(c *imapclient.Client, _ func()) { c.Close() },
		"end of the context":  func(_ *imapclient.Client, cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stalled := false
				l := servers(t, after(mailtest.Silence))
				connect := l.DialContext
				l.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := connect(ctx, network, addr)
					return &unread{Conn: conn, stalled: &stalled, closed: make(chan struct{})}, err
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				start := time.Now()
				l.Keep(ctx, mailbox, nil, func(ctx context.Context, c *imapclient.Client) error {
					stalled = true
					end(c, cancel)
					<-ctx.Done()
					return nil
				})
				if took := time.Since(start); took > 100*time.Millisecond {
					t.Errorf("took %v, want 100 ms at the most", took)
				}
				time.Sleep(100 * time.Millisecond) // for the Close that came first
			})
		})
	}
}

// A server that says goodbye and stays, on a connection without deadlines.
func TestByeWithoutDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stalled := false
		d := scripted(t, after(func(p *mailtest.Peer) { p.Say("* BYE " + expired); mailtest.Silence(p) }))
		connect := d.DialContext
		d.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := connect(ctx, network, addr)
			return &unread{Conn: conn, stalled: &stalled, closed: make(chan struct{})}, err
		}
		c, err := d.Dial(t.Context(), mailbox)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		<-c.Closed()
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("closed after %v, want 10 s", took)
		}
	})
}
