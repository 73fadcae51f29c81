package imapdial_test

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

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

// A stage is a point of the handshake at which the server's turn is to speak.
type stage struct {
	op     imapdial.Op
	dialer func(testing.TB, mailtest.Script) *imapdial.Dialer
	// reach plays a good server up to the stage and then rest with the tag to
	// be answered.
	reach func(rest func(p *mailtest.Peer, tag string)) mailtest.Script
}

var stages = map[string]stage{
	"greeting": {imapdial.OpGreeting, scripted, func(rest func(*mailtest.Peer, string)) mailtest.Script {
		return func(p *mailtest.Peer) { rest(p, "*") }
	}},
	"greeting, not awaited": {imapdial.OpGreeting, early, func(rest func(*mailtest.Peer, string)) mailtest.Script {
		return func(p *mailtest.Peer) { p.Tag("AUTHENTICATE"); rest(p, "*") }
	}},
	"starttls": {imapdial.OpStartTLS, inTheClear, func(rest func(*mailtest.Peer, string)) mailtest.Script { return upTo("STARTTLS", rest) }},
	"capability": {imapdial.OpCapability, elsewhere, func(rest func(*mailtest.Peer, string)) mailtest.Script {
		return func(p *mailtest.Peer) { p.Say("* OK ready"); rest(p, p.Tag("CAPABILITY")) }
	}},
	"authenticate": {imapdial.OpAuthenticate, scripted, greeted},
	"empty challenge": {imapdial.OpAuthenticate, scripted, func(rest func(*mailtest.Peer, string)) mailtest.Script {
		return greeted(func(p *mailtest.Peer, tag string) { p.Say("+"); p.Hear(); rest(p, tag) })
	}},
	"after a challenge": {imapdial.OpAuthenticate, scripted, func(rest func(*mailtest.Peer, string)) mailtest.Script {
		return greeted(func(p *mailtest.Peer, tag string) { p.Say("+ " + encoded(challenge)); p.Hear(); rest(p, tag) })
	}},
	"probe": {imapdial.OpOpen, scripted, func(rest func(*mailtest.Peer, string)) mailtest.Script {
		return authenticated(func(p *mailtest.Peer, capability, _ string) { rest(p, capability) })
	}},
	"second half of the probe": {imapdial.OpOpen, scripted, func(rest func(*mailtest.Peer, string)) mailtest.Script {
		return authenticated(func(p *mailtest.Peer, capability, namespace string) {
			p.Say(postAuth, capability+" OK done")
			rest(p, namespace)
		})
	}},
}

func early(t testing.TB, play mailtest.Script) *imapdial.Dialer {
	d := scripted(t, play)
	d.EarlyAuth = true
	return d
}

func inTheClear(t testing.TB, play mailtest.Script) *imapdial.Dialer {
	d := elsewhere(t, nil)
	d.StartTLS = true
	d.DialContext = play.For(t)
	return d
}

// misdeeds are the faults that a server can make at any stage. Each must end in
// one of its errors.
var misdeeds = map[string]struct {
	do   func(p *mailtest.Peer, tag string)
	want []error
}{
	"silence":                   {func(p *mailtest.Peer, _ string) { mailtest.Silence(p) }, []error{context.DeadlineExceeded}},
	"close":                     {func(*mailtest.Peer, string) {}, []error{io.ErrUnexpectedEOF}},
	"half a line, then close":   {func(p *mailtest.Peer, tag string) { p.Raw(tag + " O") }, []error{io.ErrUnexpectedEOF}},
	"half a line, then silence": {func(p *mailtest.Peer, tag string) { p.Raw(tag + " O"); mailtest.Silence(p) }, []error{context.DeadlineExceeded}},
	"slow drip":                 {func(p *mailtest.Peer, tag string) { mailtest.Drip(p, tag+" OK ") }, []error{context.DeadlineExceeded}},
	"endless line":              {func(p *mailtest.Peer, tag string) { p.Raw(tag + " OK " + endless); mailtest.Silence(p) }, []error{imapdial.ErrProtocol}},
	"endless untagged lines":    {func(p *mailtest.Peer, _ string) { p.Raw(strings.Repeat("* 1 EXISTS\r\n", 1<<16)); mailtest.Silence(p) }, []error{imapdial.ErrProtocol}},
	"endless empty literals": {func(p *mailtest.Peer, _ string) {
		p.Raw("* X" + strings.Repeat(" {0}\r\n", 1<<16))
		mailtest.Silence(p)
	}, []error{imapdial.ErrProtocol}},
	"literal of 4 GB":              {func(p *mailtest.Peer, _ string) { p.Say("* X {4294967295}"); mailtest.Silence(p) }, []error{imapdial.ErrProtocol}},
	"literal that does not come":   {func(p *mailtest.Peer, _ string) { p.Say("* X {100}"); mailtest.Silence(p) }, []error{context.DeadlineExceeded, imapdial.ErrProtocol}},
	"literal that breaks off":      {func(p *mailtest.Peer, _ string) { p.Raw("* X {100}\r\nhalf") }, []error{io.ErrUnexpectedEOF, io.EOF, imapdial.ErrProtocol}},
	"wrong tag":                    {func(p *mailtest.Peer, _ string) { p.Say("Z9 OK done"); mailtest.Silence(p) }, []error{imapdial.ErrProtocol}},
	"tag without a status":         {func(p *mailtest.Peer, _ string) { p.Say("A1"); mailtest.Silence(p) }, []error{imapdial.ErrProtocol}},
	"empty line":                   {func(p *mailtest.Peer, _ string) { p.Say(""); mailtest.Silence(p) }, []error{imapdial.ErrProtocol}},
	"NUL and 0xFF":                 {func(p *mailtest.Peer, _ string) { p.Say("\x00\xff\x00"); mailtest.Silence(p) }, []error{imapdial.ErrProtocol}},
	"HTTP":                         {func(p *mailtest.Peer, _ string) { p.Say("HTTP/1.1 502 Bad Gateway", ""); mailtest.Silence(p) }, []error{imapdial.ErrProtocol}},
	"continuation that is no good": {func(p *mailtest.Peer, _ string) { p.Say("+ {go on}"); mailtest.Silence(p) }, []error{imapdial.ErrProtocol}},
	"BYE, then close":              {func(p *mailtest.Peer, _ string) { p.Say("* BYE Connection closed. 14") }, []error{words("Connection closed. 14")}},
	"BYE, then silence":            {func(p *mailtest.Peer, _ string) { p.Say("* BYE Connection closed. 14"); mailtest.Silence(p) }, []error{words("Connection closed. 14")}},
	"BYE without text":             {func(p *mailtest.Peer, _ string) { p.Say("* BYE") }, []error{words("")}},
	"NO without text":              {func(p *mailtest.Peer, tag string) { p.Say(tag + " NO"); mailtest.Silence(p) }, []error{words("")}},
	"BAD of Exchange":              {func(p *mailtest.Peer, tag string) { p.Say(tag + " BAD Command Error. 12"); mailtest.Silence(p) }, []error{words("Command Error. 12")}},
	"NO with a diagnostic": {func(p *mailtest.Peer, tag string) {
		p.Say(tag + ` NO [Error="AuthFailed:LogonDenied-None" RequestId=1]`)
		mailtest.Silence(p)
	}, []error{words(`[Error="AuthFailed:LogonDenied-None" RequestId=1]`)}},
}

// words is an *imap.Error with that text.
type words string

func (w words) Error() string { return string(w) }

func isOneOf(err error, wanted []error) bool {
	for _, want := range wanted {
		text, ok := want.(words)
		answer, typed := errors.AsType[*imap.Error](err)
		if ok && typed && answer.Text == string(text) || !ok && errors.Is(err, want) {
			return true
		}
	}
	return false
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
						_, err := d.Dial(ctx, mailbox)
						return err
					})
					if e, ok := errors.AsType[*imapdial.Error](err); !ok || e.Op != stage.op || !isOneOf(err, misdeed.want) {
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
			play := stage.reach(func(p *mailtest.Peer, _ string) { mailtest.Reset(p) })
			if stage.op != imapdial.OpStartTLS {
				play = mailtest.OverTLS(play)
			}
			go play.Accept(t, listener)
			d := stage.dialer(t, nil)
			d.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, listener.Addr().String())
			}
			_, err = d.Dial(t.Context(), mailbox)
			if e, ok := errors.AsType[*imapdial.Error](err); !ok || e.Op != stage.op || !e.Retryable() {
				t.Errorf("error %v, want a temporary one of step %q", err, stage.op)
			}
		})
	}
}

func TestFaultsOfServersTLS(t *testing.T) {
	for name, change := range map[string]func(server *tls.Config, d *imapdial.Dialer){
		"expired": func(_ *tls.Config, d *imapdial.Dialer) {
			d.TLSConfig.Time = func() time.Time { return time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC) }
		},
		"not valid yet": func(_ *tls.Config, d *imapdial.Dialer) {
			d.TLSConfig.Time = func() time.Time { return time.Unix(0, 0) }
		},
		"TLS 1.1 at most": func(s *tls.Config, _ *imapdial.Dialer) {
			s.MinVersion, s.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		},
		"wants certificate": func(s *tls.Config, _ *imapdial.Dialer) {
			s.ClientAuth, s.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
		},
		"no cipher together": func(s *tls.Config, d *imapdial.Dialer) {
			s.MaxVersion = tls.VersionTLS12
			s.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var watched mailtest.Watched
				config := mailtest.ServerTLS()
				d := scripted(t, nil)
				change(config, d)
				d.DialContext = watched.DialContext(mailtest.Script(func(p *mailtest.Peer) { tls.Server(p.Conn, config).Handshake() }).For(t))
				_, err := d.Dial(t.Context(), mailbox)
				fault{op: imapdial.OpTLS}.check(t, err)
				if imapdial.Retryable(err) {
					t.Errorf("%v is temporary, want not", err)
				}
				if watched.Closed.Load() != 1 {
					t.Error("the connection was not closed")
				}
			})
		})
	}
}
