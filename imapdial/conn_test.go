package imapdial_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

// talk is a client that says lines and reads the answers as they come.
type talk struct {
	net.Conn
	*bufio.Reader
}

func (t talk) Read(p []byte) (int, error) { return t.Reader.Read(p) }

// line returns the next line without its end.
func (t talk) line() (string, error) {
	line, err := t.ReadString('\n')
	return strings.TrimSuffix(line, "\r\n"), err
}

// dialConn returns a connection of d.
func dialConn(t *testing.T, d *imapdial.Dialer) talk {
	t.Helper()
	conn, err := d.DialConn(t.Context(), mailbox)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return talk{conn, bufio.NewReader(conn)}
}

const preauth = "* PREAUTH [CAPABILITY IMAP4 IMAP4REV1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+] authenticated already"

func TestDialConn(t *testing.T) {
	for name, row := range map[string]struct {
		change func(d *imapdial.Dialer)
		play   mailtest.Script
		want   string
	}{
		"capabilities of the probe": {nil, after(answered), preauth},
		"no probe, no capabilities": {func(d *imapdial.Dialer) { d.SkipProbe = true }, greeted(func(p *mailtest.Peer, tag string) {
			p.Say(tag + " OK done")
			answered(p)
		}), "* PREAUTH authenticated already"},
		"one capability": {nil, authenticated(func(p *mailtest.Peer, capability, namespace string) {
			p.Say("* CAPABILITY IMAP4rev1", capability+" OK done", namespace+" OK done")
			answered(p)
		}), "* PREAUTH [CAPABILITY IMAP4REV1] authenticated already"},
		"greeting not awaited": {func(d *imapdial.Dialer) { d.EarlyAuth = true }, func(p *mailtest.Peer) {
			tag := p.Tag("AUTHENTICATE")
			p.Say(greeting, tag+" OK done")
			openProbe(p)
			answered(p)
		}, preauth},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := scripted(t, row.play)
				if row.change != nil {
					row.change(d)
				}
				c := dialConn(t, d)
				if line, err := c.line(); line != row.want || err != nil {
					t.Errorf("greeting %q, %v, want %q", line, err, row.want)
				}
				io.WriteString(c, "a NOOP\r\n")
				if line, err := c.line(); line != "a OK NOOP completed." || err != nil {
					t.Errorf("answer %q, %v", line, err)
				}
			})
		})
	}
}

// answered answers a NOOP.
func answered(p *mailtest.Peer) {
	p.Say(p.Tag("NOOP") + " OK NOOP completed.")
	mailtest.Silence(p)
}

// What the server says after DialConn reaches the client, a goodbye as an error,
// too.
func TestDialConnAfterwards(t *testing.T) {
	bye := func(err error) bool {
		answer, ok := errors.AsType[*imap.Error](err)
		return ok && answer.Text == expired && imapdial.Expired(err)
	}
	limit := func(name string) func(error) bool {
		return func(err error) bool {
			e, ok := errors.AsType[*imapdial.LimitError](err)
			return ok && e.Limit == name
		}
	}
	eof := func(err error) bool { return err == io.EOF }
	for name, row := range map[string]struct {
		rest func(p *mailtest.Peer)
		want func(error) bool
		read string
	}{
		"BYE, then end":           {func(p *mailtest.Peer) { p.Say("* BYE " + expired) }, bye, "* BYE " + expired + "\r\n"},
		"BYE, then silence":       {func(p *mailtest.Peer) { p.Say("* BYE " + expired); mailtest.Silence(p) }, bye, "* BYE " + expired + "\r\n"},
		"BYE with the token":      {func(p *mailtest.Peer) { p.Say("* BYE " + secretToken) }, func(err error) bool { return err != nil && !strings.Contains(err.Error(), secretToken) }, "* BYE " + secretToken + "\r\n"},
		"end":                     {func(*mailtest.Peer) {}, eof, ""},
		"end of half a line":      {func(p *mailtest.Peer) { p.Raw("* 1 EX") }, eof, "* 1 EX"},
		"line without end":        {func(p *mailtest.Peer) { p.Raw("* OK " + endless); mailtest.Silence(p) }, limit("Response"), ("* OK " + endless)[:1<<20]},
		"literal of 1 GiB":        {func(p *mailtest.Peer) { p.Say("* 1 FETCH (ENVELOPE (NIL {1073741824}"); mailtest.Silence(p) }, limit("String"), "* 1 FETCH (ENVELOPE (NIL {1073741824}\r"},
		"parentheses without end": {func(p *mailtest.Peer) { p.Say("* X " + strings.Repeat("(", 400)); mailtest.Silence(p) }, limit("Depth"), "* X " + strings.Repeat("(", 300)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := dialConn(t, scripted(t, after(row.rest)))
				c.line()
				var read bytes.Buffer
				_, err := io.Copy(&read, c)
				if err == nil {
					err = io.EOF
				}
				if !row.want(err) || read.String() != row.read {
					t.Errorf("read %.100q and then %v", read.String(), err)
				}
			})
		})
	}
}

// A client's own deadline is for all that it reads until then, however often it
// reads: only imapclient's is for each.
func TestDialConnKeepsDeadlines(t *testing.T) {
	for name, set := range map[string]func(net.Conn, time.Time) error{
		"of both":    net.Conn.SetDeadline,
		"of reading": net.Conn.SetReadDeadline,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := dialConn(t, scripted(t, after(func(p *mailtest.Peer) { mailtest.Drip(p, "* OK ") })))
				c.line()
				start := time.Now()
				set(c.Conn, start.Add(time.Minute))
				if _, err := io.Copy(io.Discard, c); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("error %v, want that of the deadline", err)
				}
				if took := time.Since(start); took != time.Minute {
					t.Errorf("took %v, want a minute", took)
				}
			})
		})
	}
}

func TestDialConnShowsTheConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var debug bytes.Buffer
		d := scripted(t, after(answered))
		d.Options = &imapclient.Options{DebugWriter: &debug}
		c := dialConn(t, d)
		c.line()
		io.WriteString(c, "a NOOP\r\n")
		c.line()
		if shown := debug.String(); !strings.HasSuffix(shown, "\r\na NOOP\r\na OK NOOP completed.\r\n") || strings.Contains(shown, secretToken) {
			t.Errorf("shown %q", shown)
		}
	})
}

func TestDialConnFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, greeted(func(p *mailtest.Peer, tag string) { p.Say(tag + " NO AUTHENTICATE failed.") }))
		conn, err := d.DialConn(t.Context(), mailbox)
		if e, ok := errors.AsType[*imapdial.Error](err); conn != nil || !ok || e.Op != imapdial.OpAuthenticate || !imapdial.Refused(err) {
			t.Errorf("%v, %v, want a refusal alone", conn, err)
		}
	})
}

// go-imap takes the connection as its own.
func TestDialConnForImapclient(t *testing.T) {
	e := newExchange(t)
	conn, err := e.dialer(e.app.Token(nil)).DialConn(t.Context(), mailbox)
	if err != nil {
		t.Fatal(err)
	}
	openInbox(t, imapclient.New(conn, nil))
}

// openInbox is what a client does with a mailbox that is open.
func openInbox(t *testing.T, c *imapclient.Client) {
	t.Helper()
	defer c.Close()
	if err := c.WaitGreeting(); err != nil || c.State() != imap.ConnStateAuthenticated {
		t.Fatalf("state %v, %v, want authenticated", c.State(), err)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Error(err)
	}
	if err := c.Logout().Wait(); err != nil {
		t.Error(err)
	}
}

// DialConn costs what Dial costs.
func TestDialConnRoundTrips(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*imapdial.Dialer)
		want   int
	}{
		"authenticated, greeting not awaited": {func(d *imapdial.Dialer) { d.SkipProbe, d.EarlyAuth = true, true }, 3},
		"authenticated":                       {func(d *imapdial.Dialer) { d.SkipProbe = true }, 4},
		"mailbox proven open":                 {func(*imapdial.Dialer) {}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExchange(t)
			forwarder := mailtest.NewForwarder(t, e.Cloud().IMAP, 25*time.Millisecond)
			d := e.dialer(e.app.Token(nil))
			d.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, forwarder.Addr)
			}
			row.change(d)
			c := dialConn(t, d)
			if line, err := c.line(); !strings.HasPrefix(line, "* PREAUTH ") || err != nil {
				t.Errorf("greeting %q, %v", line, err)
			}
			if waits := forwarder.Waits(); waits != row.want {
				t.Errorf("%d round trips, want %d", waits, row.want)
			}
		})
	}
}
