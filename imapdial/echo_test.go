package imapdial_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

// A TokenSource may repeat the token in its error. The error of Dial does not
// show it, and still has the server's words and the source's error to ask for.
func TestDialShowsNoTokenOfItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		d := scripted(t, func(p *mailtest.Peer) {
			p.Say(greeting)
			p.Say(p.Tag("AUTHENTICATE") + " NO [AUTHENTICATIONFAILED] AUTHENTICATE failed.")
		})
		d.TokenSource = &mailtest.Forgetful{AccessToken: secretToken}
		d.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
		_, err := d.Dial(t.Context(), mailbox)
		e, ok := errors.AsType[*imapdial.Error](err)
		if !ok || e.Op != imapdial.OpAuthenticate {
			t.Fatalf("error %v, want one of AUTHENTICATE", err)
		}
		shown := fmt.Sprintf("%v %+v %#v %v %v", err, err, err, e.Err, &logged)
		if strings.Contains(shown, secretToken) {
			t.Errorf("the token is shown: %s", shown)
		}
		if refusal, ok := errors.AsType[*imap.Error](err); !ok || refusal.Text != "AUTHENTICATE failed." || refusal.Code != imap.ResponseCodeAuthenticationFailed {
			t.Errorf("error %v, want the server's words in it", err)
		}
		if !errors.Is(err, mailtest.ErrRenewal) || !strings.Contains(err.Error(), "cannot renew [redacted]") {
			t.Errorf("error %v, want that of the source", err)
		}
		if imapdial.Refused(err) || imapdial.Retryable(err) {
			t.Errorf("refused %t, retryable %t; want neither, since another token may be accepted", imapdial.Refused(err), imapdial.Retryable(err))
		}
	})
}
