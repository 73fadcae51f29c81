package imapdial_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/xoauth2"
)

var endless = strings.Repeat("x", 1<<20)

const challenge = `{"status":"401","schemes":"bearer","scope":"mail"}`

func encoded(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// greeted plays Exchange up to AUTHENTICATE, and then rest with its tag.
func greeted(rest func(p *mailtest.Peer, tag string)) mailtest.Script {
	return upTo("AUTHENTICATE", rest)
}

// upTo plays Exchange up to the first command, and then rest with its tag.
func upTo(verb string, rest func(p *mailtest.Peer, tag string)) mailtest.Script {
	return func(p *mailtest.Peer) {
		p.Say(greeting)
		rest(p, p.Tag(verb))
	}
}

// authenticated plays Exchange up to the probe, and then rest with its tags.
func authenticated(rest func(p *mailtest.Peer, capability, namespace string)) mailtest.Script {
	return greeted(func(p *mailtest.Peer, tag string) {
		p.Say(tag + " OK AUTHENTICATE completed.")
		rest(p, p.Tag("CAPABILITY"), p.Tag("NAMESPACE"))
	})
}

// A fault is one thing that a server does wrong. For each the dial must end
// with a typed error, no later than its context, with nothing left behind;
// the bubble of synctest fails for a goroutine that is.
type fault struct {
	name string
	play mailtest.Script
	op   imapdial.Op
	is   error  // errors.Is, nil for none
	imap string // *imap.Error in full, "" for none
	says string // part of the text
}

var faults = []fault{
	{"silence before the greeting", mailtest.Silence, imapdial.OpGreeting, context.DeadlineExceeded, "", ""},
	{"close before the greeting", func(*mailtest.Peer) {}, imapdial.OpGreeting, io.ErrUnexpectedEOF, "", ""},
	{"half a greeting, then close", func(p *mailtest.Peer) { p.Raw("* OK rea") }, imapdial.OpGreeting, io.ErrUnexpectedEOF, "", ""},
	{"half a greeting, then silence", func(p *mailtest.Peer) { p.Raw("* OK rea"); mailtest.Silence(p) }, imapdial.OpGreeting, context.DeadlineExceeded, "", ""},
	{"endless greeting", func(p *mailtest.Peer) { p.Raw(endless); mailtest.Silence(p) }, imapdial.OpGreeting, imapdial.ErrProtocol, "", "16 KiB"},
	{"greeting of 16 KiB and one byte", func(p *mailtest.Peer) { p.Say("* OK " + endless[:16<<10-6]); mailtest.Silence(p) }, imapdial.OpGreeting, imapdial.ErrProtocol, "", "16 KiB"},
	{"BYE for a greeting", func(p *mailtest.Peer) { p.Say("* BYE Connection refused. 42") }, imapdial.OpGreeting, nil, "imap: BYE Connection refused. 42", ""},
	{"NO for a greeting", func(p *mailtest.Peer) { p.Say("* NO [UNAVAILABLE] go away") }, imapdial.OpGreeting, nil, "imap: NO [UNAVAILABLE] go away", ""},
	{"PREAUTH for a greeting", func(p *mailtest.Peer) { p.Say("* PREAUTH welcome root") }, imapdial.OpGreeting, imapdial.ErrProtocol, "", "PREAUTH"},
	{"HTTP for a greeting", func(p *mailtest.Peer) { p.Say("HTTP/1.1 400 Bad Request", "") }, imapdial.OpGreeting, imapdial.ErrProtocol, "", "HTTP/1.1 400"},
	{"SMTP for a greeting", func(p *mailtest.Peer) { p.Say("220 mail.example.com ESMTP") }, imapdial.OpGreeting, imapdial.ErrProtocol, "", "220 mail"},
	{"empty line for a greeting", func(p *mailtest.Peer) { p.Say("") }, imapdial.OpGreeting, imapdial.ErrProtocol, "", ""},
	{"control characters in the greeting", func(p *mailtest.Peer) { p.Say("\x1b]0;owned\x07") }, imapdial.OpGreeting, imapdial.ErrProtocol, "", `\x1b]0;owned`},

	{"silence after AUTHENTICATE", greeted(func(p *mailtest.Peer, _ string) { mailtest.Silence(p) }), imapdial.OpAuthenticate, context.DeadlineExceeded, "", ""},
	{"close after AUTHENTICATE", greeted(func(*mailtest.Peer, string) {}), imapdial.OpAuthenticate, io.ErrUnexpectedEOF, "", ""},
	{"BYE after AUTHENTICATE", greeted(func(p *mailtest.Peer, _ string) { p.Say("* BYE Connection is closed. 13") }), imapdial.OpAuthenticate, nil, "imap: BYE Connection is closed. 13", ""},
	{"BYE and NO after AUTHENTICATE", greeted(func(p *mailtest.Peer, tag string) {
		p.Say("* BYE Too many connections. 42", tag+" NO AUTHENTICATE failed.")
	}), imapdial.OpAuthenticate, nil, "imap: BYE Too many connections. 42", "NO AUTHENTICATE failed."},
	{"BYE and OK after AUTHENTICATE", greeted(func(p *mailtest.Peer, tag string) {
		p.Say("* BYE Too many connections. 42", tag+" OK AUTHENTICATE completed.")
	}), imapdial.OpAuthenticate, nil, "imap: BYE Too many connections. 42", ""},
	{"NO", greeted(func(p *mailtest.Peer, tag string) { p.Say(tag + " NO AUTHENTICATE failed.") }), imapdial.OpAuthenticate, nil, "imap: NO AUTHENTICATE failed.", frontEnd},
	{"NO in lower case", greeted(func(p *mailtest.Peer, tag string) { p.Say(tag + " no nope") }), imapdial.OpAuthenticate, nil, "imap: NO nope", ""},
	{"NO without text", greeted(func(p *mailtest.Peer, tag string) { p.Say(tag + " NO") }), imapdial.OpAuthenticate, nil, "imap: NO <unknown>", ""},
	{"NO with a response code", greeted(func(p *mailtest.Peer, tag string) { p.Say(tag + " NO [AUTHENTICATIONFAILED] Authentication failed.") }), imapdial.OpAuthenticate, nil, "imap: NO [AUTHENTICATIONFAILED] Authentication failed.", ""},
	{"NO with Exchange's diagnostic", greeted(func(p *mailtest.Peer, tag string) {
		p.Say(tag + ` NO [Error="AuthFailed:LogonDenied-None-OAuthLog:AuthExc_Auth Failed." User:a@contoso.com]`)
	}), imapdial.OpAuthenticate, nil, `imap: NO [Error="AuthFailed:LogonDenied-None-OAuthLog:AuthExc_Auth Failed." User:a@contoso.com]`, ""},
	{"BAD", greeted(func(p *mailtest.Peer, tag string) { p.Say(tag + " BAD Command Error. 10") }), imapdial.OpAuthenticate, nil, "imap: BAD Command Error. 10", ""},
	{"tagged NO, not connected", greeted(func(p *mailtest.Peer, tag string) { p.Say(tag + " NO User is authenticated but not connected.") }), imapdial.OpAuthenticate, nil, "imap: NO User is authenticated but not connected.", ""},
	{"throttled", greeted(func(p *mailtest.Peer, tag string) {
		p.Say(tag + " NO Request is throttled. Suggested Backoff Time: 299609 milliseconds")
	}), imapdial.OpAuthenticate, nil, "imap: NO Request is throttled. Suggested Backoff Time: 299609 milliseconds", ""},
	{"wrong tag", greeted(func(p *mailtest.Peer, _ string) { p.Say("Z9 OK AUTHENTICATE completed.") }), imapdial.OpAuthenticate, imapdial.ErrProtocol, "", "Z9 OK"},
	{"tag without a status", greeted(func(p *mailtest.Peer, tag string) { p.Say(tag + " EXISTS") }), imapdial.OpAuthenticate, imapdial.ErrProtocol, "", "EXISTS"},
	{"tag alone", greeted(func(p *mailtest.Peer, tag string) { p.Say(tag) }), imapdial.OpAuthenticate, imapdial.ErrProtocol, "", ""},
	{"endless line", greeted(func(p *mailtest.Peer, tag string) { p.Raw(tag + " NO " + endless); mailtest.Silence(p) }), imapdial.OpAuthenticate, imapdial.ErrProtocol, "", "16 KiB"},
	{"endless untagged lines", greeted(func(p *mailtest.Peer, _ string) { p.Raw(strings.Repeat("* OK wait\r\n", 1<<16)); mailtest.Silence(p) }), imapdial.OpAuthenticate, imapdial.ErrProtocol, "", "64 KiB"},
	{"literal of 4 GB", greeted(func(p *mailtest.Peer, _ string) { p.Say("* X {4294967295}"); mailtest.Silence(p) }), imapdial.OpAuthenticate, imapdial.ErrProtocol, "", "64 KiB"},
	{"literal that does not come", greeted(func(p *mailtest.Peer, _ string) { p.Say("* X {100}"); mailtest.Silence(p) }), imapdial.OpAuthenticate, context.DeadlineExceeded, "", ""},

	{"challenge, then NO", greeted(func(p *mailtest.Peer, tag string) {
		p.Say("+ " + encoded(challenge))
		if line := p.Hear(); line != "" {
			p.Say(tag + " NO the acknowledgement was " + line)
			return
		}
		p.Say(tag + " NO AUTHENTICATE failed.")
	}), imapdial.OpAuthenticate, nil, "imap: NO AUTHENTICATE failed.", `status "401"`},
	{"challenge and NO in one segment", greeted(func(p *mailtest.Peer, tag string) {
		p.Say("+ "+encoded(challenge), tag+" NO AUTHENTICATE failed.")
	}), imapdial.OpAuthenticate, nil, "imap: NO AUTHENTICATE failed.", `status "401"`},
	{"challenge, then close", greeted(func(p *mailtest.Peer, _ string) { p.Say("+ " + encoded(challenge)) }), imapdial.OpAuthenticate, nil, "", `status "401"`},
	{"challenge, then silence", greeted(func(p *mailtest.Peer, _ string) {
		p.Say("+ " + encoded(challenge))
		p.Hear()
		mailtest.Silence(p)
	}), imapdial.OpAuthenticate, context.DeadlineExceeded, "", `status "401"`},
	{"challenge, then another", greeted(func(p *mailtest.Peer, _ string) {
		p.Say("+ " + encoded(challenge))
		p.Hear()
		p.Say("+ " + encoded(challenge))
	}), imapdial.OpAuthenticate, imapdial.ErrProtocol, "", `status "401"`},
	{"challenge, then OK", greeted(func(p *mailtest.Peer, tag string) {
		p.Say("+ " + encoded(challenge))
		p.Hear()
		p.Say(tag + " OK never mind")
	}), imapdial.OpAuthenticate, nil, "imap: OK never mind", `status "401"`},
	{"challenge that is not JSON", greeted(func(p *mailtest.Peer, tag string) {
		p.Say("+ " + encoded("what?"))
		p.Hear()
		p.Say(tag + " NO no")
	}), imapdial.OpAuthenticate, nil, "imap: NO no", `"what?"`},
	{"challenge that is not base64", greeted(func(p *mailtest.Peer, _ string) { p.Say("+ {not base64}") }), imapdial.OpAuthenticate, imapdial.ErrProtocol, "", "{not base64}"},
	{"empty challenges without end", greeted(func(p *mailtest.Peer, _ string) {
		for range 100 {
			p.Say("+ ")
			p.Hear()
		}
	}), imapdial.OpAuthenticate, imapdial.ErrProtocol, "", "empty challenge again"},

	{"silence after the probe", authenticated(func(p *mailtest.Peer, _, _ string) { mailtest.Silence(p) }), imapdial.OpOpen, context.DeadlineExceeded, "", ""},
	{"close after the probe", authenticated(func(*mailtest.Peer, string, string) {}), imapdial.OpOpen, io.ErrUnexpectedEOF, "", ""},
	{"close between the answers to the probe", authenticated(func(p *mailtest.Peer, capability, _ string) { p.Say(postAuth, capability+" OK done") }), imapdial.OpOpen, io.ErrUnexpectedEOF, "", ""},
	{"not connected", authenticated(func(p *mailtest.Peer, capability, namespace string) {
		p.Say(postAuth, capability+" OK CAPABILITY completed.", namespace+" BAD User is authenticated but not connected.", "* BYE Connection closed. 14")
	}), imapdial.OpOpen, nil, "imap: BAD User is authenticated but not connected.", mailbox},
	{"not connected, to the first of the two", authenticated(func(p *mailtest.Peer, capability, _ string) {
		p.Say(capability + " BAD User is authenticated but not connected.")
	}), imapdial.OpOpen, nil, "imap: BAD User is authenticated but not connected.", ""},
	{"unavailable", authenticated(func(p *mailtest.Peer, capability, namespace string) {
		p.Say(postAuth, capability+" OK CAPABILITY completed.", namespace+" NO Server Unavailable. 15")
	}), imapdial.OpOpen, nil, "imap: NO Server Unavailable. 15", ""},
	{"session expired during the probe", authenticated(func(p *mailtest.Peer, _, _ string) {
		p.Say("* BYE Session invalidated - AccessTokenExpired")
	}), imapdial.OpOpen, nil, "imap: BYE Session invalidated - AccessTokenExpired", ""},
	{"continuation request where none belongs", authenticated(func(p *mailtest.Peer, _, _ string) { p.Say("+ go on") }), imapdial.OpOpen, imapdial.ErrProtocol, "", "go on"},
	{"one command answered twice", authenticated(func(p *mailtest.Peer, capability, _ string) {
		p.Say(capability+" OK done", capability+" OK done")
	}), imapdial.OpOpen, imapdial.ErrProtocol, "", ""},
	{"BYE between the answers to the probe", authenticated(func(p *mailtest.Peer, capability, namespace string) {
		p.Say(capability+" OK done", "* BYE Connection closed. 14", namespace+" OK done")
	}), imapdial.OpOpen, nil, "imap: BYE Connection closed. 14", ""},
}

func TestFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				start := time.Now()
				c, err := scripted(t, f.play).Dial(ctx, mailbox)
				if err == nil {
					c.Close()
					t.Fatal("no error")
				}
				if took := time.Since(start); took > 10*time.Second {
					t.Errorf("took %v, want no longer than the context", took)
				}
				f.check(t, err)
			})
		})
	}
}

func (f fault) check(t *testing.T, err error) {
	t.Helper()
	t.Log(err)
	e, ok := errors.AsType[*imapdial.Error](err)
	if !ok || e.Op != f.op {
		t.Errorf("error %#v, want an *imapdial.Error of step %q", err, f.op)
	}
	if f.is != nil && !errors.Is(err, f.is) {
		t.Errorf("error %q is not %q", err, f.is)
	}
	refusal, ok := errors.AsType[*imap.Error](err)
	if ok != (f.imap != "") || ok && refusal.Error() != f.imap {
		t.Errorf("*imap.Error %v, want %q", refusal, f.imap)
	}
	if !strings.Contains(err.Error(), f.says) {
		t.Errorf("error %q does not say %q", err, f.says)
	}
	if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		t.Errorf("error %q has control characters", err)
	}
}

func TestFaultsBeforeTLS(t *testing.T) {
	plain := func(play mailtest.Script) *imapdial.Dialer {
		d := scripted(t, nil)
		d.DialContext = play.For(t)
		return d
	}
	startTLS := func(play mailtest.Script) *imapdial.Dialer {
		d := plain(play)
		d.StartTLS = true
		return d
	}
	for name, test := range map[string]struct {
		dialer *imapdial.Dialer
		fault  fault
	}{
		"plain text on the TLS port": {plain(func(p *mailtest.Peer) { p.Say(greeting); mailtest.Silence(p) }),
			fault{op: imapdial.OpTLS, says: "TLS"}},
		"silence in the TLS handshake": {plain(mailtest.Silence),
			fault{op: imapdial.OpTLS, is: context.DeadlineExceeded}},
		"close in the TLS handshake": {plain(func(p *mailtest.Peer) { p.Hear() }),
			fault{op: imapdial.OpTLS}},
		"STARTTLS refused": {startTLS(func(p *mailtest.Peer) {
			p.Say(greeting)
			p.Say(p.Tag("STARTTLS") + " NO not today")
			mailtest.Silence(p)
		}),
			fault{op: imapdial.OpStartTLS, imap: "imap: NO not today"}},
		"silence after STARTTLS": {startTLS(func(p *mailtest.Peer) { p.Say(greeting); mailtest.Silence(p) }),
			fault{op: imapdial.OpStartTLS, is: context.DeadlineExceeded}},
		"bytes injected after STARTTLS": {startTLS(func(p *mailtest.Peer) {
			p.Say(greeting)
			p.Say(p.Tag("STARTTLS")+" OK begin", "* CAPABILITY IMAP4rev1 AUTH=XOAUTH2")
			p.StartTLS()
		}), fault{op: imapdial.OpStartTLS, is: imapdial.ErrProtocol, says: "in the clear"}},
		"PREAUTH before STARTTLS": {startTLS(func(p *mailtest.Peer) { p.Say("* PREAUTH come in") }),
			fault{op: imapdial.OpGreeting, is: imapdial.ErrProtocol}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_, err := test.dialer.Dial(ctx, mailbox)
				test.fault.check(t, err)
			})
		})
	}
}

func TestFaultsOfCertificates(t *testing.T) {
	for name, change := range map[string]func(d *imapdial.Dialer){
		"unknown authority": func(d *imapdial.Dialer) { d.TLSConfig = nil },
		"other host":        func(d *imapdial.Dialer) { d.Addr = "other.example.com:993" },
		"TLS 1.1 at most": func(d *imapdial.Dialer) {
			d.TLSConfig.MaxVersion = tls.VersionTLS11
			d.TLSConfig.MinVersion = tls.VersionTLS10
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := scripted(t, open)
				change(d)
				_, err := d.Dial(t.Context(), mailbox)
				fault{op: imapdial.OpTLS}.check(t, err)
				if e, ok := errors.AsType[*imapdial.Error](err); ok && e.Retryable() {
					t.Errorf("%v is temporary, want not", err)
				}
			})
		})
	}
}

func TestNoXOAUTH2(t *testing.T) {
	for name, play := range map[string]mailtest.Script{
		"in the greeting": func(p *mailtest.Peer) {
			p.Say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready")
			if line := p.Hear(); line != "" {
				t.Errorf("the client sent %q", line)
			}
		},
		"when asked": func(p *mailtest.Peer) {
			p.Say("* OK ready")
			p.Say("* CAPABILITY IMAP4rev1 AUTH=PLAIN", p.Tag("CAPABILITY")+" OK done")
			if line := p.Hear(); line != "" {
				t.Errorf("the client sent %q", line)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := elsewhere(t, play).Dial(t.Context(), mailbox)
				fault{op: imapdial.OpCapability, is: imapdial.ErrNoXOAUTH2, says: "AUTH=PLAIN"}.check(t, err)
			})
		})
	}
}

// A dial that is cancelled returns at once, at every stage.
func TestCancel(t *testing.T) {
	stages := map[string]mailtest.Script{
		"greeting":     mailtest.OverTLS(mailtest.Silence),
		"authenticate": mailtest.OverTLS(greeted(func(p *mailtest.Peer, _ string) { mailtest.Silence(p) })),
		"probe":        mailtest.OverTLS(authenticated(func(p *mailtest.Peer, _, _ string) { mailtest.Silence(p) })),
		"tls":          mailtest.Silence,
	}
	for name, play := range stages {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gaveUp := errors.New("the user gave up")
				ctx, cancel := context.WithCancelCause(t.Context())
				d := scripted(t, nil)
				d.DialContext = play.For(t)
				time.AfterFunc(time.Second, func() { cancel(gaveUp) })
				start := time.Now()
				_, err := d.Dial(ctx, mailbox)
				if !errors.Is(err, context.Canceled) || !errors.Is(err, gaveUp) {
					t.Errorf("error %v, want those of the context", err)
				}
				if took := time.Since(start); took != time.Second {
					t.Errorf("returned after %v, want at the cancellation", took)
				}
			})
		})
	}
	t.Run("token of a source without context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			defer close(release)
			d := scripted(t, mailtest.Silence)
			d.TokenSource = blockedSource(release)
			d.Timeout = time.Second
			_, err := d.Dial(t.Context(), mailbox)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want that of the context", err)
			}
		})
	})
	t.Run("connecting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := scripted(t, nil)
			d.Timeout = time.Second
			d.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			_, err := d.Dial(t.Context(), mailbox)
			fault{op: imapdial.OpConnect, is: context.DeadlineExceeded}.check(t, err)
		})
	})
}

func TestErrorPredicates(t *testing.T) {
	wrap := func(err error) *imapdial.Error {
		return &imapdial.Error{Op: imapdial.OpAuthenticate, Addr: "a:993", Username: mailbox, Err: err}
	}
	no := func(text string) error { return &imap.Error{Type: imap.StatusResponseTypeNo, Text: text} }
	for name, test := range map[string]struct {
		err                     error
		temporary, notConnected bool
	}{
		"refused":              {no("AUTHENTICATE failed."), false, false},
		"not connected":        {no("User is authenticated but not connected."), false, true},
		"throttled":            {no("Request is throttled. Suggested Backoff Time: 1 milliseconds"), true, false},
		"server unavailable":   {no("Server Unavailable. 15"), true, false},
		"UNAVAILABLE":          {&imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeUnavailable}, true, false},
		"BYE":                  {&imap.Error{Type: imap.StatusResponseTypeBye, Text: "Connection is closed. 13"}, true, false},
		"EOF":                  {io.ErrUnexpectedEOF, true, false},
		"deadline":             {context.DeadlineExceeded, true, false},
		"cancelled":            {context.Canceled, false, false},
		"connection refused":   {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, true, false},
		"no such host":         {&net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}, false, false},
		"no port":              {&net.OpError{Op: "dial", Err: &net.AddrError{Err: "missing port in address"}}, false, false},
		"name server down":     {&net.OpError{Op: "dial", Err: &net.DNSError{IsTemporary: true}}, true, false},
		"alert of the server":  {&net.OpError{Op: "remote error", Err: errors.New("tls: protocol version")}, false, false},
		"certificate":          {&tls.CertificateVerificationError{Err: errors.New("unknown authority")}, false, false},
		"challenge":            {&xoauth2.Error{Status: "401"}, false, false},
		"not IMAP":             {imapdial.ErrProtocol, false, false},
		"x/oauth2, 503":        {&oauth2.RetrieveError{Response: &http.Response{StatusCode: 503}}, true, false},
		"x/oauth2, 429":        {&oauth2.RetrieveError{Response: &http.Response{StatusCode: 429}}, true, false},
		"x/oauth2, 401":        {&oauth2.RetrieveError{Response: &http.Response{StatusCode: 401}}, false, false},
		"source, temporary":    {temporaryError(true), true, false},
		"source, for good":     {temporaryError(false), false, false},
		"neither in the least": {errors.New("x"), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := wrap(test.err)
			if got := err.Retryable(); got != test.temporary {
				t.Errorf("Retryable %t, want %t", got, test.temporary)
			}
			if got := imapdial.NotConnected(err); got != test.notConnected {
				t.Errorf("NotConnected %t, want %t", got, test.notConnected)
			}
		})
	}
}

type temporaryError bool

func (temporaryError) Error() string     { return "from the source" }
func (e temporaryError) Retryable() bool { return bool(e) }
