package smtpdial_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
)

// What a hostile server may cost, and what is allowed to go-smtp alone before
// its process ends.
const (
	mostHeap = 48 << 20
	mostLate = 100 * time.Millisecond
	during   = 300 * time.Millisecond // of a command that a hostile server answers
	briefly  = during / 3             // until Close

	plainHeap = 192 << 20
	plainLate = 300 * time.Millisecond
)

// flood says unit until the client has gone.
func flood(unit string) func(p *mailtest.Peer) {
	return func(p *mailtest.Peer) {
		for units := []byte(strings.Repeat(unit, 64<<10/len(unit))); ; {
			if _, err := p.Write(units); err != nil {
				return
			}
		}
	}
}

// hostile are what a server may say in answer to MAIL, and to a message.
var hostile = map[string]func(p *mailtest.Peer){
	"lines without end":             flood("250-more\r\n"),
	"empty lines without end":       flood("250-\r\n"),
	"line without end":              flood("2"),
	"lines of another code":         func(p *mailtest.Peer) { p.Say("250-a"); flood("999 b\r\n")(p) },
	"lines without a code":          func(p *mailtest.Peer) { p.Say("250-a"); flood("\r\n")(p) },
	"refusal without end":           flood("550-5.7.1 no\r\n"),
	"a line, and then silence":      func(p *mailtest.Peer) { p.Say("250-a"); mailtest.Silence(p) },
	"half a line, and then silence": func(p *mailtest.Peer) { p.Raw("250 a"); mailtest.Silence(p) },
}

// TestHostileAfterTheHandOver has each server talk to a process of its own,
// whose heap it measures, and to go-smtp alone in another one. A command under
// a context, Send and Close come back when they should; the control of each is
// what only waits for the same context, or closes a connection on which nothing
// is said.
func TestHostileAfterTheHandOver(t *testing.T) {
	if way, addr, ok := strings.Cut(mailtest.Role(), " "); ok && way == "ours" {
		oursAgainst(addr)
	} else if ok {
		plainAgainst(addr)
	}
	if testing.Short() || mailtest.RaceDetector {
		t.Skip("runs two processes for each server, and measures them")
	}
	for behaviour, play := range hostile {
		t.Run(behaviour, func(t *testing.T) {
			addr := serve(t, play)
			plainly := "hangs"
			if r, ended := mailtest.Alone(t, "plain "+addr, 10*time.Second); ended {
				plainly = r.Err
				if plainly == "" {
					plainly = fmt.Sprintf("%3d MiB, late by %v", r.Heap>>20, r.Late["command"].Round(time.Millisecond))
				}
			}
			r, ended := mailtest.Alone(t, "ours "+addr, 30*time.Second)
			for try := 1; ended && r.Latest() > mostLate && try < 3; try++ { // the machine may have other things to do
				r, ended = mailtest.Alone(t, "ours "+addr, 30*time.Second)
			}
			if !ended {
				t.Fatalf("does not end; go-smtp alone: %s", plainly)
			}
			t.Logf("%2d MiB, late by %v; go-smtp alone: %s; %.90s", r.Heap>>20, r.Late, plainly, r.Err)
			if r.Heap > mostHeap {
				t.Errorf("a heap of %d MiB, want no more than %d", r.Heap>>20, mostHeap>>20)
			}
			if r.Latest() > mostLate {
				t.Errorf("late by %v, want no more than %v", r.Late, mostLate)
			}
		})
	}
}

// serve has a server play once it is given MAIL, or after a message to
// a@contoso.com.
func serve(t *testing.T, play func(p *mailtest.Peer)) (addr string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	script := secured(func(p *mailtest.Peer, auth string) {
		accept(p, auth)
		for line := p.Hear(); line != ""; line = p.Hear() {
			switch {
			case strings.HasPrefix(line, "MAIL") && !strings.Contains(line, "a@contoso.com"):
				play(p)
				return
			case line == "DATA":
				p.Say("354 go on")
				for p.Hear() != "." {
				}
				play(p)
				return
			}
			p.Say("250 ok")
		}
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				script(mailtest.NewPeer(t, conn))
			}()
		}
	}()
	return listener.Addr().String()
}

func mailFrom(c *smtp.Client) error { return c.Mail("b@contoso.com", nil) }

func oursAgainst(addr string) {
	d := &smtpdial.Dialer{Addr: addr, TokenSource: staticSource(secretToken), TLSConfig: &tls.Config{InsecureSkipVerify: true}}
	dial := func() *smtp.Client {
		c, err := d.Dial(context.Background(), sender)
		if err != nil {
			panic(err)
		}
		return c
	}
	r := mailtest.Measure()
	c := dial()
	ctx, cancel := context.WithTimeout(context.Background(), during)
	defer cancel()
	context.AfterFunc(ctx, func() { c.Close() })
	r.Late["command"] = mailtest.Late(func() { r.Err = fmt.Sprint(mailFrom(c)) }, func() { <-ctx.Done() })

	c, idle := dial(), dial()
	go mailFrom(c)
	<-time.After(briefly)
	r.Late["Close"] = mailtest.Late(func() { c.Close() }, func() { idle.Close() })

	for call, from := range map[string]string{"Send, MAIL": "b@contoso.com", "Send, message": "a@contoso.com"} {
		ctx, cancel := context.WithTimeout(context.Background(), during)
		defer cancel()
		r.Late[call] = mailtest.Late(func() {
			newSender(d, sender).Send(ctx, from, []string{"c@example.com"}, []byte(messageOnWire))
		}, func() { <-ctx.Done() })
	}
	r.Send()
}

func plainAgainst(addr string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		panic(err)
	}
	c, err := smtp.NewClientStartTLS(conn, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		panic(err)
	}
	if err := c.Hello("localhost"); err != nil {
		panic(err)
	}
	c.Noop() // in place of AUTH
	r := mailtest.Measure()
	ctx, cancel := context.WithTimeout(context.Background(), during)
	defer cancel()
	context.AfterFunc(ctx, func() { c.Close() })
	enough := func(format string, what any) {
		stopped := mailtest.Report{Heap: r.Heap, Err: fmt.Sprintf(format, what)}
		stopped.Send()
	}
	time.AfterFunc(during+plainLate, func() { enough("late by more than %v", plainLate) })
	go func() {
		for range time.Tick(10 * time.Millisecond) {
			if r.Grown() > plainHeap {
				enough("more than %d MiB", plainHeap>>20)
			}
		}
	}()
	r.Late["command"] = mailtest.Late(func() { mailFrom(c) }, func() { <-ctx.Done() })
	r.Send()
}
