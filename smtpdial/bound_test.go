package smtpdial_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
)

// answering gives each command after AUTH the next reply, as it is, and stays.
func answering(t testing.TB, replies ...string) *smtpdial.Dialer {
	return scripted(t, secured(func(p *mailtest.Peer, auth string) {
		accept(p, auth)
		for _, reply := range replies {
			p.Expect("NOOP")
			p.Raw(reply)
		}
		mailtest.Silence(p)
	}))
}

func TestMaxReply(t *testing.T) {
	line := "250-" + strings.Repeat("x", 94) + "\r\n" // 100 octets
	last := "250 " + strings.Repeat("x", 94) + "\r\n"
	lines := func(n int) string { return strings.Repeat(line, n) }
	for name, test := range map[string]struct {
		maxReply int
		replies  []string
		broken   int // 0 for nothing, -1 for what go-smtp says
	}{
		"as much as allowed":             {1000, []string{lines(9) + last, lines(9) + last}, 0},
		"an octet more":                  {999, []string{lines(9) + last}, 999},
		"an octet more to the second":    {999, []string{"250 x\r\n", lines(9) + last}, 999},
		"as much as allowed by default":  {0, []string{lines(654) + last}, 0},
		"more than allowed by default":   {0, []string{lines(655) + last}, smtpdial.DefaultMaxReply},
		"lines without end":              {0, []string{lines(100_000)}, smtpdial.DefaultMaxReply},
		"lines of other codes":           {0, []string{line + strings.Repeat("999 no\r\n", 100_000)}, smtpdial.DefaultMaxReply},
		"what nobody asked for":          {1000, []string{last + lines(20), last}, 1000},
		"no limit":                       {-1, []string{lines(10_000) + last}, 0},
		"line without end, no limit":     {-1, []string{"250 " + strings.Repeat("x", 100_000)}, -1},
		"less than the answer to EHLO":   {20, []string{"250 x\r\n"}, 0},
		"too much, then another command": {999, []string{lines(10), "250 x\r\n"}, 999},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := answering(t, test.replies...)
				d.MaxReply = test.maxReply
				c, err := d.Dial(t.Context(), sender)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				for range test.replies {
					err = c.Noop()
				}
				tooLong, ok := errors.AsType[*smtpdial.ReplyTooLongError](err)
				switch {
				case test.broken == 0 && err != nil:
					t.Errorf("error %v", err)
				case test.broken < 0:
					if !errors.Is(err, smtp.ErrTooLongLine) {
						t.Errorf("error %v, want that of go-smtp", err)
					}
				case test.broken != 0 && (!ok || tooLong.MaxReply != test.broken || !errors.Is(err, smtpdial.ErrProtocol)):
					t.Errorf("error %v, want one reply too long for %d", err, test.broken)
				case ok && !strings.Contains(err.Error(), "Dialer.MaxReply"):
					t.Errorf("error %q does not name the field", err)
				}
			})
		})
	}
}

// A reply that does not end is no reply: whether the message was accepted is
// not known.
func TestReplyTooLongAfterTheMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scripted(t, secured(func(p *mailtest.Peer, auth string) {
			accept(p, auth)
			for _, verb := range []string{"MAIL", "RCPT"} {
				p.Expect(verb)
				p.Say("250 ok")
			}
			p.Expect("DATA")
			p.Say("354 go on")
			p.Message()
			p.Raw(strings.Repeat("250-Queued\r\n", 100_000))
			mailtest.Silence(p)
		}))
		err := newSender(d, sender).Send(t.Context(), sender, []string{"b@example.com"}, []byte(messageOnWire))
		if !errors.Is(err, smtpdial.ErrProtocol) || !errors.Is(err, smtpdial.ErrUncertain) {
			t.Errorf("error %v, want one that is uncertain, for words that are not SMTP", err)
		}
		if _, ok := errors.AsType[*smtp.SMTPError](err); ok {
			t.Errorf("error %v has a reply", err)
		}
	})
}

// A reply that was broken off within its line is none, wherever it broke.
func TestReplyBrokenOff(t *testing.T) {
	const reply = "250-first\r\n250 second\r\n"
	for cut := range len(reply) {
		synctest.Test(t, func(t *testing.T) {
			d := scripted(t, secured(func(p *mailtest.Peer, auth string) {
				accept(p, auth)
				p.Expect("NOOP")
				p.Raw(reply[:cut])
			}))
			c, err := d.Dial(t.Context(), sender)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.Noop(); err == nil {
				t.Errorf("%q was taken for a reply", reply[:cut])
			}
		})
	}
}
