package smtpdial_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
)

// sourceFunc is a plain source.
type sourceFunc func() (*oauth2.Token, error)

func (f sourceFunc) Token() (*oauth2.Token, error) { return f() }

// A setting below zero is as good as none.
func TestNegativeSettings(t *testing.T) {
	t.Run("Timeout and MaxDials", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := scripted(t, mailtest.Silence)
			d.Timeout, d.MaxDials = -time.Second, -1
			start := time.Now()
			_, err := d.Dial(t.Context(), sender)
			if took := time.Since(start); took != smtpdial.DefaultTimeout || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v after %v, want the limit of %v", err, took, smtpdial.DefaultTimeout)
			}
		})
	})
	t.Run("Conns and MaxTries", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server := newSubmission(t, threadLimit, "250 2.0.0 OK")
			s := server.Sender(sender)
			s.MaxConns, s.MaxTries = -1, -1
			defer s.CloseIdle()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := sendOne(ctx, s); err != nil {
				t.Errorf("error %v, want a second try", err)
			}
		})
	})
}

// A bad user name costs no connection and no request.
func TestBadUserNameCostsNothing(t *testing.T) {
	d := &smtpdial.Dialer{
		TokenSource: sourceFunc(func() (*oauth2.Token, error) { t.Error("the source was asked"); return nil, nil }),
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			t.Error("dialled")
			return nil, errors.New("no network here")
		},
	}
	for _, name := range []string{"", "a\r\nRSET", "a\x01auth=Bearer x"} {
		_, err := d.Dial(t.Context(), name)
		if e, ok := errors.AsType[*smtpdial.Error](err); !ok || e.Op != smtpdial.OpAuthenticate {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// The package's Dial is the Dialer's, with a context and a source alone.
func TestDialOfThePackage(t *testing.T) {
	failure := errors.New("no token today")
	_, err := smtpdial.Dial(t.Context(), sender, sourceFunc(func() (*oauth2.Token, error) { return nil, failure }))
	if e, ok := errors.AsType[*smtpdial.Error](err); !ok || e.Op != smtpdial.OpToken || !errors.Is(err, failure) || e.Addr != exoauth.Global.SMTP || e.Username != sender {
		t.Errorf("error %#v", err)
	}
}

// An error has all that a person needs to know, in words.
func TestErrorOfADial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := elsewhere(t, nil)
		d.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("nobody there") }
		_, err := d.Dial(t.Context(), sender)
		const want = `smtpdial: connect "` + sender + `" at ` + mailtest.Host + `:587: nobody there`
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
		if e, ok := errors.AsType[*smtpdial.Error](err); !ok || e.Addr != mailtest.Host+":587" || e.Username != sender || e.Server != "" {
			t.Errorf("error %#v", err)
		}
	})
}

// TLS from the first byte is as strict as STARTTLS.
func TestImplicitTLSWithoutTrust(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := overTLS(t, func(p *mailtest.Peer) { p.Say(banner); p.Gone() })
		d.TLSConfig = nil
		_, err := d.Dial(t.Context(), sender)
		fault{op: smtpdial.OpTLS, says: "certificate"}.check(t, err)
		if smtpdial.Retryable(err) {
			t.Errorf("%v is temporary, want not", err)
		}
	})
}

// The parameters of MAIL are those that the server has offered.
func TestMailParameters(t *testing.T) {
	const size = " SIZE=19" // of messageOnWire
	for name, row := range map[string]struct {
		extensions []string
		from, want string
		fails      bool
	}{
		"none":                {nil, sender, "MAIL FROM:<" + sender + ">", false},
		"SIZE":                {[]string{"250-SIZE 1000"}, sender, "MAIL FROM:<" + sender + ">" + size, false},
		"SIZE, no limit":      {[]string{"250-SIZE"}, sender, "MAIL FROM:<" + sender + ">" + size, false},
		"8BITMIME":            {[]string{"250-8bitmime"}, sender, "MAIL FROM:<" + sender + "> BODY=8BITMIME", false},
		"SMTPUTF8, no need":   {[]string{"250-SMTPUTF8"}, sender, "MAIL FROM:<" + sender + ">", false},
		"SMTPUTF8":            {[]string{"250-SMTPUTF8"}, "jürgen@contoso.com", "MAIL FROM:<jürgen@contoso.com> SMTPUTF8", false},
		"SMTPUTF8, no offer":  {nil, "jürgen@contoso.com", "", true},
		"U+007F is not above": {nil, "a~@contoso.com", "MAIL FROM:<a~@contoso.com>", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := elsewhere(t, mailtest.OverTLS(func(p *mailtest.Peer) {
					p.Say(banner)
					p.Expect("EHLO")
					p.Say(append(append([]string{"250-" + mailtest.Host}, row.extensions...), "250 AUTH XOAUTH2")...)
					accept(p, p.Expect("AUTH"))
					if row.fails {
						p.Expect("QUIT")
						return
					}
					if mail := p.Expect("MAIL"); mail != row.want {
						t.Errorf("heard %q, want %q", mail, row.want)
					}
					p.Say("550 no")
					mailtest.Silence(p)
				}))
				d.ImplicitTLS = true
				s := newSender(d, sender)
				err := s.Send(t.Context(), row.from, []string{"b@example.com"}, []byte(messageOnWire))
				s.CloseIdle()
				if _, replied := errors.AsType[*smtp.SMTPError](err); replied == row.fails || smtpdial.Retryable(err) {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// A refusal of DATA is the server's word on the message.
func TestDataRefused(t *testing.T) {
	for reply, tries := range map[string]int{"554 5.7.1 no": 1, "452 4.3.1 Insufficient system resources": 2, "250 what?": 1} {
		t.Run(reply, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				d := scripted(t, secured(func(p *mailtest.Peer, auth string) {
					accept(p, auth)
					for line := p.Hear(); line != ""; line = p.Hear() {
						switch verb, _, _ := strings.Cut(line, " "); verb {
						case "DATA":
							asked++
							p.Say(reply)
						case "QUIT":
							return
						default:
							p.Say("250 2.0.0 OK")
						}
					}
				}))
				s := newSender(d, sender)
				s.MaxTries = 2
				defer s.CloseIdle()
				err := sendOne(t.Context(), s)
				answer, ok := errors.AsType[*smtp.SMTPError](err)
				if !ok || fmt.Sprint(answer.Code) != reply[:3] || errors.Is(err, smtpdial.ErrUncertain) || asked != tries {
					t.Errorf("error %v after %d tries, want the reply after %d", err, asked, tries)
				}
			})
		})
	}
}

// Close leaves the message that is under way alone, and the connection ends
// with it.
func TestCloseDuringASend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSubmission(t)
		server.takes = time.Minute
		s := server.Sender(sender)
		sent := make(chan error, 1)
		go func() { sent <- sendOne(t.Context(), s) }()
		synctest.Wait()
		s.CloseIdle()
		if err := <-sent; err != nil {
			t.Errorf("error %v", err)
		}
		synctest.Wait()
		if all, now := server.connections(); all != 1 || now != 0 || server.heard("QUIT") != 1 {
			t.Errorf("%d connections, %d open, %d QUIT; want one that has left", all, now, server.heard("QUIT"))
		}
	})
}

// A context that ends while an idle client is asked ends the Send, and the
// client is not kept.
func TestContextEndsDuringNoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSubmission(t)
		server.silentTo = "NOOP"
		s := server.Sender(sender)
		defer s.CloseIdle()
		if err := sendOne(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		err := sendOne(ctx, s)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, smtpdial.ErrUncertain) || took != time.Second {
			t.Errorf("error %v after %v, want that of the context", err, took)
		}
		synctest.Wait()
		if _, now := server.connections(); now != 0 {
			t.Error("the client is kept")
		}
		if err := sendOne(t.Context(), s); err != nil {
			t.Errorf("the next message: %v", err)
		}
	})
}
