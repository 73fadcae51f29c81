package smtpdial_test

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
)

// A TokenSource may repeat the token in its error. The error of Dial does not
// show it, and still has the server's words and the source's error to ask for.
func TestDialShowsNoTokenOfItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		d := scripted(t, secured(func(p *mailtest.Peer, _ string) { p.Say("535 5.7.3 no") }))
		d.TokenSource = &mailtest.Forgetful{AccessToken: secretToken}
		d.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
		_, err := d.Dial(t.Context(), sender)
		if e, ok := errors.AsType[*smtpdial.Error](err); !ok || e.Op != smtpdial.OpAuthenticate {
			t.Fatalf("error %v, want one of AUTH", err)
		}
		checkShown(t, err, logged.String())
		if reply, ok := errors.AsType[*smtp.SMTPError](err); !ok || reply.Code != 535 || reply.Message != "no" {
			t.Errorf("error %v, want the server's words in it", err)
		}
		if !errors.Is(err, mailtest.ErrRenewal) {
			t.Errorf("error %v, want that of the source", err)
		}
		if smtpdial.Refused(err) || smtpdial.Retryable(err) {
			t.Errorf("refused %t, retryable %t; want neither, since another token may be accepted", smtpdial.Refused(err), smtpdial.Retryable(err))
		}
	})
}
