package popdial_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/popdial"
	"github.com/exoauth/exoauth/xoauth2"
)

// A source that shows the token in its error costs the error nothing but that.
func TestWordsRemainWhereTheTokenGoes(t *testing.T) {
	for name, challenged := range map[string]bool{"refusal alone": false, "after a challenge": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := scripted(t, told(func(p *mailtest.Peer, _ string) {
					if challenged {
						p.Say("+ " + encoded(challenge))
						p.Hear()
					}
					p.Say("-ERR [AUTH] no")
					p.Gone()
				}))
				asked := false
				d.TokenSource = sourceFunc(func() (*oauth2.Token, error) {
					if asked {
						return nil, errors.New("nothing fresher than " + secretToken)
					}
					asked = true
					return &oauth2.Token{AccessToken: secretToken}, nil
				})
				_, err := d.DialConn(t.Context(), mailbox)
				if err == nil || strings.Contains(err.Error(), secretToken) || !strings.Contains(err.Error(), "nothing fresher than") {
					t.Errorf("error %v, want one without the token", err)
				}
				if refusal, ok := errors.AsType[*popdial.ReplyError](err); !ok || *refusal != (popdial.ReplyError{Code: "AUTH", Text: "no"}) {
					t.Errorf("reply %v", refusal)
				}
				if said, ok := errors.AsType[*xoauth2.Error](err); ok != challenged || ok && said.Status != "401" {
					t.Errorf("challenge %v, want one: %t", said, challenged)
				}
				if popdial.Refused(err) {
					t.Error("taken for a refusal of a fresh token")
				}
			})
		})
	}
}

// A server that agrees before it has seen the token does not speak POP3.
func TestAgreementInAdvance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := scripted(t, begun(func(p *mailtest.Peer) { p.Say(accepted); p.Gone() })).DialConn(t.Context(), mailbox)
		if e, ok := errors.AsType[*popdial.Error](err); !ok || e.Op != popdial.OpAuthenticate || !errors.Is(err, popdial.ErrProtocol) {
			t.Errorf("error %v, want one of AUTH", err)
		}
	})
}

// The figures of the documentation.
func TestDefaults(t *testing.T) {
	for name, row := range map[string]struct{ got, want any }{
		"time":  {popdial.DefaultTimeout, time.Minute},
		"dials": {popdial.DefaultMaxDials, 64},
		"reply": {popdial.DefaultMaxReply, 256 << 20},
		"text":  {(&popdial.ReplyTooLongError{MaxReply: 7}).Error(), "a reply of more than 7 octets (to allow it, raise Dialer.MaxReply)"},
	} {
		if row.got != row.want {
			t.Errorf("%s: %v, want %v", name, row.got, row.want)
		}
	}
}
