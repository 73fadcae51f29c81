package dialers

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

// bigMessage is the size of a message that is as big as Exchange Online takes.
const bigMessage = 150_000_000

// sayMessage plays a server with one such message. It does little, so that what
// is measured is the client.
func sayMessage(p *mailtest.Peer) {
	p.Say("* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR NAMESPACE] ready")
	line := strings.Repeat("x", 76) + "\r\n"
	piece := []byte(strings.Repeat(line, 200))
	for tag, verb := p.TagVerb(); tag != ""; tag, verb = p.TagVerb() {
		switch verb {
		case "CAPABILITY":
			p.Say("* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR NAMESPACE")
		case "NAMESPACE":
			p.Say(`* NAMESPACE (("" "/")) NIL NIL`)
		case "UID":
			p.Raw(fmt.Sprintf("* 1 FETCH (UID 1 BODY[] {%d}\r\n", bigMessage))
			for left := bigMessage; left > 0; {
				n, err := p.Write(piece[:min(left, len(piece))])
				if err != nil {
					return
				}
				left -= n
			}
			p.Raw(")\r\n")
		}
		p.Say(tag + " OK done")
	}
}

func newMessageServer(t testing.TB) (addr string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	script := mailtest.OverTLS(sayMessage)
	go func() {
		for script.Accept(t, listener) == nil {
		}
	}()
	return listener.Addr().String()
}

// fetchMessage measures the way of the message into nothing.
func fetchMessage(t testing.TB, c *imapclient.Client) time.Duration {
	defer c.Close()
	start := time.Now()
	messages := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{}}})
	var size int64
	for message := messages.Next(); message != nil; message = messages.Next() {
		for item := message.Next(); item != nil; item = message.Next() {
			if body, ok := item.(imapclient.FetchItemDataBodySection); ok {
				size, _ = io.Copy(io.Discard, body.Literal)
			}
		}
	}
	if err := messages.Close(); err != nil || size != bigMessage {
		t.Fatalf("%d octets, %v", size, err)
	}
	return time.Since(start)
}

// messageRatio is the time that the message takes through the limits of
// imapdial, in terms of that which it takes go-imap alone right before or
// after.
func messageRatio(t testing.TB, addr string, oursFirst bool) float64 {
	ours := func() time.Duration {
		d := &imapdial.Dialer{Addr: addr, TLSConfig: mailtest.ClientTLS(), TokenSource: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"})}
		c, err := d.Dial(context.Background(), mailbox)
		if err != nil {
			t.Fatal(err)
		}
		return fetchMessage(t, c)
	}
	plain := func() time.Duration {
		conn, err := tls.Dial("tcp", addr, mailtest.ClientTLS())
		if err != nil {
			t.Fatal(err)
		}
		return fetchMessage(t, imapclient.New(conn, nil))
	}
	var a, b time.Duration
	if oursFirst {
		a = ours()
		b = plain()
	} else {
		b = plain()
		a = ours()
	}
	return float64(a) / float64(b)
}

// medianRatio is that of several runs, in each order as often.
func medianRatio(t testing.TB, addr string) float64 {
	const runs = 8
	ratios := make([]float64, runs)
	for i := range ratios {
		ratios[i] = messageRatio(t, addr, i%2 == 0)
	}
	slices.Sort(ratios)
	return (ratios[runs/2-1] + ratios[runs/2]) / 2
}

func BenchmarkMessageOf150MB(b *testing.B) {
	addr := newMessageServer(b)
	for b.Loop() {
		b.ReportMetric(medianRatio(b, addr), "of-go-imap's-time")
	}
}

// The limits cost nothing to speak of. A machine that has other things to do
// gets several tries.
func TestMessageOf150MB(t *testing.T) {
	const most = 1.05
	addr := newMessageServer(t)
	ratio := medianRatio(t, addr)
	for try := 1; ratio > most && try < 3; try++ {
		ratio = min(ratio, medianRatio(t, addr))
	}
	t.Logf("%.3f of the time of go-imap alone", ratio)
	if ratio > most {
		t.Errorf("%.3f of the time of go-imap alone, want no more than %v", ratio, most)
	}
}
