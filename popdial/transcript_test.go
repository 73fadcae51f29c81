package popdial_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/popdial"
)

// replay plays the server of a transcript byte for byte, and what the excerpt
// leaves out, a healthy Exchange. PASS stands for the second step of AUTH, and
// what was said to an IMAP client for the first, if the client of the transcript
// tried that.
func replay(r *mailtest.Transcript, tls bool) mailtest.Script {
	first := func(verbs ...string) []string {
		for _, verb := range verbs {
			if _, said, ok := r.Answer(verb); ok {
				return said
			}
		}
		return nil
	}
	or := func(said []string, healthy string) []string {
		if said == nil {
			return []string{healthy}
		}
		return said
	}
	return func(p *mailtest.Peer) {
		p.Say(or(r.Greeting, greeting)...)
		if strings.HasPrefix(strings.Join(r.Greeting, ""), "-ERR") {
			p.Gone()
			return
		}
		if !tls {
			p.Expect("STLS")
			if p.Say(or(first("STLS"), "+OK Begin TLS negotiation.")...); p.StartTLS() != nil {
				return
			}
		}
		p.Expect("AUTH XOAUTH2")
		start, last := first("AUTH", "LOGOUT"), first("PASS")
		if start == nil || start[0] == "+" || start[0] == "+ " {
			if start != nil {
				last = r.After("AUTH")
			}
			start = []string{"+ "}
		}
		p.Say(start...)
		if start[0] == "+ " {
			p.Hear()
			p.Say(or(last, accepted)...)
		}
		for verb := p.Hear(); verb != ""; verb = p.Hear() {
			p.Say(or(first(verb), "+OK")...)
		}
	}
}

var outcomes = map[string]struct {
	op    popdial.Op // "" for success
	stls  bool
	token string // "" for the usual one
	reply string
	is    func(error) bool
}{
	"pop3-110-capa-stls-2022":            {stls: true},
	"pop3-auth-failure-docs":             {op: popdial.OpAuthenticate, reply: refused, is: popdial.Refused},
	"pop3-auth-success-docs":             {},
	"pop3-basic-failure":                 {op: popdial.OpAuthenticate, reply: "-ERR Logon failure: unknown user name or bad password.", is: popdial.Refused},
	"pop3-basic-success-2016":            {},
	"pop3-capa-2021":                     {},
	"pop3-oneline-protocol-error-2025":   {op: popdial.OpAuthenticate, reply: "-ERR Protocol error. Connection is closed. 10", is: noMech},
	"pop3-server-unavailable-21-2025":    {op: popdial.OpGreeting, reply: "-ERR Server Unavailable. 21", is: popdial.Retryable},
	"pop3-stls-on-tls-port":              {op: popdial.OpStartTLS, stls: true, reply: "-ERR Command is not valid in this state."},
	"pop3-tcpproxy-token-over-4096-2025": {op: popdial.OpAuthenticate, token: strings.Repeat("x", 5000), reply: "-ERR Protocol error", is: tooLong},
	"pop3-wrong-protocol-19":             {op: popdial.OpAuthenticate, reply: "-ERR Protocol error. 19", is: noMech},
}

func noMech(err error) bool { return errors.Is(err, popdial.ErrNoXOAUTH2) && !popdial.Refused(err) }
func tooLong(err error) bool {
	return errors.Is(err, popdial.ErrTokenTooLong) && popdial.Refused(err) && !popdial.Retryable(err)
}

func TestTranscripts(t *testing.T) {
	found := mailtest.Transcripts(t, "testdata/transcripts/*.txt")
	for name := range outcomes {
		if found[name] == nil {
			t.Errorf("there is no transcript %s", name)
		}
	}
	for name, r := range found {
		t.Run(name, func(t *testing.T) {
			want, ok := outcomes[name]
			if !ok {
				t.Fatal("the test does not know what is to come of it")
			}
			synctest.Test(t, func(t *testing.T) {
				d := scripted(t, replay(r, true))
				if want.stls {
					d = inTheClear(t, replay(r, false))
				}
				if want.token != "" {
					d.TokenSource = staticSource(want.token)
				}
				conn, err := d.DialConn(t.Context(), mailbox)
				if err == nil {
					conn.Close()
				}
				e, failed := errors.AsType[*popdial.Error](err)
				if failed != (want.op != "") || failed && e.Op != want.op {
					t.Fatalf("error %v, want one of step %q", err, want.op)
				}
				if refusal, ok := errors.AsType[*popdial.ReplyError](err); failed && (!ok || refusal.Error() != want.reply) {
					t.Errorf("error %v, want %q", err, want.reply)
				}
				if want.is != nil && !want.is(err) {
					t.Errorf("error %v is not of the kind wanted", err)
				}
			})
		})
	}
}
