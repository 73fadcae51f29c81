package imapdial_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

const expired = "Session invalidated - AccessTokenExpired"

// after plays Exchange up to an open mailbox, and then rest.
func after(rest func(p *mailtest.Peer)) mailtest.Script {
	return func(p *mailtest.Peer) {
		open(p)
		rest(p)
	}
}

func TestByeReachesTheCaller(t *testing.T) {
	noop := func(c *imapclient.Client) error { return c.Noop().Wait() }
	idle := func(c *imapclient.Client) error {
		idle, err := c.Idle()
		if err != nil {
			return err
		}
		return idle.Wait()
	}
	for name, test := range map[string]struct {
		play mailtest.Script
		use  func(c *imapclient.Client) error
	}{
		"in place of an answer": {after(func(p *mailtest.Peer) { p.Tag("NOOP"); p.Say("* BYE " + expired) }), noop},
		"while idling": {after(func(p *mailtest.Peer) {
			p.Tag("IDLE")
			p.Say("+ IDLE accepted, awaiting DONE command.", "* 5 EXISTS", "* BYE "+expired)
		}), idle},
		"before the command": {after(func(p *mailtest.Peer) { p.Say("* BYE " + expired) }), func(c *imapclient.Client) error {
			<-c.Closed()
			return noop(c)
		}},
		"to Close": {after(func(p *mailtest.Peer) { p.Say("* BYE " + expired) }), func(c *imapclient.Client) error {
			<-c.Closed()
			return c.Close()
		}},
		"from a server that stays": {after(func(p *mailtest.Peer) { p.Tag("NOOP"); p.Say("* BYE " + expired); mailtest.Silence(p) }), noop},
		"with the end of the handshake": {func(p *mailtest.Peer) {
			p.Say(greeting)
			p.Say(p.Tag("AUTHENTICATE") + " OK AUTHENTICATE completed.")
			capability, namespaceTag := p.Tag("CAPABILITY"), p.Tag("NAMESPACE")
			p.Say(postAuth, capability+" OK done", namespace, namespaceTag+" OK done", "* BYE "+expired)
		}, func(c *imapclient.Client) error {
			<-c.Closed()
			return noop(c)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := scripted(t, test.play).Dial(t.Context(), mailbox)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				err = test.use(c)
				t.Log(err)
				if err == nil || !strings.Contains(err.Error(), expired) {
					t.Errorf("error %v does not say %q", err, expired)
				}
				if !imapdial.Expired(err) || !imapdial.Retryable(err) {
					t.Errorf("Expired %t, Retryable %t, want both", imapdial.Expired(err), imapdial.Retryable(err))
				}
			})
		})
	}
}

func TestByeThatIsNone(t *testing.T) {
	body := "Subject: x\r\n\r\n* BYE " + expired + "\r\n"
	for name, test := range map[string]struct {
		play mailtest.Script
		use  func(c *imapclient.Client) error
		want string // error of Close
	}{
		"answer to LOGOUT": {after(func(p *mailtest.Peer) {
			tag := p.Tag("LOGOUT")
			p.Say("* BYE signing off", tag+" OK LOGOUT completed.")
		}), func(c *imapclient.Client) error { return c.Logout().Wait() }, ""},
		"line of a message": {after(func(p *mailtest.Peer) {
			p.Say("* 1 EXISTS", p.Tag("SELECT")+" OK SELECT completed.")
			p.Say(fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n%s)", len(body), body), p.Tag("FETCH")+" OK FETCH completed.")
		}), func(c *imapclient.Client) error {
			if _, err := c.Select("INBOX", nil).Wait(); err != nil {
				return err
			}
			_, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{}}}).Collect()
			return err
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, err := scripted(t, test.play).Dial(t.Context(), mailbox)
				if err != nil {
					t.Fatal(err)
				}
				if err := test.use(c); err != nil {
					t.Error(err)
				}
				<-c.Closed()
				if err := c.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
		})
	}
}

func TestByeOfExchange(t *testing.T) {
	e := newExchange(t)
	c, err := e.dialer(e.app.Token(&exchangetest.TokenOptions{Lifetime: time.Hour})).Dial(t.Context(), mailbox)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	idle, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	e.Advance(2 * time.Hour)
	if err := idle.Wait(); !imapdial.Expired(err) {
		t.Errorf("error %v, want the end of the token", err)
	}
}

func TestThrottled(t *testing.T) {
	const text = "Request is throttled. Suggested Backoff Time: "
	no := func(text string) error { return &imap.Error{Type: imap.StatusResponseTypeNo, Text: text} }
	for name, test := range map[string]struct {
		err  error
		want time.Duration
		ok   bool
	}{
		"NO":                       {no(text + "299609 milliseconds"), 299609 * time.Millisecond, true},
		"BAD":                      {&imap.Error{Type: imap.StatusResponseTypeBad, Text: text + "89117 milliseconds"}, 89117 * time.Millisecond, true},
		"in an Error":              {&imapdial.Error{Op: imapdial.OpAuthenticate, Err: no(text + "1 milliseconds")}, time.Millisecond, true},
		"joined":                   {errors.Join(io.EOF, no(text+"1 milliseconds")), time.Millisecond, true},
		"BYE that is text alone":   {errors.New("in response: cannot read tag: imap: BYE " + text + "7 milliseconds"), 7 * time.Millisecond, true},
		"in lower case":            {no("request is throttled. suggested backoff time: 5 milliseconds"), 5 * time.Millisecond, true},
		"no time":                  {no("Request is throttled."), 0, true},
		"time that is no number":   {no(text + "soon"), 0, true},
		"zero":                     {no(text + "0 milliseconds"), 0, true},
		"a day and a millisecond":  {no(text + "86400001 milliseconds"), 24 * time.Hour, true},
		"number beyond all bounds": {no(text + "99999999999999999999 milliseconds"), 24 * time.Hour, true},
		"another text":             {no("Server Unavailable. 15"), 0, false},
		"not the server's":         {errors.New(text + "1 milliseconds"), 0, false},
		"nil":                      {nil, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, ok := imapdial.Throttled(test.err); got != test.want || ok != test.ok {
				t.Errorf("got %v, %t; want %v, %t", got, ok, test.want, test.ok)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	no := func(text string) error { return &imap.Error{Type: imap.StatusResponseTypeNo, Text: text} }
	at := func(op imapdial.Op, err error) error { return &imapdial.Error{Op: op, Err: err} }
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"NO to AUTHENTICATE":            {at(imapdial.OpAuthenticate, no("AUTHENTICATE failed.")), true},
		"NO to another step":            {at(imapdial.OpOpen, no("no")), false},
		"NO because of trouble":         {at(imapdial.OpAuthenticate, no("Server Unavailable. 15")), false},
		"throttled":                     {at(imapdial.OpAuthenticate, no("Request is throttled.")), false},
		"connection broken":             {at(imapdial.OpAuthenticate, io.ErrUnexpectedEOF), false},
		"BYE":                           {at(imapdial.OpAuthenticate, &imap.Error{Type: imap.StatusResponseTypeBye, Text: "x"}), false},
		"NO to a command of imapclient": {no("no"), false},
		"network":                       {&net.OpError{Op: "dial", Err: errors.New("x")}, false},
		"nil":                           {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := imapdial.Refused(test.err); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
