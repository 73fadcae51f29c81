package popdial_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/popdial"
)

// A stage is a point of the handshake at which the server's turn is to speak.
type stage struct {
	op     popdial.Op
	dialer func(testing.TB, mailtest.Script) *popdial.Dialer
	reach  func(rest func(p *mailtest.Peer)) mailtest.Script // plays a good server up to there
}

const challenge = `{"status":"401","schemes":"bearer","scope":"mail"}`

var stages = map[string]stage{
	"greeting":               {popdial.OpGreeting, scripted, func(rest func(*mailtest.Peer)) mailtest.Script { return rest }},
	"greeting, in the clear": {popdial.OpGreeting, inTheClear, func(rest func(*mailtest.Peer)) mailtest.Script { return rest }},
	"stls": {popdial.OpStartTLS, inTheClear, func(rest func(*mailtest.Peer)) mailtest.Script {
		return func(p *mailtest.Peer) { p.Say(greeting); p.Expect("STLS"); rest(p) }
	}},
	"first step of AUTH": {popdial.OpAuthenticate, scripted, begun},
	"first step of OAUTHBEARER": {popdial.OpAuthenticate, elsewhere, func(rest func(*mailtest.Peer)) mailtest.Script {
		return begun(func(p *mailtest.Peer) {
			p.Say("-ERR Unsupported authentication mechanism.")
			p.Expect("AUTH OAUTHBEARER")
			p.Say("+ ")
			p.Hear()
			rest(p)
		})
	}},
	"second step of AUTH": {popdial.OpAuthenticate, scripted, func(rest func(*mailtest.Peer)) mailtest.Script {
		return told(func(p *mailtest.Peer, _ string) { rest(p) })
	}},
	"empty challenge": {popdial.OpAuthenticate, scripted, func(rest func(*mailtest.Peer)) mailtest.Script {
		return told(func(p *mailtest.Peer, _ string) { p.Say("+"); p.Hear(); rest(p) })
	}},
	"after a challenge": {popdial.OpAuthenticate, scripted, func(rest func(*mailtest.Peer)) mailtest.Script {
		return told(func(p *mailtest.Peer, _ string) { p.Say("+ " + encoded(challenge)); p.Hear(); rest(p) })
	}},
}

var endless = strings.Repeat("x", 1<<20)

// misdeeds are what a server can do at any stage, and the error that must come
// of it.
var misdeeds = map[string]struct {
	do   func(p *mailtest.Peer)
	want error
}{
	"silence":                    {mailtest.Silence, context.DeadlineExceeded},
	"close":                      {func(*mailtest.Peer) {}, io.ErrUnexpectedEOF},
	"half a line, then close":    {func(p *mailtest.Peer) { p.Raw("+O") }, io.ErrUnexpectedEOF},
	"half a line, then silence":  {func(p *mailtest.Peer) { p.Raw("+O"); mailtest.Silence(p) }, context.DeadlineExceeded},
	"a line without its LF":      {func(p *mailtest.Peer) { p.Raw("-ERR no\r") }, io.ErrUnexpectedEOF},
	"slow drip":                  {func(p *mailtest.Peer) { mailtest.Drip(p, "+OK ") }, context.DeadlineExceeded},
	"endless line":               {func(p *mailtest.Peer) { p.Raw("+OK " + endless); mailtest.Silence(p) }, popdial.ErrProtocol},
	"endless refusal":            {func(p *mailtest.Peer) { p.Raw("-ERR " + endless); mailtest.Silence(p) }, popdial.ErrProtocol},
	"line of 16 KiB and one":     {func(p *mailtest.Peer) { p.Say("-ERR " + endless[:16<<10-6]); mailtest.Silence(p) }, popdial.ErrProtocol},
	"empty line":                 {func(p *mailtest.Peer) { p.Say(""); mailtest.Silence(p) }, popdial.ErrProtocol},
	"NUL and 0xFF":               {func(p *mailtest.Peer) { p.Say("\x00\xff\x00"); mailtest.Silence(p) }, popdial.ErrProtocol},
	"control characters":         {func(p *mailtest.Peer) { p.Say("\x1b]0;owned\x07"); mailtest.Silence(p) }, popdial.ErrProtocol},
	"HTTP":                       {func(p *mailtest.Peer) { p.Say("HTTP/1.1 502 Bad Gateway", ""); mailtest.Silence(p) }, popdial.ErrProtocol},
	"IMAP":                       {func(p *mailtest.Peer) { p.Say("* OK IMAP4rev1 ready"); mailtest.Silence(p) }, popdial.ErrProtocol},
	"SMTP":                       {func(p *mailtest.Peer) { p.Say("220 mail.example.com ESMTP"); mailtest.Silence(p) }, popdial.ErrProtocol},
	"a word that begins with OK": {func(p *mailtest.Peer) { p.Say("+OKAY"); mailtest.Silence(p) }, popdial.ErrProtocol},
	"a challenge, no base64":     {func(p *mailtest.Peer) { p.Say("+ {go on}"); p.Say("+ {go on}"); mailtest.Silence(p) }, popdial.ErrProtocol},
	"refusal, then close":        {func(p *mailtest.Peer) { p.Say("-ERR Connection is closed. 13") }, words("Connection is closed. 13")},
	"refusal, then silence":      {func(p *mailtest.Peer) { p.Say("-ERR Server Unavailable. 21"); mailtest.Silence(p) }, words("Server Unavailable. 21")},
	"refusal without text":       {func(p *mailtest.Peer) { p.Say("-ERR"); mailtest.Silence(p) }, words("")},
	"refusal with a code":        {func(p *mailtest.Peer) { p.Say("-ERR [sys/perm] no"); mailtest.Silence(p) }, words("no")},
	"refusal in lower case":      {func(p *mailtest.Peer) { p.Say("-err no"); mailtest.Silence(p) }, words("no")},
}

// words is a *ReplyError with that text.
type words string

func (w words) Error() string { return string(w) }

func isWanted(err, want error) bool {
	text, ok := want.(words)
	refusal, typed := errors.AsType[*popdial.ReplyError](err)
	return ok && typed && refusal.Text == string(text) || !ok && errors.Is(err, want)
}

// Every misdeed at every stage gives a typed error of that stage, in time, and
// leaves nothing behind: no connection, no goroutine (the bubble of synctest
// fails for one), no pile of octets.
func TestFaultsAtEveryStage(t *testing.T) {
	rows := 0
	for at, stage := range stages {
		for what, misdeed := range misdeeds {
			rows++
			t.Run(at+": "+what, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := stage.dialer(t, stage.reach(misdeed.do))
					err := mailtest.Misdeed(t, d.DialContext, secretToken, func(ctx context.Context, dial mailtest.DialFunc) error {
						d.DialContext = dial
						_, err := d.DialConn(ctx, mailbox)
						return err
					})
					if e, ok := errors.AsType[*popdial.Error](err); !ok || e.Op != stage.op || !isWanted(err, misdeed.want) {
						t.Errorf("error %v, want %q of step %q", err, misdeed.want, stage.op)
					}
				})
			})
		}
	}
	if t.Logf("%d rows", rows); rows < 120 {
		t.Errorf("%d rows, want 120", rows)
	}
}

// A reset, which only TCP has, in the middle of each stage.
func TestReset(t *testing.T) {
	for at, stage := range stages {
		t.Run(at, func(t *testing.T) {
			mailtest.NoLeaks(t)
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			d := stage.dialer(t, nil)
			play := stage.reach(mailtest.Reset)
			if !d.StartTLS {
				play = mailtest.OverTLS(play)
			}
			go play.Accept(t, listener)
			d.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, listener.Addr().String())
			}
			_, err = d.DialConn(t.Context(), mailbox)
			e, ok := errors.AsType[*popdial.Error](err)
			early := ok && at == "greeting, in the clear" && e.Op == popdial.OpConnect // before connect had returned
			if !ok || e.Op != stage.op && !early || !e.Retryable() {
				t.Errorf("error %v, want a temporary one of step %q", err, stage.op)
			}
		})
	}
}

// A context that ends is the end of every stage, at once.
func TestCancelAtEveryStage(t *testing.T) {
	for at, stage := range stages {
		t.Run(at, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				start := time.Now()
				_, err := stage.dialer(t, stage.reach(mailtest.Silence)).DialConn(ctx, mailbox)
				if took := time.Since(start); !errors.Is(err, context.Canceled) || took != time.Second {
					t.Errorf("error %v after %v, want that of the context after a second", err, took)
				}
			})
		})
	}
}

func TestFaultsOfTLS(t *testing.T) {
	for name, row := range map[string]struct {
		change func(server *tls.Config, d *popdial.Dialer)
		plain  bool
	}{
		"unknown authority":       {func(_ *tls.Config, d *popdial.Dialer) { d.TLSConfig = nil }, false},
		"unknown authority, STLS": {func(_ *tls.Config, d *popdial.Dialer) { d.TLSConfig = nil }, true},
		"other host":              {func(_ *tls.Config, d *popdial.Dialer) { d.Addr = "other.example.com:995" }, false},
		"expired": {func(_ *tls.Config, d *popdial.Dialer) {
			d.TLSConfig.Time = func() time.Time { return time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC) }
		}, false},
		"TLS 1.1 at most": {func(s *tls.Config, _ *popdial.Dialer) {
			s.MinVersion, s.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var watched mailtest.Watched
				config := mailtest.ServerTLS()
				d := scripted(t, nil)
				row.change(config, d)
				d.StartTLS = row.plain
				d.DialContext = watched.DialContext(mailtest.Script(func(p *mailtest.Peer) {
					if row.plain {
						p.Say(greeting)
						p.Expect("STLS")
						p.Say("+OK Begin TLS negotiation.")
					}
					tls.Server(p.Conn, config).Handshake()
				}).For(t))
				_, err := d.DialConn(t.Context(), mailbox)
				if e, ok := errors.AsType[*popdial.Error](err); !ok || e.Op != popdial.OpTLS || popdial.Retryable(err) {
					t.Errorf("error %v, want one of TLS that does not pass", err)
				}
				if watched.Closed.Load() != 1 {
					t.Error("the connection was not closed")
				}
			})
		})
	}
}

// What the server has said in the clear does not count as encrypted.
func TestInjectedBeforeTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := inTheClear(t, func(p *mailtest.Peer) {
			p.Say(greeting)
			p.Expect("STLS")
			p.Say("+OK Begin TLS negotiation.", "+ ", accepted)
			p.Gone()
		}).DialConn(t.Context(), mailbox)
		if e, ok := errors.AsType[*popdial.Error](err); !ok || e.Op != popdial.OpStartTLS || !errors.Is(err, popdial.ErrProtocol) {
			t.Errorf("error %v, want one of STLS", err)
		}
	})
}

// A server that hangs up between two commands has said why.
func TestLastWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := inTheClear(t, func(p *mailtest.Peer) { p.Say(greeting, "-ERR Server Unavailable. 21") })
		connect := d.DialContext
		d.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := connect(ctx, network, addr)
			synctest.Wait() // until the server is gone
			return conn, err
		}
		_, err := d.DialConn(t.Context(), mailbox)
		if refusal, ok := errors.AsType[*popdial.ReplyError](err); !ok || refusal.Text != "Server Unavailable. 21" || !popdial.Retryable(err) {
			t.Errorf("error %v, want the server's words", err)
		}
	})
}
