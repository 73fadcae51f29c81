package smtpdial_test

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

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
)

// A stage is a point of the handshake at which the server's turn is to speak.
type stage struct {
	op     smtpdial.Op
	dialer func(testing.TB, mailtest.Script) *smtpdial.Dialer
	reach  func(rest func(p *mailtest.Peer)) mailtest.Script // plays a good server up to there
}

var stages = map[string]stage{
	"greeting": {smtpdial.OpGreeting, scripted, func(rest func(*mailtest.Peer)) mailtest.Script { return rest }},
	"hello": {smtpdial.OpHello, scripted, func(rest func(*mailtest.Peer)) mailtest.Script {
		return func(p *mailtest.Peer) { p.Say(banner); p.Expect("EHLO"); rest(p) }
	}},
	"starttls":     {smtpdial.OpStartTLS, scripted, clear},
	"second hello": {smtpdial.OpHello, scripted, encrypted},
	"authenticate": {smtpdial.OpAuthenticate, scripted, func(rest func(*mailtest.Peer)) mailtest.Script {
		return secured(func(p *mailtest.Peer, _ string) { rest(p) })
	}},
	"empty challenge": {smtpdial.OpAuthenticate, scripted, func(rest func(*mailtest.Peer)) mailtest.Script {
		return secured(func(p *mailtest.Peer, _ string) { p.Say("334"); p.Hear(); rest(p) })
	}},
	"after a challenge": {smtpdial.OpAuthenticate, scripted, func(rest func(*mailtest.Peer)) mailtest.Script {
		return secured(func(p *mailtest.Peer, _ string) { p.Say("334 " + encoded(challenge)); p.Hear(); rest(p) })
	}},
	"greeting, implicit TLS": {smtpdial.OpGreeting, overTLS, func(rest func(*mailtest.Peer)) mailtest.Script { return rest }},
}

func overTLS(t testing.TB, play mailtest.Script) *smtpdial.Dialer {
	d := elsewhere(t, mailtest.OverTLS(play))
	d.ImplicitTLS = true
	return d
}

// misdeeds are what a server can do at any stage, and the error that must come
// of it.
var misdeeds = map[string]struct {
	do   func(p *mailtest.Peer)
	want error
}{
	"silence":                         {mailtest.Silence, context.DeadlineExceeded},
	"close":                           {func(*mailtest.Peer) {}, io.ErrUnexpectedEOF},
	"half a line, then close":         {func(p *mailtest.Peer) { p.Raw("220 ma") }, io.ErrUnexpectedEOF},
	"half a line, then silence":       {func(p *mailtest.Peer) { p.Raw("220 ma"); mailtest.Silence(p) }, context.DeadlineExceeded},
	"half a reply, then close":        {func(p *mailtest.Peer) { p.Say("535-5.7.139 no") }, io.ErrUnexpectedEOF},
	"half a reply, then silence":      {func(p *mailtest.Peer) { p.Say("535-5.7.139 no"); mailtest.Silence(p) }, context.DeadlineExceeded},
	"slow drip":                       {func(p *mailtest.Peer) { mailtest.Drip(p, "250 ") }, context.DeadlineExceeded},
	"endless line":                    {func(p *mailtest.Peer) { p.Raw("250 " + endless); mailtest.Silence(p) }, smtpdial.ErrProtocol},
	"endless lines of one reply":      {func(p *mailtest.Peer) { p.Raw(strings.Repeat("250-x\r\n", 1<<16)); mailtest.Silence(p) }, smtpdial.ErrProtocol},
	"another code in a reply":         {func(p *mailtest.Peer) { p.Say("250-a", "535 b"); mailtest.Silence(p) }, smtpdial.ErrProtocol},
	"code beyond all classes":         {func(p *mailtest.Peer) { p.Say("999 x"); mailtest.Silence(p) }, smtpdial.ErrProtocol},
	"code of two digits":              {func(p *mailtest.Peer) { p.Say("25 x"); mailtest.Silence(p) }, smtpdial.ErrProtocol},
	"empty line":                      {func(p *mailtest.Peer) { p.Say(""); mailtest.Silence(p) }, smtpdial.ErrProtocol},
	"NUL and 0xFF":                    {func(p *mailtest.Peer) { p.Say("\x00\xff\x00"); mailtest.Silence(p) }, smtpdial.ErrProtocol},
	"HTTP":                            {func(p *mailtest.Peer) { p.Say("HTTP/1.1 502 Bad Gateway", ""); mailtest.Silence(p) }, smtpdial.ErrProtocol},
	"421, then close":                 {func(p *mailtest.Peer) { p.Say("421 4.3.2 Service not active [host]") }, words("Service not active [host]")},
	"421, then silence":               {func(p *mailtest.Peer) { p.Say("421 4.3.2 Service not active"); mailtest.Silence(p) }, words("Service not active")},
	"535 without text":                {func(p *mailtest.Peer) { p.Say("535"); mailtest.Silence(p) }, words("")},
	"535 of two lines":                {func(p *mailtest.Peer) { p.Say("535-5.7.139 one,", "535 5.7.139 two"); mailtest.Silence(p) }, words("one,\ntwo")},
	"354, which belongs to a message": {func(p *mailtest.Peer) { p.Say("354 go on"); mailtest.Silence(p) }, words("go on")},
}

// words is an *smtp.SMTPError with that text.
type words string

func (w words) Error() string { return string(w) }

func isWanted(err, want error) bool {
	text, ok := want.(words)
	reply, typed := errors.AsType[*smtp.SMTPError](err)
	return ok && typed && reply.Message == string(text) || !ok && errors.Is(err, want)
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
						_, err := d.Dial(ctx, sender)
						return err
					})
					if e, ok := errors.AsType[*smtpdial.Error](err); !ok || e.Op != stage.op || !isWanted(err, misdeed.want) {
						t.Errorf("error %v, want %q of step %q", err, misdeed.want, stage.op)
					}
				})
			})
		}
	}
	t.Logf("%d rows", rows)
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
			if d.ImplicitTLS {
				play = mailtest.OverTLS(play)
			}
			go play.Accept(t, listener)
			d.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, listener.Addr().String())
			}
			_, err = d.Dial(t.Context(), sender)
			e, ok := errors.AsType[*smtpdial.Error](err)
			early := ok && at == "greeting" && e.Op == smtpdial.OpConnect // before connect had returned
			if !ok || e.Op != stage.op && !early || !e.Retryable() {
				t.Errorf("error %v, want a temporary one of step %q", err, stage.op)
			}
		})
	}
}

func TestFaultsOfServersTLS(t *testing.T) {
	for name, change := range map[string]func(server *tls.Config, d *smtpdial.Dialer){
		"unknown authority": func(_ *tls.Config, d *smtpdial.Dialer) { d.TLSConfig = nil },
		"other host":        func(_ *tls.Config, d *smtpdial.Dialer) { d.Addr = "other.example.com:587" },
		"expired": func(_ *tls.Config, d *smtpdial.Dialer) {
			d.TLSConfig.Time = func() time.Time { return time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC) }
		},
		"TLS 1.1 at most": func(s *tls.Config, _ *smtpdial.Dialer) {
			s.MinVersion, s.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var watched mailtest.Watched
				config := mailtest.ServerTLS()
				d := scripted(t, nil)
				change(config, d)
				d.DialContext = watched.DialContext(clear(func(p *mailtest.Peer) {
					p.Say("220 go")
					tls.Server(p.Conn, config).Handshake()
				}).For(t))
				_, err := d.Dial(t.Context(), sender)
				fault{op: smtpdial.OpTLS}.check(t, err)
				if smtpdial.Retryable(err) {
					t.Errorf("%v is temporary, want not", err)
				}
				if watched.Closed.Load() != 1 {
					t.Error("the connection was not closed")
				}
			})
		})
	}
}
