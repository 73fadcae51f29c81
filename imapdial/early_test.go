package imapdial_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/exoauth/exoauth/internal/mailtest"
)

// A token that is sent before the greeting is sent over TLS all the same.
func TestEarlyAuthWaitsForStartTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, nil)
		d.EarlyAuth, d.StartTLS = true, true
		d.DialContext = mailtest.Script(func(p *mailtest.Peer) {
			p.Say(greeting)
			p.Say(p.Tag("STARTTLS") + " OK begin")
			if p.StartTLS() != nil {
				return
			}
			p.Say(p.Tag("AUTHENTICATE") + " OK AUTHENTICATE completed.")
			openProbe(p)
		}).For(t)
		c, err := d.Dial(t.Context(), mailbox)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}

// Only an answer to AUTHENTICATE says something of the token.
func TestTokenIsInvalidatedByAnAnswerAlone(t *testing.T) {
	for name, test := range map[string]struct {
		play    mailtest.Script
		early   bool
		refused string
	}{
		"NO":                                   {greeted(func(p *mailtest.Peer, tag string) { p.Say(tag + " NO AUTHENTICATE failed.") }), false, "stale"},
		"BAD":                                  {greeted(func(p *mailtest.Peer, tag string) { p.Say(tag + " BAD Command Error. 10") }), false, "stale"},
		"challenge, then close":                {greeted(func(p *mailtest.Peer, _ string) { p.Say("+ " + encoded(challenge)); p.Expect("") }), false, "stale"},
		"connection broken":                    {greeted(func(*mailtest.Peer, string) {}), false, ""},
		"BYE":                                  {greeted(func(p *mailtest.Peer, _ string) { p.Say("* BYE Connection is closed. 13") }), false, ""},
		"not IMAP":                             {greeted(func(p *mailtest.Peer, _ string) { p.Say(")(") }), false, ""},
		"greeting says NO":                     {func(p *mailtest.Peer) { p.Say("* NO not you") }, false, ""},
		"greeting says NO, not waited for":     {func(p *mailtest.Peer) { p.Tag("AUTHENTICATE"); p.Say("* NO not you") }, true, ""},
		"greeting says BYE, not waited for":    {func(p *mailtest.Peer) { p.Tag("AUTHENTICATE"); p.Say("* BYE not you") }, true, ""},
		"NO after a greeting, not waited for":  {func(p *mailtest.Peer) { p.Say(greeting, p.Tag("AUTHENTICATE")+" NO AUTHENTICATE failed.") }, true, "stale"},
		"connection broken without a greeting": {func(p *mailtest.Peer) { p.Tag("AUTHENTICATE") }, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := scripted(t, test.play)
				src := &renewingSource{tokens: []string{"stale"}}
				d.TokenSource, d.EarlyAuth = src, test.early
				if _, err := d.Dial(t.Context(), mailbox); err == nil {
					t.Error("no error")
				}
				if got := strings.Join(src.refused, ","); got != test.refused {
					t.Errorf("told the source of %q, want %q", got, test.refused)
				}
			})
		})
	}
}
