package smtpdial_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
)

// A connection breaks at every octet of a conversation, in either direction. It
// is uncertain what became of the message exactly from when its end has left
// for the server until the reply is there. Else a second connection takes the
// message: it is lost never, and sent twice never. Of the octets before MAIL
// one in sixteen stands for all.
func TestSenderOverConnectionsThatBreak(t *testing.T) {
	c := courseOf(t, []byte(messageOnWire))
	all := c.writes[len(c.writes)-1]
	uncertain := 0
	t.Run("on the way to the server", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for n := range all + 1 {
				if (n >= c.writes[writesOfDial-1] || n%16 == 0) && checkCut(t, n, -1) {
					uncertain++
				}
			}
		})
		t.Logf("uncertain at %d octet of %d", uncertain, all+1)
		if uncertain != 1 {
			t.Errorf("uncertain at %d octets, want 1: the last", uncertain)
		}
	})
	t.Run("on the way back", func(t *testing.T) {
		uncertain = 0
		synctest.Test(t, func(t *testing.T) {
			for n := range c.heard - maxSignature {
				if (n >= c.login || n%16 == 0) && checkCut(t, -1, n) {
					uncertain++
				}
			}
		})
		t.Logf("uncertain at %d of %d octets", uncertain, c.heard)
	})
}

// checkCut sends a message over a connection that breaks, with a second one for
// another try.
func checkCut(t *testing.T, up, down int) (uncertain bool) {
	t.Helper()
	server := newSubmission(t)
	var first *mailtest.Faulty
	server.faulty(func(conn net.Conn) *mailtest.Faulty {
		if first != nil {
			return mailtest.NewFaulty(conn, -1, -1, false)
		}
		first = mailtest.NewFaulty(conn, up, down, false)
		return first
	})
	s := server.Sender(sender)
	s.MaxTries = 2
	err := sendOne(t.Context(), s)
	s.CloseIdle()
	synctest.Wait()
	uncertain = errors.Is(err, smtpdial.ErrUncertain)
	arrived := len(server.messages)
	switch {
	case arrived > 1:
		t.Errorf("broken after %d, %d octets: sent %d times", up, down, arrived)
	case err == nil && arrived == 0:
		t.Errorf("broken after %d, %d octets: lost", up, down)
	case err != nil && !uncertain:
		t.Errorf("broken after %d, %d octets: not tried again: %v", up, down, err)
	case uncertain && arrived == 0:
		t.Errorf("broken after %d, %d octets: uncertain, and the end of the message had not left", up, down)
	}
	return uncertain
}

// Only a whole reply says what became of a message.
func TestSenderReadsTheReplyToAMessage(t *testing.T) {
	silence := func(p *mailtest.Peer) { mailtest.Silence(p) }
	for name, test := range map[string]struct {
		reply     string
		then      func(p *mailtest.Peer) // nil is to hang up
		code      int                    // of the *smtp.SMTPError, 0 for none
		uncertain bool
		took      time.Duration
	}{
		"nothing, then end":                  {"", nil, 0, true, 0},
		"nothing, then silence":              {"", silence, 0, true, acceptLimit},
		"one digit":                          {"2", nil, 0, true, 0},
		"a code without an end":              {"250", nil, 0, true, 0},
		"a part of a line":                   {"250 2", nil, 0, true, 0},
		"a part of a line, silence":          {"250 2", silence, 0, true, acceptLimit},
		"a line without its LF":              {"250 2.0.0 OK\r", nil, 0, true, 0},
		"a refusal without its LF":           {"550 no\r", nil, 0, true, 0},
		"the first of two lines":             {"250-2.0.0 OK\r\n", nil, 0, true, 0},
		"the first of two lines of no":       {"550-no\r\n", nil, 0, true, 0},
		"lines that differ":                  {"250-2.0.0 OK\r\n550 no\r\n", silence, 0, true, 0},
		"no code at all":                     {"OK\r\n", silence, 0, true, 0},
		"a code of no class":                 {"650 OK\r\n", silence, 0, true, 0},
		"a reply of class 3":                 {"354 go on\r\n", silence, 354, true, 0},
		"accepted":                           {"250 2.0.0 OK\r\n", silence, 0, false, 0},
		"accepted, then end":                 {"250 2.0.0 OK\r\n", nil, 0, false, 0},
		"accepted in one word":               {"250\r\n", nil, 0, false, 0},
		"accepted in two lines":              {"250-2.0.0 OK\r\n250 queued\r\n", nil, 0, false, 0},
		"another code of class 2":            {"251 OK\r\n", nil, 0, false, 0},
		"refused, then silence":              {"550 no\r\n", silence, 550, false, 0},
		"refused, then end":                  {"550 no\r\n", nil, 550, false, 0},
		"refused for a while, then silence":  {"451 4.7.0 later\r\n", silence, 451, false, 0},
		"refused by one who leaves, silence": {"421 4.3.2 Service not active\r\n", silence, 421, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := scripted(t, secured(func(p *mailtest.Peer, auth string) {
					accept(p, auth)
					for _, verb := range []string{"MAIL", "RCPT"} {
						p.Expect(verb)
						p.Say("250 2.0.0 OK")
					}
					p.Expect("DATA")
					p.Say("354 go on")
					p.Message()
					p.Raw(test.reply)
					if test.then != nil {
						test.then(p)
					}
				}))
				s := newSender(d, sender)
				s.MaxTries = 1
				defer s.CloseIdle()
				start := time.Now()
				err := sendOne(t.Context(), s)
				if took := time.Since(start); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
				reply, replied := errors.AsType[*smtp.SMTPError](err)
				if uncertain := errors.Is(err, smtpdial.ErrUncertain); uncertain != test.uncertain || replied != (test.code != 0) || replied && reply.Code != test.code || (err == nil) != (test.code == 0 && !test.uncertain) {
					t.Errorf("error %v, want code %d, uncertain %t", err, test.code, test.uncertain)
				}
			})
		})
	}
}

// After a refusal the next message begins with RSET, and goes over another
// connection if the server says nothing to that.
func TestSenderAfterARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSubmission(t, sendAsDenied)
		server.silentTo = "RSET"
		s := server.Sender(sender)
		defer s.CloseIdle()
		if err := sendOne(t.Context(), s); err == nil {
			t.Error("no error")
		}
		start := time.Now()
		if err := sendOne(t.Context(), s); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("the next message took %v, want 10 s", took)
		}
		if all, _ := server.connections(); all != 2 || server.heard("RSET") != 1 {
			t.Errorf("%d connections and %d RSET, want 2 and 1", all, server.heard("RSET"))
		}
	})
}

// A server that refuses a message in the middle of it and hangs up is heard.
func TestSenderHearsLastWords(t *testing.T) {
	for name, test := range map[string]struct {
		words string
		code  int
	}{
		"too large":           {"552 5.3.4 Message size exceeds fixed limit", 552},
		"leaves":              {"421 4.4.2 Connection dropped", 421},
		"accepts half of it":  {"250 2.0.0 OK", 0},
		"does not speak SMTP": {"bye", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := scripted(t, secured(func(p *mailtest.Peer, auth string) {
					accept(p, auth)
					for _, verb := range []string{"MAIL", "RCPT"} {
						p.Expect(verb)
						p.Say("250 2.0.0 OK")
					}
					p.Expect("DATA")
					p.Say("354 go on")
					p.Hear()
					p.Say(test.words)
				}))
				dial := server.DialContext
				server.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					conn, err := dial(ctx, network, addr)
					return &slowConn{Conn: conn}, err
				}
				s := newSender(server, sender)
				s.MaxTries = 1
				defer s.CloseIdle()
				err := s.Send(t.Context(), sender, []string{"to@example.com"}, endlessMessage)
				reply, replied := errors.AsType[*smtp.SMTPError](err)
				if errors.Is(err, smtpdial.ErrUncertain) || replied != (test.code != 0) || replied && reply.Code != test.code {
					t.Errorf("error %v, want code %d", err, test.code)
				}
				if want := test.code != 552; smtpdial.Retryable(err) != want {
					t.Errorf("error %v: temporary is %t, want %t", err, !want, want)
				}
			})
		})
	}
}

// Nobody leaves without a word.
func TestSenderQuits(t *testing.T) {
	for name, leave := range map[string]func(s *smtpdial.Sender){
		"by CloseIdle":       func(s *smtpdial.Sender) { s.CloseIdle() },
		"after a while":      func(*smtpdial.Sender) { time.Sleep(4*time.Minute + time.Second) },
		"a second CloseIdle": func(s *smtpdial.Sender) { s.CloseIdle(); s.CloseIdle() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newSubmission(t)
				s := server.Sender(sender)
				defer s.CloseIdle()
				if err := sendOne(t.Context(), s); err != nil {
					t.Fatal(err)
				}
				leave(s)
				synctest.Wait()
				if _, now := server.connections(); now != 0 || server.heard("QUIT") != 1 {
					t.Errorf("%d connections are open, and %d QUIT were heard, want 0 and 1", now, server.heard("QUIT"))
				}
			})
		})
	}
	t.Run("in use while CloseIdle is called", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server := newSubmission(t)
			server.takes = time.Second
			s := server.Sender(sender)
			time.AfterFunc(500*time.Millisecond, func() { s.CloseIdle() })
			if err := sendOne(t.Context(), s); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if _, now := server.connections(); now != 0 || server.heard("QUIT") != 1 {
				t.Errorf("%d connections are open, and %d QUIT were heard, want 0 and 1", now, server.heard("QUIT"))
			}
		})
	})
	t.Run("a server that reads no more", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server := newSubmission(t)
			var conn *mailtest.Faulty
			server.faulty(func(inner net.Conn) *mailtest.Faulty {
				conn = mailtest.NewFaulty(inner, -1, -1, true)
				return conn
			})
			s := server.Sender(sender)
			if err := sendOne(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			conn.Up = conn.Sent
			start := time.Now()
			s.CloseIdle()
			synctest.Wait()
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("CloseIdle took %v, want 5 s at the most", took)
			}
			if _, now := server.connections(); now != 0 {
				t.Error("the connection is open")
			}
		})
	})
}

// A connection may break with an error that nobody knows.
func TestSenderTriesAgainWhateverTheBreakIsCalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSubmission(t)
		serve, dials := server.DialContext, 0
		server.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := serve(ctx, network, addr)
			if dials++; dials > 1 {
				return conn, err
			}
			return &oddConn{Conn: conn}, err
		}
		s := server.Sender(sender)
		defer s.CloseIdle()
		if err := s.Send(t.Context(), sender, []string{"to@example.com"}, endlessMessage); err != nil || len(server.messages) != 1 {
			t.Errorf("error %v, and %d messages, want none and 1", err, len(server.messages))
		}
	})
}

// endlessMessage is more than any buffer holds.
var endlessMessage = bytes.Repeat([]byte("Subject: hi\r\n"), 20_000)

// slowConn waits after 50,000 octets until the server has done what it does.
type slowConn struct {
	net.Conn
	sent int
}

func (c *slowConn) Write(p []byte) (int, error) {
	if c.sent += len(p); c.sent > 50_000 {
		synctest.Wait()
	}
	return c.Conn.Write(p)
}

// oddConn breaks after 50,000 octets.
type oddConn struct {
	net.Conn
	sent int
}

func (c *oddConn) Write(p []byte) (int, error) {
	if c.sent += len(p); c.sent > 50_000 {
		c.Close()
		return 0, errors.New("tunnel: lost its other side")
	}
	return c.Conn.Write(p)
}

func (c *oddConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF || errors.Is(err, net.ErrClosed) {
		err = errors.New("tunnel: lost its other side")
	}
	return n, err
}
