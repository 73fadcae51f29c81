//go:build unix

package smtpdial_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/dovecot"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/internal/postfix"
	"github.com/exoauth/exoauth/smtpdial"
	"github.com/exoauth/exoauth/xoauth2"
)

// realServer is a submission server that nobody here wrote.
type realServer struct {
	addr      string
	token     func(user string, lifetime time.Duration, padding int) string
	delivered func() []string
	longest   int // token, in octets of padding, that the server takes
}

func (s realServer) dialer(token string) *smtpdial.Dialer {
	return &smtpdial.Dialer{TokenSource: staticSource(token), Addr: s.addr, TLSConfig: mailtest.ClientTLS(), Timeout: 10 * time.Second}
}

func (s realServer) test(t *testing.T) {
	send := func(t *testing.T, token string) error {
		sender := newSender(s.dialer(token), sender)
		sender.MaxTries = 1
		defer sender.CloseIdle()
		return sender.Send(t.Context(), "invoices@contoso.com", []string{"adele@" + postfix.Domain}, []byte("Subject: Invoice 17\r\n\r\nPaid.\r\n"))
	}
	t.Run("token accepted, message delivered", func(t *testing.T) {
		if err := send(t, s.token(sender, time.Hour, 0)); err != nil {
			t.Fatal(err)
		}
		if got := s.delivered(); len(got) != 1 || !strings.Contains(got[0], "Subject: Invoice 17") {
			t.Errorf("delivered %q", got)
		}
	})
	t.Run("long token", func(t *testing.T) {
		token := s.token(sender, time.Hour, s.longest)
		t.Logf("token of %d octets", len(token))
		c, err := s.dialer(token).Dial(t.Context(), sender)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
	for refused, token := range map[string]string{
		"expired token":          s.token(sender, -time.Hour, 0),
		"garbage for a token":    "garbage",
		"token of somebody else": s.token("other@contoso.com", time.Hour, 0),
	} {
		t.Run(refused, func(t *testing.T) {
			err := send(t, token)
			t.Log(err)
			if reply, ok := errors.AsType[*smtp.SMTPError](err); !ok || reply.Code != 535 || !smtpdial.Refused(err) {
				t.Errorf("error %v, want 535", err)
			}
			if challenge, ok := errors.AsType[*xoauth2.Error](err); !ok || challenge.Status == "" {
				t.Errorf("error %v, want the challenge", err)
			}
		})
	}
	t.Run("refused, then renewed on the same connection", func(t *testing.T) {
		d := s.dialer("")
		d.TokenSource = &renewingSource{tokens: []string{"stale", s.token(sender, time.Hour, 0)}}
		c, err := d.Dial(t.Context(), sender)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}

func TestDovecotSubmission(t *testing.T) {
	for _, mechanisms := range []string{"xoauth2 oauthbearer", "oauthbearer"} {
		t.Run(mechanisms, func(t *testing.T) {
			relay := newRelay(t)
			server := dovecot.StartWith(t, dovecot.Options{Relay: relay.addr, Mechanisms: mechanisms})
			realServer{
				addr: server.Submission,
				token: func(user string, lifetime time.Duration, padding int) string {
					return server.Token(t, user, lifetime, padding)
				},
				delivered: relay.delivered,
				longest:   4000,
			}.test(t)
		})
	}
}

func TestPostfixWithDovecot(t *testing.T) {
	auth := dovecot.Start(t)
	server := postfix.Start(t, auth.AuthSocket)
	realServer{
		addr: server.Addr,
		token: func(user string, lifetime time.Duration, padding int) string {
			return auth.Token(t, user, lifetime, padding)
		},
		delivered: server.Delivered,
		longest:   4000,
	}.test(t)
}

// relay takes what Dovecot's submission service passes on.
type relay struct {
	addr     string
	mu       sync.Mutex // guards messages
	messages []string
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: listener.Addr().String()}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return relaySession{r}, nil }))
	server.Domain = "relay.example.com"
	served := make(chan struct{})
	go func() {
		defer close(served)
		server.Serve(listener)
	}()
	t.Cleanup(func() {
		server.Close()
		listener.Close() // Serve may not have told the server of it yet
		<-served
	})
	return r
}

func (r *relay) delivered() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.messages...)
}

type relaySession struct{ *relay }

func (relaySession) Mail(string, *smtp.MailOptions) error { return nil }
func (relaySession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (relaySession) Reset()                               {}
func (relaySession) Logout() error                        { return nil }
func (s relaySession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, string(text))
	return err
}
