package smtpdial_test

import (
	"errors"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
)

// sendBy sends a message with net/smtp over a connection of DialConn.
func sendBy(conn net.Conn, to string) error {
	c, err := smtp.NewClient(conn, "")
	if err != nil {
		return err
	}
	defer c.Close()
	if err := errors.Join(c.Mail(sender), c.Rcpt(to)); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, "From: "+sender+"\r\nTo: "+to+"\r\nSubject: Invoice 17\r\n\r\nEHLO me\r\n.\r\n"); err != nil {
		return err
	}
	return errors.Join(w.Close(), c.Quit())
}

func TestDialConnDelivers(t *testing.T) {
	e := newExchange(t, 0)
	conn, err := e.dialer(e.app.Token(nil)).DialConn(t.Context(), sender)
	if err != nil {
		t.Fatal(err)
	}
	if err := sendBy(conn, e.user.UPN); err != nil {
		t.Fatal(err)
	}
	if got := e.user.Mailbox.Messages("INBOX"); len(got) != 1 || !strings.Contains(string(got[0]), "\r\nEHLO me\r\n.\r\n") {
		t.Errorf("delivered %q", got)
	}
}

// net/smtp is shown neither AUTH nor STARTTLS, and is refused both.
func TestDialConnIsAuthenticated(t *testing.T) {
	for name, row := range map[string]struct {
		ask  func(c *smtp.Client) error
		want string
	}{
		"AUTH":     {func(c *smtp.Client) error { return c.Auth(smtp.CRAMMD5Auth(sender, "password")) }, "5.5.1 authenticated already"},
		"STARTTLS": {func(c *smtp.Client) error { return c.StartTLS(mailtest.ClientTLS()) }, "5.5.1 TLS has begun already"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, err := scripted(t, secured(func(p *mailtest.Peer, auth string) {
					accept(p, auth)
					for p.Hear() != "" { // what net/smtp says after a refusal of AUTH
						p.Say("500 5.3.3 Unrecognized command")
					}
				})).DialConn(t.Context(), sender)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				c, err := smtp.NewClient(conn, "")
				if err != nil {
					t.Fatal(err)
				}
				if ok, _ := c.Extension(name); ok {
					t.Errorf("%s is offered", name)
				}
				if ok, size := c.Extension("SIZE"); !ok || size != "157286400" {
					t.Errorf("SIZE %q, %t", size, ok)
				}
				if reply, ok := errors.AsType[*textproto.Error](row.ask(c)); !ok || reply.Code != 503 || reply.Msg != row.want {
					t.Errorf("reply %v, want 503 %s", reply, row.want)
				}
			})
		})
	}
}

// A client may greet as often as it likes.
func TestDialConnGreetsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, err := scripted(t, secured(func(p *mailtest.Peer, auth string) {
			accept(p, auth)
			p.Expect("NOOP")
			p.Say("250 2.0.0 OK")
			p.Expect("EHLO")
			p.Say(hello("AUTH LOGIN XOAUTH2")...)
			p.Gone()
		})).DialConn(t.Context(), sender)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c := textproto.NewConn(conn)
		if _, _, err := c.ReadResponse(220); err != nil {
			t.Error(err)
		}
		for _, row := range []struct {
			command string
			code    int
			lines   int
		}{{"EHLO a", 250, 9}, {"HELO a", 250, 1}, {"AUTH XOAUTH2 eA==", 503, 1}, {"EHLO b", 250, 9}, {"NOOP", 250, 1}, {"EHLO c", 250, 10}} {
			c.PrintfLine("%s", row.command)
			if _, text, err := c.ReadResponse(row.code); err != nil || strings.Count(text, "\n")+1 != row.lines {
				t.Errorf("%s: %q, %v, want %d lines", row.command, text, err, row.lines)
			}
		}
	})
}

// What a server does wrong after DialConn reaches the client.
func TestDialConnAfterwards(t *testing.T) {
	for name, row := range map[string]struct {
		rest func(p *mailtest.Peer)
		want func(error) bool
	}{
		"421 at once": {func(p *mailtest.Peer) { p.Say("421 4.4.2 Connection dropped"); mailtest.Silence(p) }, func(err error) bool {
			reply, ok := errors.AsType[*textproto.Error](err)
			return ok && reply.Code == 421
		}},
		"end":            {func(*mailtest.Peer) {}, func(err error) bool { return errors.Is(err, io.ErrClosedPipe) || errors.Is(err, io.EOF) }},
		"end of half":    {func(p *mailtest.Peer) { p.Hear(); p.Raw("250 2") }, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		"too many lines": {func(p *mailtest.Peer) { p.Hear(); p.Raw(strings.Repeat("250-x\r\n", 1<<16)); mailtest.Silence(p) }, func(err error) bool { return errors.Is(err, smtpdial.ErrProtocol) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, err := scripted(t, secured(func(p *mailtest.Peer, auth string) { accept(p, auth); row.rest(p) })).DialConn(t.Context(), sender)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				c, err := smtp.NewClient(conn, "")
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Noop(); err == nil || !row.want(err) {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

func TestDialConnFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, err := scripted(t, answer("535 5.7.3 no")).DialConn(t.Context(), sender)
		if conn != nil || !smtpdial.Refused(err) {
			t.Errorf("%v, %v, want a refusal alone", conn, err)
		}
	})
}
