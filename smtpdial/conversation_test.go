package smtpdial

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/internal/wire"
)

// conversation is a session with a server that says the same to everything.
type conversation struct {
	*session
	heard []string
}

// converse returns a conversation; the server is silent if reply is empty.
func converse(t *testing.T, reply string) *conversation {
	client, server := mailtest.Pipe()
	conn, err := dial.Dial(t.Context(), func(context.Context, string, string) (net.Conn, error) { return client, nil }, "a:1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); server.Close() })
	c := &conversation{session: newSession(conn, wire.NewConn(conn, nil))}
	go func() {
		for lines := bufio.NewScanner(server); lines.Scan(); {
			c.heard = append(c.heard, lines.Text())
			if reply != "" {
				io.WriteString(server, reply+"\r\n")
			}
		}
	}()
	return c
}

// A connection that was of use five seconds ago is asked, and one whose last
// message failed is made ready, before it has another message.
func TestFresh(t *testing.T) {
	for name, row := range map[string]struct {
		idle    time.Duration
		refused bool
		reply   string
		fresh   bool
		heard   []string
		took    time.Duration
	}{
		"a nanosecond less":      {5*time.Second - 1, false, "250 ok", true, nil, 0},
		"five seconds":           {5 * time.Second, false, "250 ok", true, []string{"NOOP"}, 0},
		"another reply to NOOP":  {time.Minute, false, "251 ok", false, []string{"NOOP"}, 0},
		"no answer to NOOP":      {time.Minute, false, "", false, []string{"NOOP"}, 10 * time.Second},
		"the last failed":        {0, true, "250 ok", true, []string{"RSET"}, 0},
		"the last failed before": {time.Minute, true, "250 ok", true, []string{"RSET"}, 0},
		"another reply to RSET":  {0, true, "251 ok", false, []string{"RSET"}, 0},
		"no answer to RSET":      {0, true, "", false, []string{"RSET"}, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := converse(t, row.reply)
				since := time.Now()
				time.Sleep(row.idle)
				start := time.Now()
				fresh := (&kept{session: c.session, refused: row.refused}).fresh(t.Context(), since)
				took := time.Since(start)
				synctest.Wait()
				if fresh != row.fresh || took != row.took || !slices.Equal(c.heard, row.heard) {
					t.Errorf("fresh %t after %v, the server heard %q; want %t after %v, %q", fresh, took, c.heard, row.fresh, row.took, row.heard)
				}
			})
		})
	}
}

// stuck is a connection that takes nothing until it is closed.
type stuck struct {
	net.Conn
	closed chan struct{}
}

func (s stuck) Write([]byte) (int, error) { <-s.closed; return 0, net.ErrClosed }
func (s stuck) Close() error {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return nil
}

func TestQuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := converse(t, "")
		start := time.Now()
		(&kept{session: c.session}).Quit()
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v", took)
		}
		if _, err := c.Write(nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the connection is open: %v", err)
		}
		if synctest.Wait(); !slices.Equal(c.heard, []string{"QUIT"}) {
			t.Errorf("the server heard %q", c.heard)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		inner := stuck{closed: make(chan struct{})}
		conn, err := dial.Dial(t.Context(), func(context.Context, string, string) (net.Conn, error) { return inner, nil }, "a:1")
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		(&kept{session: newSession(conn, wire.NewConn(conn, nil))}).Quit()
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("of a server that takes nothing: %v, want 5 s", took)
		}
	})
}

// After a reply that is no answer to what was asked, nothing more is asked.
func TestLost(t *testing.T) {
	for reply, lost := range map[string]bool{
		"250 ok":     false,
		"251 ok":     true,
		"354 go on":  true,
		"399 what":   true,
		"400 no":     false,
		"420 no":     false,
		"421 bye":    true,
		"422 no":     false,
		"550 no":     false,
		"no SMTP":    true,
		"250-ok\r\n": true,
	} {
		synctest.Test(t, func(t *testing.T) {
			c := converse(t, reply)
			c.ask(t.Context(), time.Minute, "RSET", 250)
			if c.lost != lost {
				t.Errorf("%q: lost %t, want %t", reply, c.lost, lost)
			}
		})
	}
}

// What breaks a step says whether another connection may do better.
func TestWithin(t *testing.T) {
	no := &smtp.SMTPError{Code: 550, Message: "no"}
	gaveUp := errors.New("gave up")
	for name, row := range map[string]struct {
		ended     bool // before
		step      func(cancel func(), c *conversation) error
		is        error
		retryable bool
		lost      bool
		took      time.Duration
	}{
		"good":                          {false, func(func(), *conversation) error { return nil }, nil, false, false, 0},
		"a reply":                       {false, func(func(), *conversation) error { return no }, no, false, false, 0},
		"broken":                        {false, func(func(), *conversation) error { return io.ErrUnexpectedEOF }, io.ErrUnexpectedEOF, true, true, 0},
		"no SMTP":                       {false, func(func(), *conversation) error { return ErrProtocol }, ErrProtocol, false, true, 0},
		"too much":                      {false, func(func(), *conversation) error { return wire.ErrTooMuch }, wire.ErrTooMuch, false, true, 0},
		"late":                          {false, func(_ func(), c *conversation) error { _, err := c.read(); return err }, context.DeadlineExceeded, true, true, time.Minute},
		"given up":                      {false, func(cancel func(), c *conversation) error { cancel(); _, err := c.read(); return err }, gaveUp, false, true, 0},
		"good, as it is given up":       {false, func(cancel func(), _ *conversation) error { cancel(); return nil }, nil, false, true, 0},
		"a reply, as it is given up":    {false, func(cancel func(), _ *conversation) error { cancel(); return no }, no, false, true, 0},
		"given up before, nothing lost": {true, func(func(), *conversation) error { panic("it was run") }, gaveUp, false, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, start := converse(t, ""), time.Now()
				ctx, end := context.WithCancelCause(t.Context())
				cancel := func() { end(gaveUp) }
				if row.ended {
					cancel()
				}
				err := c.within(ctx, time.Minute, "answer", func() error { return row.step(cancel, c) })
				if !errors.Is(err, row.is) || Retryable(err) != row.retryable || c.lost != row.lost || time.Since(start) != row.took {
					t.Errorf("error %v after %v, retryable %t, lost %t; want %v after %v, %t, %t", err, time.Since(start), Retryable(err), c.lost, row.is, row.took, row.retryable, row.lost)
				}
				if row.took > 0 && !strings.Contains(err.Error(), "the server took longer than 1m0s to answer") {
					t.Errorf("error %v does not say who was late", err)
				}
				end(nil)
			})
		})
	}
}

// late is a connection that takes the end of a message and then reports an error.
type late struct{ net.Conn }

func (c late) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err == nil && string(p) == ".\r\n" {
		err = io.ErrClosedPipe
	}
	return n, err
}

// Once the end of the message has left, the error of the connection does not
// tell what became of it.
func TestFinishAfterTheEndHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := mailtest.Pipe()
		defer server.Close()
		go io.Copy(io.Discard, server)
		conn, err := dial.Dial(t.Context(), func(context.Context, string, string) (net.Conn, error) { return late{client}, nil }, "a:1")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		s := newSession(conn, wire.NewConn(conn, nil))
		if err := s.finish(t.Context()); !errors.Is(err, ErrUncertain) {
			t.Errorf("error %v, want ErrUncertain", err)
		}
	})
}

// What the server has said in the answer to EHLO is handed over, but for lines
// that are longer than RFC 5321 allows.
func TestHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := converse(t, "250 ok")
		c.localName = "me"
		c.hello = []string{"mail.example.com", "A " + strings.Repeat("x", 504), "B " + strings.Repeat("x", 505), "SIZE 7"}
		client := smtp.NewClient(c.handOver(0))
		defer client.Close()
		for name, want := range map[string]string{"A": strings.Repeat("x", 504), "SIZE": "7"} {
			if ok, params := client.Extension(name); !ok || params != want {
				t.Errorf("%s: %t, %q", name, ok, params)
			}
		}
		if ok, _ := client.Extension("B"); ok {
			t.Error("a line of 513 octets was handed over")
		}
		if err := client.Noop(); err != nil {
			t.Error(err)
		}
		if synctest.Wait(); !slices.Equal(c.heard, []string{"NOOP"}) {
			t.Errorf("the server heard %q", c.heard)
		}
	})
}

func TestAddressLiteral(t *testing.T) {
	for want, addr := range map[string]net.Addr{
		"[192.0.2.1]":        &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1},
		"[IPv6:2001:db8::1]": &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 1},
		"localhost":          &net.UnixAddr{Name: "a"},
	} {
		if got := addressLiteral(addr); got != want {
			t.Errorf("%v: %q, want %q", addr, got, want)
		}
	}
}

func TestExtension(t *testing.T) {
	c := &session{hello: []string{"SIZE 1", "auth XOAUTH2 LOGIN", "SIZE 7", "8BITMIME", "X"}}
	for name, want := range map[string]string{"AUTH": "XOAUTH2 LOGIN", "SIZE": "7", "8BITMIME": "", "X": ""} {
		if params, ok := c.extension(name); !ok || params != want {
			t.Errorf("%s: %q, %t, want %q", name, params, ok, want)
		}
	}
	for _, hello := range [][]string{nil, {"STARTTLS"}, {"a", "STARTTLSX"}, {"a", "X STARTTLS"}} {
		c.hello = hello
		if _, ok := c.extension("STARTTLS"); ok {
			t.Errorf("%q offers STARTTLS", hello)
		}
	}
}

func TestLocalName(t *testing.T) {
	for name, good := range map[string]bool{"me": true, "!": true, "~": true, "m\u00fc": true, "a b": false, "a\tb": false, "a\x7f": false, "a\x1f": false} {
		synctest.Test(t, func(t *testing.T) {
			c := converse(t, "250 ok")
			c.localName = name
			if err := c.sayHello(); (err == nil) != good {
				t.Errorf("%q: error %v", name, err)
			}
			want := []string{"EHLO " + name}
			if !good {
				want = nil
			}
			if synctest.Wait(); !slices.Equal(c.heard, want) {
				t.Errorf("the server heard %q, want %q", c.heard, want)
			}
		})
	}
}

// Only a reply that refuses says that the message was not sent.
func TestFinish(t *testing.T) {
	for reply, row := range map[string]struct {
		code      int // of the error, 0 for none
		uncertain bool
	}{
		"250 ok":   {0, false},
		"299 ok":   {0, false},
		"300 what": {300, true},
		"399 what": {399, true},
		"400 no":   {400, false},
		"554 no":   {554, false},
		"no SMTP":  {0, true},
		"":         {0, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, start := converse(t, reply), time.Now()
			err := c.finish(t.Context())
			code := 0
			if e, ok := errors.AsType[*smtp.SMTPError](err); ok {
				code = e.Code
			}
			if code != row.code || errors.Is(err, ErrUncertain) != row.uncertain || (err == nil) != (row.code == 0 && !row.uncertain) {
				t.Errorf("%q: error %v, want code %d, uncertain: %t", reply, err, row.code, row.uncertain)
			}
			if took := time.Since(start); (took == 10*time.Minute) != (reply == "") {
				t.Errorf("%q: after %v", reply, took)
			}
			if synctest.Wait(); !slices.Equal(c.heard, []string{"."}) {
				t.Errorf("%q: the server heard %q", reply, c.heard)
			}
		})
	}
}

// A refusal that nobody had asked for is why the server has hung up.
func TestLastWords(t *testing.T) {
	for words, code := range map[string]int{ // 0 for the error of the Write
		"":             0,
		"250 ok\r\n":   0,
		"399 what\r\n": 0,
		"400 no\r\n":   400,
		"421 bye\r\n":  421,
		"no SMTP\r\n":  0,
		"421 cut off":  0,
		"421-more\r\n": 0,
	} {
		s := newSession(nil, wire.NewConn(struct {
			io.Reader
			io.Writer
		}{strings.NewReader(words), io.Discard}, nil))
		err := s.lastWords(io.ErrClosedPipe)
		reply, ok := errors.AsType[*smtp.SMTPError](err)
		if ok != (code != 0) || ok && reply.Code != code || !ok && err != io.ErrClosedPipe || s.lost != ok {
			t.Errorf("%q: error %v, lost %t; want code %d", words, err, s.lost, code)
		}
		if err := s.lastWords(nil); err != nil {
			t.Errorf("%q: error %v of a Write that did not fail", words, err)
		}
	}
}
