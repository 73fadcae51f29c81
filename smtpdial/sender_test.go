package smtpdial_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
)

const (
	threadLimit   = "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded [Hostname=DM5SPR00MB2471.namprd08.prod.outlook.com]"
	logonFailure  = "430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed"
	sendAsDenied  = "554 5.2.252 SendAsDenied; user@example.com not allowed to send as other@example.com"
	messageOnWire = "Subject: hi\r\n\r\nhi\r\n"
)

// submission is a server that accepts messages and gives its next reply to
// each; the last one, or 250, serves all that follow.
type submission struct {
	*smtpdial.Dialer

	mu        sync.Mutex
	replies   []string // "" is to hang up
	commands  []string // those of all connections that are no part of a message
	messages  []time.Time
	open      int
	most      int // connections at a time
	connected int
	takes     time.Duration // from the end of a message to the reply
	silentTo  string        // a command that is not answered
	breaks    bool          // connections are such as break
}

// Sender returns a Sender for the server.
func (s *submission) Sender(username string) *smtpdial.Sender { return newSender(s.Dialer, username) }

func newSender(d *smtpdial.Dialer, username string) *smtpdial.Sender {
	return &smtpdial.Sender{Dialer: d, Username: username}
}

func newSubmission(t testing.TB, replies ...string) *submission {
	s := &submission{replies: replies}
	s.Dialer = scripted(t, func(p *mailtest.Peer) {
		p.Breaks = s.breaks
		s.count(1)
		defer s.count(-1)
		secured(func(p *mailtest.Peer, auth string) {
			accept(p, auth)
			s.serve(p)
		})(p)
	})
	return s
}

func (s *submission) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open += n
	s.most = max(s.most, s.open)
	s.connected += max(n, 0)
}

func (s *submission) serve(p *mailtest.Peer) {
	for line := p.Hear(); line != ""; line = p.Hear() {
		verb, _, _ := strings.Cut(line, " ")
		s.mu.Lock()
		s.commands = append(s.commands, verb)
		s.mu.Unlock()
		switch verb {
		case s.silentTo:
		case "EHLO":
			p.Say(hello("AUTH LOGIN XOAUTH2")...)
		case "DATA":
			p.Say("354 Start mail input; end with <CRLF>.<CRLF>")
			if !p.Message() {
				return
			}
			time.Sleep(s.takes)
			if reply := s.next(); reply == "" {
				return
			} else {
				p.Say(reply)
			}
		case "RCPT":
			if strings.Contains(line, "nobody@") {
				p.Say("550 5.1.10 RESOLVER.ADR.RecipientNotFound")
				continue
			}
			p.Say("250 2.1.5 Recipient OK")
		default:
			p.Say("250 2.0.0 OK")
		}
	}
}

func (s *submission) next() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, time.Now())
	if len(s.replies) == 0 {
		return "250 2.0.0 OK"
	}
	reply := s.replies[0]
	s.replies = s.replies[1:]
	return reply
}

// connections returns how many there have been, and how many there are.
func (s *submission) connections() (all, now int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connected, s.open
}

func (s *submission) heard(verb string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, command := range s.commands {
		if command == verb {
			n++
		}
	}
	return n
}

func sendOne(ctx context.Context, s *smtpdial.Sender) error {
	return s.Send(ctx, sender, []string{"to@example.com"}, []byte(messageOnWire))
}

func TestSenderNamesTheRefusedRecipient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSubmission(t)
		s := server.Sender(sender)
		defer s.CloseIdle()
		err := s.Send(t.Context(), sender, []string{"to@example.com", "nobody@example.com"}, []byte(messageOnWire))
		if reply, ok := errors.AsType[*smtp.SMTPError](err); !ok || reply.Code != 550 {
			t.Fatalf("error %v, want the server's 550", err)
		}
		if !strings.Contains(err.Error(), `"nobody@example.com"`) {
			t.Errorf("%q does not say whose recipient it was", err)
		}
		if len(server.messages) != 0 {
			t.Error("the other recipient got the message")
		}
		if err := sendOne(t.Context(), s); err != nil {
			t.Errorf("the next message: %v", err)
		}
		if all, _ := server.connections(); all != 1 {
			t.Errorf("%d connections, want one for both messages", all)
		}
	})
}

func TestSenderTriesAgain(t *testing.T) {
	const accepted = "250 2.0.0 OK"
	for name, test := range map[string]struct {
		replies  []string
		tries    int
		want     string // "" for success
		check    func(error) bool
		messages int
	}{
		"accepted":                          {[]string{accepted}, 0, "", nil, 1},
		"thread limit, twice":               {[]string{threadLimit, threadLimit, accepted}, 0, "", nil, 3},
		"class 4, once":                     {[]string{"451 4.7.0 Retryable server error. PRX4", accepted}, 0, "", nil, 2},
		"421, which closes":                 {[]string{"421 4.3.2 Service not active", accepted}, 0, "", nil, 2},
		"thread limit, for ever":            {[]string{threadLimit, threadLimit, threadLimit}, 3, "432 4.3.2 STOREDRV", smtpdial.Retryable, 3},
		"one try is enough":                 {[]string{threadLimit}, 1, "432 4.3.2", smtpdial.Retryable, 1},
		"mailbox logon failure":             {[]string{logonFailure}, 0, "430 4.2.0 STOREDRV; mailbox logon failure", smtpdial.NotConnected, 1},
		"class 5":                           {[]string{sendAsDenied}, 0, "554 5.2.252 SendAsDenied", func(err error) bool { return !smtpdial.Retryable(err) }, 1},
		"connection lost after the message": {[]string{""}, 0, "may have been sent or not", func(err error) bool { return errors.Is(err, smtpdial.ErrUncertain) && !smtpdial.Retryable(err) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newSubmission(t, test.replies...)
				s := server.Sender(sender)
				s.MaxTries = test.tries
				defer s.CloseIdle()
				err := sendOne(t.Context(), s)
				t.Log(err)
				if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want %q", err, test.want)
				}
				if err != nil {
					if e, ok := errors.AsType[*smtpdial.Error](err); !ok || e.Op != smtpdial.OpSend || e.Server != host || test.check == nil || !test.check(err) {
						t.Errorf("error %#v is not the one wanted", err)
					}
				}
				if len(server.messages) != test.messages {
					t.Errorf("%d messages, want %d", len(server.messages), test.messages)
				}
			})
		})
	}
}

func TestSenderBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSubmission(t, slices.Repeat([]string{threadLimit}, smtpdial.DefaultMaxTries)...)
		s := server.Sender(sender)
		defer s.CloseIdle()
		if err := sendOne(t.Context(), s); !smtpdial.Retryable(err) {
			t.Fatalf("error %v, want the server's last", err)
		}
		if len(server.messages) != smtpdial.DefaultMaxTries {
			t.Fatalf("%d tries, want %d", len(server.messages), smtpdial.DefaultMaxTries)
		}
		for i := 1; i < len(server.messages); i++ {
			most := min(2*time.Second<<(i-1), time.Minute)
			if got := server.messages[i].Sub(server.messages[i-1]); got < most/2 || got > most {
				t.Errorf("try %d after %v, want %v to %v", i+1, got, most/2, most)
			}
		}
	})
}

func TestSenderKeepsItsClient(t *testing.T) {
	for name, test := range map[string]struct {
		pause            time.Duration
		connected, noops int
	}{
		"next message at once":         {0, 1, 0},
		"after 5 s less 1 ns":          {5*time.Second - 1, 1, 0},
		"after 5 s":                    {5 * time.Second, 1, 1},
		"after 61 s":                   {61 * time.Second, 1, 1},
		"after four minutes less 1 ns": {4*time.Minute - 1, 1, 1},
		"after four minutes":           {4*time.Minute + 1, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newSubmission(t)
				s := server.Sender(sender)
				defer s.CloseIdle()
				for range 2 {
					if err := sendOne(t.Context(), s); err != nil {
						t.Fatal(err)
					}
					time.Sleep(test.pause)
				}
				if all, _ := server.connections(); all != test.connected || server.heard("NOOP") != test.noops {
					t.Errorf("%d connections and %d NOOP, want %d and %d", all, server.heard("NOOP"), test.connected, test.noops)
				}
			})
		})
	}
	t.Run("after a refusal", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server := newSubmission(t, sendAsDenied)
			s := server.Sender(sender)
			defer s.CloseIdle()
			if err := sendOne(t.Context(), s); err == nil {
				t.Error("no error")
			}
			if err := sendOne(t.Context(), s); err != nil {
				t.Error(err)
			}
			if all, _ := server.connections(); all != 1 || server.heard("RSET") != 1 {
				t.Errorf("%d connections and %d RSET, want one each", all, server.heard("RSET"))
			}
		})
	})
	t.Run("again after CloseIdle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server := newSubmission(t)
			s := server.Sender(sender)
			defer s.CloseIdle()
			s.CloseIdle()
			for range 2 {
				if err := sendOne(t.Context(), s); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			if all, now := server.connections(); all != 1 || now != 1 {
				t.Errorf("%d connections, %d of them open, want one that is kept", all, now)
			}
		})
	})
	t.Run("until CloseIdle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server := newSubmission(t)
			s := server.Sender(sender)
			for range 2 {
				if err := sendOne(t.Context(), s); err != nil {
					t.Fatal(err)
				}
				s.CloseIdle()
				synctest.Wait()
				if _, now := server.connections(); now != 0 {
					t.Error("a connection stays open after CloseIdle")
				}
			}
		})
	})
}

// A client that has died while it was idle costs no message and no pause.
func TestSenderReplacesDeadClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var connected int
		d := scripted(t, nil)
		d.DialContext = secured(func(p *mailtest.Peer, auth string) {
			connected++
			accept(p, auth)
			for _, verb := range []string{"MAIL", "RCPT"} {
				p.Expect(verb)
				p.Say("250 2.0.0 OK")
			}
			p.Expect("DATA")
			p.Say("354 go on")
			p.Message()
			p.Say("250 2.0.0 OK")
		}).For(t)
		s := newSender(d, sender)
		defer s.CloseIdle()
		start := time.Now()
		for range 3 {
			if err := sendOne(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		if took := time.Since(start); connected != 3 || took != 30*time.Second {
			t.Errorf("%d connections in %v, want 3 in 30s", connected, took)
		}
	})
}

// A dial that fails for a while is tried again as a message is.
func TestSenderOutlivesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSubmission(t)
		serve, dials := server.DialContext, 0
		server.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials++; dials <= 2 {
				return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
			}
			return serve(ctx, network, addr)
		}
		s := server.Sender(sender)
		defer s.CloseIdle()
		if err := sendOne(t.Context(), s); err != nil || dials != 3 {
			t.Errorf("error %v after %d dials, want none after 3", err, dials)
		}
	})
}

// A mailbox has three connections at a time and thirty messages a minute.
func TestSenderKeepsTheLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSubmission(t)
		server.takes = time.Second
		s := server.Sender(sender)
		defer s.CloseIdle()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if err := sendOne(t.Context(), s); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if server.most != smtpdial.DefaultMaxConns {
			t.Errorf("%d connections at a time, want %d", server.most, smtpdial.DefaultMaxConns)
		}
		slices.SortFunc(server.messages, time.Time.Compare)
		for i := smtpdial.DefaultMaxPerMinute; i < len(server.messages); i++ {
			if span := server.messages[i].Sub(server.messages[i-smtpdial.DefaultMaxPerMinute]); span < time.Minute {
				t.Errorf("messages %d to %d within %v, want a minute", i-smtpdial.DefaultMaxPerMinute, i, span)
			}
		}
		if span := server.messages[99].Sub(server.messages[0]); span > 4*time.Minute {
			t.Errorf("a hundred messages took %v, want no more than the limit asks for", span)
		}
	})
}

func TestSenderWithoutPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSubmission(t)
		s := server.Sender(sender)
		s.MaxPerMinute = -1
		defer s.CloseIdle()
		start := time.Now()
		for range 100 {
			if err := sendOne(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v, want none", took)
		}
	})
}

func TestSenderLivesByTheContext(t *testing.T) {
	for name, test := range map[string]struct {
		server *submission
		before int // messages sent before, at once
		want   func(error) bool
	}{
		"waiting for the reply": {&submission{takes: 11 * time.Second}, 0, func(err error) bool { return errors.Is(err, smtpdial.ErrUncertain) }},
		"waiting for its turn":  {&submission{}, smtpdial.DefaultMaxPerMinute, func(error) bool { return true }},
		"between two tries": {&submission{replies: slices.Repeat([]string{threadLimit}, 9)}, 0, func(err error) bool {
			_, ok := errors.AsType[*smtp.SMTPError](err)
			return ok
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newSubmission(t, test.server.replies...)
				server.takes = test.server.takes
				s := server.Sender(sender)
				defer s.CloseIdle()
				for range test.before {
					if err := sendOne(t.Context(), s); err != nil {
						t.Fatal(err)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				start := time.Now()
				err := sendOne(ctx, s)
				t.Log(err)
				if !errors.Is(err, context.DeadlineExceeded) || !test.want(err) {
					t.Errorf("error %v, want that of the context, and what was before", err)
				}
				if took := time.Since(start); took != 10*time.Second {
					t.Errorf("took %v, want until the deadline", took)
				}
				time.Sleep(test.server.takes) // the server is not done
			})
		})
	}
}

func TestSenderOfExchange(t *testing.T) {
	e := newExchange(t, 0)
	s := newSender(e.dialer(e.app.Token(nil)), sender)
	defer s.CloseIdle()
	for n := range 5 {
		message := fmt.Appendf(nil, "From: %s\r\nTo: %s\r\nSubject: %d\r\n\r\n.\r\n", sender, e.user.UPN, n)
		if err := s.Send(t.Context(), sender, []string{e.user.UPN}, message); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(e.user.Mailbox.Messages("INBOX")); n != 5 {
		t.Errorf("%d messages arrived, want 5", n)
	}
	if n := len(e.Sessions()); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
	do(e.Tenant(), "Remove-MailboxPermission "+sender+" -User "+e.app.ClientID+" -AccessRights FullAccess -Confirm:$false")
	err := s.Send(t.Context(), sender, []string{e.user.UPN}, []byte("Subject: x\r\n\r\n"))
	if !smtpdial.NotConnected(err) {
		t.Errorf("error %v, want the logon failure", err)
	}
}

func TestRefused(t *testing.T) {
	at := func(op smtpdial.Op, err error) error { return &smtpdial.Error{Op: op, Err: err} }
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"535 to AUTH":        {at(smtpdial.OpAuthenticate, &smtp.SMTPError{Code: 535}), true},
		"451 to AUTH":        {at(smtpdial.OpAuthenticate, &smtp.SMTPError{Code: 451}), false},
		"535 to a command":   {&smtp.SMTPError{Code: 535}, false},
		"554 to a message":   {at(smtpdial.OpSend, &smtp.SMTPError{Code: 554}), false},
		"connection is lost": {at(smtpdial.OpAuthenticate, net.ErrClosed), false},
		"nil":                {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := smtpdial.Refused(test.err); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
