package smtpdial_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/dial"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/internal/verdict"
	"github.com/exoauth/exoauth/smtpdial"
)

var endless = strings.Repeat("x", 1<<20)

const challenge = `{"status":"401","schemes":"bearer","scope":"mail"}`

func encoded(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// A fault is one thing that a server does wrong. For each the dial must end
// with a typed error, no later than its context, with nothing left behind;
// the bubble of synctest fails for a goroutine that is.
type fault struct {
	name string
	play mailtest.Script
	op   smtpdial.Op
	is   error  // errors.Is, nil for none
	smtp string // code, enhanced code and text of the *smtp.SMTPError, "" for none
	says string // part of the text
}

// clear plays Exchange up to STARTTLS, and then rest.
func clear(rest func(p *mailtest.Peer)) mailtest.Script {
	return func(p *mailtest.Peer) {
		p.Say(banner)
		p.Expect("EHLO")
		p.Say(hello("STARTTLS")...)
		p.Expect("STARTTLS")
		rest(p)
	}
}

// encrypted plays Exchange up to the second EHLO, and then rest.
func encrypted(rest func(p *mailtest.Peer)) mailtest.Script {
	return clear(func(p *mailtest.Peer) {
		p.Say("220 2.0.0 SMTP server ready")
		if p.StartTLS() == nil {
			p.Expect("EHLO")
			rest(p)
		}
	})
}

func say(lines ...string) func(*mailtest.Peer) {
	return func(p *mailtest.Peer) { p.Say(lines...) }
}

func answer(lines ...string) mailtest.Script {
	return secured(func(p *mailtest.Peer, _ string) { p.Say(lines...) })
}

var faults = []fault{
	{"silence before the greeting", mailtest.Silence, smtpdial.OpGreeting, context.DeadlineExceeded, "", ""},
	{"close before the greeting", say(), smtpdial.OpGreeting, nil, "", ""},
	{"half a greeting, then close", func(p *mailtest.Peer) { p.Raw("220 mail") }, smtpdial.OpGreeting, io.ErrUnexpectedEOF, "", ""},
	{"421 for a greeting", say("421 4.3.2 Service not active [host]"), smtpdial.OpGreeting, nil, "421 4.3.2 Service not active [host]", ""},
	{"421 for old TLS", say("421 4.7.66 TLS 1.0 and 1.1 are not supported."), smtpdial.OpGreeting, nil, "421 4.7.66 TLS 1.0 and 1.1 are not supported.", "4.7.66"},
	{"endless greeting", func(p *mailtest.Peer) { p.Raw("220 " + endless); mailtest.Silence(p) }, smtpdial.OpGreeting, smtpdial.ErrProtocol, "", "16 KiB"},
	{"endless lines of a greeting", func(p *mailtest.Peer) { p.Raw(strings.Repeat("220-x\r\n", 1<<16)); mailtest.Silence(p) }, smtpdial.OpGreeting, smtpdial.ErrProtocol, "", "64 KiB"},
	{"IMAP for a greeting", say("* OK IMAP4rev1 ready"), smtpdial.OpGreeting, smtpdial.ErrProtocol, "", "* OK"},
	{"empty line for a greeting", say(""), smtpdial.OpGreeting, smtpdial.ErrProtocol, "", ""},
	{"code of four digits", say("2200 hello"), smtpdial.OpGreeting, smtpdial.ErrProtocol, "", "2200"},
	{"codes that differ in one reply", say("220-a", "250 b"), smtpdial.OpGreeting, smtpdial.ErrProtocol, "", "250 b"},
	{"control characters in the greeting", say("\x1b]0;owned\x07"), smtpdial.OpGreeting, smtpdial.ErrProtocol, "", `\x1b]0;owned`},

	{"EHLO refused", func(p *mailtest.Peer) { p.Say(banner); p.Expect("EHLO"); p.Say("502 5.5.2 no") }, smtpdial.OpHello, nil, "502 5.5.2 no", host},
	{"close after EHLO", func(p *mailtest.Peer) { p.Say(banner); p.Expect("EHLO") }, smtpdial.OpHello, io.ErrUnexpectedEOF, "", ""},
	{"STARTTLS not offered", func(p *mailtest.Peer) {
		p.Say(banner)
		p.Expect("EHLO")
		p.Say(hello("AUTH XOAUTH2")...)
		mailtest.Silence(p)
	}, smtpdial.OpStartTLS, smtpdial.ErrNoStartTLS, "", ""},
	{"STARTTLS refused", clear(say("454 4.7.0 TLS not available")), smtpdial.OpStartTLS, nil, "454 4.7.0 TLS not available", ""},
	{"STARTTLS, then silence", clear(mailtest.Silence), smtpdial.OpStartTLS, context.DeadlineExceeded, "", ""},
	{"STARTTLS, then no TLS", clear(func(p *mailtest.Peer) { p.Say("220 go"); p.Hear(); p.Say("250 what?"); mailtest.Silence(p) }), smtpdial.OpTLS, nil, "", "TLS"},
	{"STARTTLS, silence in the TLS handshake", clear(func(p *mailtest.Peer) { p.Say("220 go"); mailtest.Silence(p) }), smtpdial.OpTLS, context.DeadlineExceeded, "", ""},
	{"bytes injected after STARTTLS", clear(func(p *mailtest.Peer) { p.Say("220 go", "250 AUTH XOAUTH2"); p.StartTLS() }), smtpdial.OpStartTLS, smtpdial.ErrProtocol, "", "in the clear"},

	{"close after the second EHLO", encrypted(say()), smtpdial.OpHello, nil, "", ""},
	{"AUTH not offered over TLS", encrypted(say("250-mail", "250 SIZE 1")), smtpdial.OpAuthenticate, smtpdial.ErrNoXOAUTH2, "", "nor any other"},
	{"XOAUTH2 not offered over TLS", encrypted(say("250-mail", "250 AUTH LOGIN PLAIN")), smtpdial.OpAuthenticate, smtpdial.ErrNoXOAUTH2, "", "LOGIN PLAIN"},

	{"silence after AUTH", secured(func(p *mailtest.Peer, _ string) { mailtest.Silence(p) }), smtpdial.OpAuthenticate, context.DeadlineExceeded, "", ""},
	{"close after AUTH", secured(func(*mailtest.Peer, string) {}), smtpdial.OpAuthenticate, io.ErrUnexpectedEOF, "", ""},
	{"250 for an answer to AUTH", answer("250 ok"), smtpdial.OpAuthenticate, nil, "250 ok", ""},
	{"535 of Exchange", answer("535 5.7.3 Authentication unsuccessful [HOST 2024-07-11T11:46:49.042Z 08DCA18218166FB4]"), smtpdial.OpAuthenticate, nil,
		"535 5.7.3 Authentication unsuccessful [HOST 2024-07-11T11:46:49.042Z 08DCA18218166FB4]", "5.7.3"},
	{"535 without text", answer("535"), smtpdial.OpAuthenticate, nil, "535 ", ""},
	{"535 of several lines", answer("535-5.7.139 Authentication unsuccessful,", "535 5.7.139 user is locked"), smtpdial.OpAuthenticate, nil,
		"535 5.7.139 Authentication unsuccessful,\nuser is locked", "5.7.139"},
	{"504", answer("504 5.7.4 Unrecognized authentication type"), smtpdial.OpAuthenticate, nil, "504 5.7.4 Unrecognized authentication type", ""},
	{"451", answer("451 4.7.0 Retryable server error. Please try again later. PRX4"), smtpdial.OpAuthenticate, nil, "451 4.7.0 Retryable server error. Please try again later. PRX4", ""},
	{"challenge, then 535", secured(func(p *mailtest.Peer, _ string) {
		p.Say("334 " + encoded(challenge))
		p.Say("535 5.7.8 after " + fmt.Sprintf("%q", p.Hear()))
	}), smtpdial.OpAuthenticate, nil, `535 5.7.8 after ""`, `status "401"`},
	{"challenge and 535 in one segment", answer("334 "+encoded(challenge), "535 5.7.8 no"), smtpdial.OpAuthenticate, nil, "535 5.7.8 no", `status "401"`},
	{"challenge, then 235", secured(func(p *mailtest.Peer, _ string) { p.Say("334 " + encoded(challenge)); p.Hear(); p.Say("235 2.7.0 ok") }),
		smtpdial.OpAuthenticate, nil, "235 2.7.0 ok", `status "401"`},
	{"challenge, then silence", secured(func(p *mailtest.Peer, _ string) { p.Say("334 " + encoded(challenge)); p.Hear(); mailtest.Silence(p) }),
		smtpdial.OpAuthenticate, context.DeadlineExceeded, "", `status "401"`},
	{"challenge that is not base64", answer("334 {no}"), smtpdial.OpAuthenticate, smtpdial.ErrProtocol, "", "{no}"},
	{"empty challenges without end", secured(func(p *mailtest.Peer, _ string) {
		for range 100 {
			p.Say("334 ")
			p.Hear()
		}
	}), smtpdial.OpAuthenticate, nil, "334 ", "empty challenge again"},
}

func TestFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				start := time.Now()
				c, err := scripted(t, f.play).Dial(ctx, sender)
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
	e, ok := errors.AsType[*smtpdial.Error](err)
	if !ok || e.Op != f.op {
		t.Errorf("error %#v, want an *smtpdial.Error of step %q", err, f.op)
	}
	if f.is != nil && !errors.Is(err, f.is) {
		t.Errorf("error %q is not %q", err, f.is)
	}
	reply, ok := errors.AsType[*smtp.SMTPError](err)
	if ok != (f.smtp != "") || ok && describe(reply) != f.smtp {
		t.Errorf("*smtp.SMTPError %#v, want %q", reply, f.smtp)
	}
	if !strings.Contains(err.Error(), f.says) {
		t.Errorf("error %q does not say %q", err, f.says)
	}
	if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		t.Errorf("error %q has control characters", err)
	}
}

func describe(e *smtp.SMTPError) string {
	if e.EnhancedCode == smtp.EnhancedCodeNotSet {
		return fmt.Sprintf("%d %s", e.Code, e.Message)
	}
	return fmt.Sprintf("%d %d.%d.%d %s", e.Code, e.EnhancedCode[0], e.EnhancedCode[1], e.EnhancedCode[2], e.Message)
}

func TestCancel(t *testing.T) {
	for name, play := range map[string]mailtest.Script{
		"greeting":     mailtest.Silence,
		"hello":        func(p *mailtest.Peer) { p.Say(banner); mailtest.Silence(p) },
		"starttls":     clear(mailtest.Silence),
		"tls":          clear(func(p *mailtest.Peer) { p.Say("220 go"); mailtest.Silence(p) }),
		"authenticate": secured(func(p *mailtest.Peer, _ string) { mailtest.Silence(p) }),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				start := time.Now()
				_, err := scripted(t, play).Dial(ctx, sender)
				if !errors.Is(err, context.Canceled) {
					t.Errorf("error %v, want that of the context", err)
				}
				if took := time.Since(start); took != time.Second {
					t.Errorf("returned after %v, want at the cancellation", took)
				}
			})
		})
	}
}

// The function, the method and what all rooms go by agree.
func TestRetryable(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"class 4":                               {&smtp.SMTPError{Code: 451}, true},
		"class 4, context is over":              {fmt.Errorf("%w, after %w", context.DeadlineExceeded, &smtp.SMTPError{Code: 451}), true},
		"class 5":                               {&smtp.SMTPError{Code: 535}, false},
		"class 5, context is over":              {fmt.Errorf("%w, after %w", context.DeadlineExceeded, &smtp.SMTPError{Code: 535}), false},
		"class 3":                               {&smtp.SMTPError{Code: 354}, false},
		"uncertain":                             {fmt.Errorf("%w: %w", smtpdial.ErrUncertain, io.ErrUnexpectedEOF), false},
		"uncertain, context is over":            {fmt.Errorf("%w, after %w", context.DeadlineExceeded, smtpdial.ErrUncertain), false},
		"EOF":                                   {io.ErrUnexpectedEOF, true},
		"no SMTP":                               {smtpdial.ErrProtocol, false},
		"time limit":                            {context.DeadlineExceeded, true},
		"cancelled":                             {context.Canceled, false},
		"refused":                               {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		"no such name":                          {&net.DNSError{IsNotFound: true}, false},
		"certificate":                           {&tls.CertificateVerificationError{Err: io.EOF}, false},
		"unknown":                               {errors.New("something"), false},
		"refused, no network for a fresh token": {&dial.Unrenewed{Refusal: &smtp.SMTPError{Code: 535}, Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, true},
		"refused, no fresh token":               {&dial.Unrenewed{Refusal: &smtp.SMTPError{Code: 535}, Err: errors.New("something")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := &smtpdial.Error{Op: smtpdial.OpAuthenticate, Err: test.err}
			if _, unrenewed := errors.AsType[*dial.Unrenewed](e); unrenewed && smtpdial.Refused(e) {
				t.Error("taken for a refusal of a fresh token")
			}
			if e.Retryable() != test.want || smtpdial.Retryable(test.err) != test.want || smtpdial.Retryable(e) != test.want {
				t.Errorf("%t, %t, %t, want %t", e.Retryable(), smtpdial.Retryable(test.err), smtpdial.Retryable(e), test.want)
			}
			_, replied := errors.AsType[*smtp.SMTPError](test.err)
			if got := verdict.Retryable(test.err); !replied && !errors.Is(test.err, smtpdial.ErrUncertain) && got != test.want {
				t.Errorf("the other rooms say %t", got)
			}
		})
	}
}
