package smtpdial_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
	"github.com/exoauth/exoauth/trace"
)

// The hooks tell of each try, of the pauses, and of the end.
func TestTraceOfMessages(t *testing.T) {
	for name, row := range map[string]struct {
		replies   []string
		tries     int
		fails     bool
		uncertain bool
	}{
		"accepted":                          {[]string{"250 2.0.0 OK"}, 1, false, false},
		"class 4, once":                     {[]string{threadLimit, "250 2.0.0 OK"}, 2, false, false},
		"class 4, for ever":                 {[]string{threadLimit, threadLimit, threadLimit}, 3, true, false},
		"class 5":                           {[]string{sendAsDenied}, 1, true, false},
		"connection lost after the message": {[]string{""}, 1, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, events := newSubmission(t, row.replies...), new(mailtest.Events)
				server.Trace = events.Hooks()
				s := server.Sender(sender)
				s.MaxTries = 3
				defer s.CloseIdle()
				begun := time.Now()
				err := sendOne(t.Context(), s)
				for name, want := range map[string]int{
					"MessageWait": row.tries, "MessageTurn": row.tries, "Backoff": row.tries - 1, "MessageDone": 1, "Dial": server.connected,
				} {
					if got := events.Count(name); got != want || row.tries != len(server.messages) {
						t.Errorf("%d calls of %s, want %d", got, name, want)
					}
				}
				done := mailtest.EventsOf[trace.Message](events, "MessageDone")[0]
				if done.Try != row.tries || done.Uncertain != row.uncertain || done.Err != err || (err != nil) != row.fails || done.Took != time.Since(begun) {
					t.Errorf("done %+v after %v, want %+v", done, time.Since(begun), row)
				}
				if done.Username != sender || done.From != sender || done.Recipients != 1 || done.Size == 0 {
					t.Errorf("done %+v", done)
				}
				var pauses time.Duration
				for i, pause := range mailtest.EventsOf[trace.Backoff](events, "Backoff") {
					if pause.Try != i+1 || pause.Err == nil || pause.Protocol != "smtp" {
						t.Errorf("pause %+v", pause)
					}
					pauses += pause.Wait
				}
				if pauses != done.Took {
					t.Errorf("pauses of %v, Send took %v", pauses, done.Took)
				}
			})
		})
	}
}

// A message that does not get its turn has waited, too.
func TestTraceOfAMessageWithoutATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, events := newSubmission(t), new(mailtest.Events)
		server.Trace, server.takes = events.Hooks(), time.Minute
		s := server.Sender(sender)
		s.MaxConns = 1
		defer s.CloseIdle()
		go sendOne(t.Context(), s)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := sendOne(ctx, s)
		if e, ok := errors.AsType[*smtpdial.Error](err); !ok || e.Op != smtpdial.OpQueue {
			t.Fatalf("error %v, want one of the queue", err)
		}
		turns := mailtest.EventsOf[trace.Message](events, "MessageTurn")
		if len(turns) != 2 || turns[0].Err != nil || turns[1].Err == nil || turns[1].Took != 5*time.Second || events.Count("MessageWait") != 2 {
			t.Errorf("turns %+v, want one that came and one that did not", turns)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
	})
}

// On the emulator, twenty messages at once.
func TestTraceEqualsTheServer(t *testing.T) {
	e, events := newExchange(t, 0), new(mailtest.Events)
	d := e.dialer(e.app.Token(nil))
	d.Trace = events.Hooks()
	s := &smtpdial.Sender{Dialer: d, Username: sender}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := s.Send(t.Context(), sender, []string{e.user.UPN}, []byte(messageOnWire)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s.CloseIdle()
	for name, want := range map[string]int{
		"MessageWait": len(e.Sent()), "MessageTurn": len(e.Sent()), "MessageDone": len(e.Sent()), "Dial": len(e.Sessions()), "Backoff": 0,
	} {
		if got := events.Count(name); got != want || len(e.Sent()) != 20 {
			t.Errorf("%d calls of %s, the server saw %d", got, name, want)
		}
	}
}
