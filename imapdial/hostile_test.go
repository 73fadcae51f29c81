package imapdial_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

// What a hostile server may cost, and what is allowed to go-imap alone before
// its process ends.
const (
	mostHeap = 48 << 20
	mostLate = 100 * time.Millisecond
	during   = time.Second // of a command that a hostile server answers
	briefly  = during / 10 // until Close, or the end of Keep

	plainHeap   = 192 << 20
	plainDuring = 300 * time.Millisecond
	plainLate   = 300 * time.Millisecond
)

func fetchEnvelope(c *imapclient.Client) error {
	return fetch(c, &imap.FetchOptions{Envelope: true})
}

func list(c *imapclient.Client) error {
	_, err := c.List("", "*", nil).Collect()
	return err
}

func search(c *imapclient.Client) error {
	_, err := c.Search(&imap.SearchCriteria{}, nil).Wait()
	return err
}

// flood says head and then the units until the client has gone.
func flood(head string, unit func(i int) string) func(p *mailtest.Peer) {
	return func(p *mailtest.Peer) {
		p.Raw(head)
		for i := 0; ; {
			var b strings.Builder
			for b.Len() < 64<<10 {
				b.WriteString(unit(i))
				i++
			}
			if _, err := p.Write([]byte(b.String())); err != nil {
				return
			}
		}
	}
}

func always(s string) func(int) string { return func(int) string { return s } }

func once(said string) func(p *mailtest.Peer) {
	return func(p *mailtest.Peer) {
		p.Raw(said)
		mailtest.Silence(p)
	}
}

// hostile are what a server may do when it is given a command.
var hostile = map[string]struct {
	play func(p *mailtest.Peer)
	use  func(c *imapclient.Client) error
}{
	"20 kB of parentheses":            {once("* 1 FETCH (BODYSTRUCTURE " + strings.Repeat("(", 20_000) + "\r\n"), fetchStructure},
	"1 MB of parentheses":             {once("* 1 FETCH (BODYSTRUCTURE " + strings.Repeat("(", 1_000_000) + "\r\n"), fetchStructure},
	"line without end":                {flood("* OK ", always("a")), noop},
	"goodbye without end":             {flood("* BYE ", always("a")), noop},
	"tag without end":                 {flood("", always("a")), noop},
	"code without end":                {flood("* OK [X ", always("a\r\n")), noop},
	"quoted string without end":       {flood(`* 1 FETCH (UID 1 ENVELOPE (NIL "`, always("a")), fetchEnvelope},
	"quoted string with line ends":    {flood(`* 1 FETCH (UID 1 ENVELOPE (NIL "`, always("a\r\n")), fetchEnvelope},
	"comment of a megabyte in quotes": {flood(`* 1 FETCH (UID 1 ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL "`, always("(")), fetchEnvelope},
	"literal of 4 GiB":                {flood("* 1 FETCH (UID 1 BODY[] {4294967296}\r\n", always("a")), fetchBody},
	"subject of 200 MB":               {flood("* 1 FETCH (UID 1 ENVELOPE (NIL {200000000}\r\n", always("a")), fetchEnvelope},
	"folder name of 200 MB":           {flood("* LIST () \"/\" {200000000} \r\n", always("a")), list},
	"literals without end":            {flood("* 1 FETCH (UID 1 ", always("BODY[] {0}\r\n ")), fetchBody},
	"flags without end":               {flood("* FLAGS (a", always(" a")), noop},
	"capabilities without end":        {flood("* CAPABILITY", func(i int) string { return fmt.Sprintf(" %x", i) }), noop},
	"addresses without end":           {flood("* 1 FETCH (UID 1 ENVELOPE (NIL NIL (", always(`(NIL NIL "" "")`)), fetchEnvelope},
	"parts without end":               {flood("* 1 FETCH (UID 1 BODYSTRUCTURE (", always(`("a" "b" ("c" "d") NIL NIL "" 1)`)), fetchStructure},
	"numbers without end":             {flood("* SEARCH", func(i int) string { return fmt.Sprint(" ", 2*i+1) }), search},
	"numbers that descend":            {flood("* SEARCH", func(i int) string { return fmt.Sprint(" ", 4_000_000_000-2*i) }), search},
	"ranges without end":              {flood("* ESEARCH (TAG \"T\") UID ALL 1", func(i int) string { return fmt.Sprint(",", 2*i+3) }), search},
	"responses without end":           {flood("", func(i int) string { return fmt.Sprintf("* %d EXISTS\r\n", i) }), noop},
	"silence within a literal":        {once("* 1 FETCH (UID 1 BODY[] {1000}\r\nabc"), fetchBody},
}

// TestHostileAfterTheHandOver has each server talk to a process of its own,
// whose heap it measures, and to go-imap alone in another one. A command under
// a context, Keep and Close come back when they should; the control of each is
// what only waits for the same context, or closes a connection on which nothing
// is said.
func TestHostileAfterTheHandOver(t *testing.T) {
	if role := mailtest.Role(); role != "" {
		way, rest, _ := strings.Cut(role, " ")
		addr, behaviour, _ := strings.Cut(rest, " ")
		if way == "ours" {
			oursAgainst(addr, hostile[behaviour].use)
		} else {
			plainAgainst(addr, hostile[behaviour].use)
		}
	}
	if testing.Short() || mailtest.RaceDetector {
		t.Skip("runs two processes for each server, and measures them")
	}
	for behaviour, h := range hostile {
		t.Run(behaviour, func(t *testing.T) {
			addr := serve(t, h.play)
			plainly := "hangs"
			if r, ended := mailtest.Alone(t, "plain "+addr+" "+behaviour, 10*time.Second); ended {
				plainly = r.Err
				if plainly == "" {
					plainly = fmt.Sprintf("%3d MiB, late by %v", r.Heap>>20, r.Late["command"].Round(time.Millisecond))
				}
			}
			r, ended := mailtest.Alone(t, "ours "+addr+" "+behaviour, 30*time.Second)
			for try := 1; ended && r.Latest() > mostLate && try < 3; try++ { // the machine may have other things to do
				r, ended = mailtest.Alone(t, "ours "+addr+" "+behaviour, 30*time.Second)
			}
			if !ended {
				t.Fatalf("does not end; go-imap alone: %s", plainly)
			}
			t.Logf("%2d MiB, late by %v; go-imap alone: %s; %.90s", r.Heap>>20, r.Late, plainly, r.Err)
			if r.Heap > mostHeap {
				t.Errorf("a heap of %d MiB, want no more than %d", r.Heap>>20, mostHeap>>20)
			}
			if r.Latest() > mostLate {
				t.Errorf("late by %v, want no more than %v", r.Late, mostLate)
			}
		})
	}
}

// serve has a server play once it is given a command that is not part of a
// Dial.
func serve(t *testing.T, play func(p *mailtest.Peer)) (addr string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	script := mailtest.OverTLS(func(p *mailtest.Peer) {
		p.Say(greeting)
		for tag, verb := p.TagVerb(); tag != ""; tag, verb = p.TagVerb() {
			switch verb {
			case "CAPABILITY":
				p.Say("* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR NAMESPACE", tag+" OK done")
			case "NAMESPACE":
				p.Say(namespace, tag+" OK done")
			case "AUTHENTICATE":
				p.Say(tag + " OK done")
			default:
				play(p)
				return
			}
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

func oursAgainst(addr string, use func(*imapclient.Client) error) {
	d := &imapdial.Dialer{Addr: addr, TokenSource: staticSource(secretToken), TLSConfig: &tls.Config{InsecureSkipVerify: true}}
	dial := func() *imapclient.Client {
		c, err := d.Dial(context.Background(), mailbox)
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
	r.Late["command"] = mailtest.Late(func() { r.Err = fmt.Sprint(use(c)) }, func() { <-ctx.Done() })

	c, idle := dial(), dial()
	go use(c)
	<-time.After(briefly)
	r.Late["Close"] = mailtest.Late(func() { c.Close() }, func() { idle.Close() })

	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	var begin sync.Once
	r.Late["Keep"] = mailtest.Late(func() {
		d.Keep(ctx, mailbox, nil, func(_ context.Context, c *imapclient.Client) error {
			begin.Do(func() { time.AfterFunc(briefly, cancel) })
			return errors.Join(imapdial.ErrDialAgain, use(c))
		})
	}, func() { <-ctx.Done() })
	r.Send()
}

func plainAgainst(addr string, use func(*imapclient.Client) error) {
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		panic(err)
	}
	r := mailtest.Measure()
	c := imapclient.New(conn, nil)
	ctx, cancel := context.WithTimeout(context.Background(), plainDuring)
	defer cancel()
	context.AfterFunc(ctx, func() { c.Close() })
	enough := func(format string, what any) {
		stopped := mailtest.Report{Heap: r.Heap, Err: fmt.Sprintf(format, what)}
		stopped.Send()
	}
	time.AfterFunc(plainDuring+plainLate, func() { enough("late by more than %v", plainLate) })
	go func() {
		for range time.Tick(10 * time.Millisecond) {
			if r.Grown() > plainHeap {
				enough("more than %d MiB", plainHeap>>20)
			}
		}
	}()
	r.Late["command"] = mailtest.Late(func() { use(c) }, func() { <-ctx.Done() })
	r.Send()
}
