package smtpdial_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
)

// Callers that give up after a while take nothing away from each other, nor
// from one who waits: all of the messages that the pace allows are sent, and
// nobody's turn comes later than a minute, as less than thirty are in line. The
// hour begins when the pace allows the first message after a burst. The race
// detector has five minutes: it breaks down in its own code under an hour's
// hundred thousand contexts in a bubble.
func TestSenderIsFair(t *testing.T) {
	during, allowed := time.Hour, 1800
	if mailtest.RaceDetector {
		during, allowed = 5*time.Minute, 150
	}
	seconds := func(limits ...time.Duration) (callers []time.Duration) {
		for _, limit := range limits {
			callers = append(callers, limit*time.Second, limit*time.Second, limit*time.Second)
		}
		return callers
	}
	for name, limits := range map[string][]time.Duration{
		"three callers of 1 s":              seconds(1),
		"three callers of 3 s":              seconds(3),
		"three callers of 5 s":              seconds(5),
		"three callers of 10 s":             seconds(10),
		"three each of 1, 3, 5, 10 s":       seconds(1, 3, 5, 10),
		"three each of 55, 59, 61 and 75 s": seconds(55, 59, 61, 75),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newSubmission(t)
				s := server.Sender(sender)
				defer s.CloseIdle()
				for range smtpdial.DefaultMaxPerMinute {
					if err := sendOne(t.Context(), s); err != nil {
						t.Fatal(err)
					}
				}
				begin := time.Now().Add(time.Minute)
				end := begin.Add(during)
				var callers sync.WaitGroup
				for _, limit := range limits {
					callers.Go(func() { sendUntil(t, end, limit, s) })
				}
				var longest time.Duration
				callers.Go(func() { longest = sendUntil(t, end, time.Hour, s) })
				callers.Wait()

				sent := 0
				for _, at := range server.messages {
					if !at.Before(begin) && at.Before(end) {
						sent++
					}
				}
				t.Logf("%d messages in %v, of %d that the limit allows; a patient caller waited %v at the most", sent, during, allowed, longest)
				if sent < allowed-10 || sent > allowed {
					t.Errorf("%d messages in %v, want %d to %d", sent, during, allowed-10, allowed)
				}
				if longest > time.Minute {
					t.Errorf("a caller without haste waited %v, want a minute at the most", longest)
				}
			})
		})
	}
}

// While more callers wait than the pace allows, the one that has waited longest
// has the least time left. A message that cannot end before its deadline would
// be sent, and its caller would not know it.
func TestSenderBeginsWhatCanEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSubmission(t)
		server.takes = time.Second
		s := server.Sender(sender)
		defer s.CloseIdle()
		for range smtpdial.DefaultMaxPerMinute {
			if err := sendOne(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		end := time.Now().Add(time.Hour)
		var callers sync.WaitGroup
		var uncertain atomic.Int64
		for range 3 {
			callers.Go(func() {
				for time.Now().Before(end) {
					ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
					if errors.Is(sendOne(ctx, s), smtpdial.ErrUncertain) {
						uncertain.Add(1)
					}
					cancel()
					time.Sleep(7 * time.Millisecond)
				}
			})
		}
		callers.Go(func() { sendUntil(t, end, time.Hour, s) })
		callers.Wait()
		time.Sleep(server.takes) // for the server, if the last message was broken off
		sent := len(server.messages)
		t.Logf("%d messages in an hour, %d of which may have been sent or not", sent, uncertain.Load())
		if uncertain.Load() > 50 || sent < 1790 {
			t.Errorf("%d messages in an hour, %d of which may have been sent or not; want 1790, and 50 at the most", sent, uncertain.Load())
		}
	})
}

// sendUntil is a caller who sends one message after the other, and gives up
// each after limit. It returns how long one has waited.
func sendUntil(t *testing.T, end time.Time, limit time.Duration, s *smtpdial.Sender) (longest time.Duration) {
	for time.Now().Before(end) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		start := time.Now()
		err := sendOne(ctx, s)
		cancel()
		longest = max(longest, time.Since(start))
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		time.Sleep(7 * time.Millisecond) // something else to do
	}
	return longest
}

// The error for a turn that did not come says what the limits are and how many
// wait.
func TestSenderQueueError(t *testing.T) {
	for name, test := range map[string]struct {
		perMinute int
		want      string
	}{
		"with a pace": {2, "waiting in the queue of the Sender, with 3 others: the limit is 2 messages a minute and 1 connections at a time"},
		"without one": {-1, "waiting in the queue of the Sender, with 3 others: the limit is 1 connections at a time"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newSubmission(t)
				server.takes = 5 * time.Minute
				s := server.Sender(sender)
				s.MaxConns, s.MaxPerMinute = 1, test.perMinute
				defer s.CloseIdle()
				var others sync.WaitGroup
				defer others.Wait()
				for range 4 { // one is on its way
					others.Go(func() { sendOne(t.Context(), s) })
				}
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := sendOne(ctx, s)
				e, ok := errors.AsType[*smtpdial.Error](err)
				if !ok || e.Op != smtpdial.OpQueue || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want %q", err, test.want)
				}
			})
		})
	}
}

// What failed first is in the error of a caller whose context ends in a later
// try.
func TestSenderTellsOfTheFailureBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSubmission(t, threadLimit)
		s := server.Sender(sender)
		s.MaxPerMinute = 1
		defer s.CloseIdle()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		err := sendOne(ctx, s)
		for _, want := range []string{"1 messages a minute", "432 4.3.2 STOREDRV"} {
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q in it", err, want)
			}
		}
	})
}

// While a server refuses connections, a Sender with many callers knocks now and
// then, and each caller is told within the time of its own tries.
func TestSenderPacesDialsThatFail(t *testing.T) {
	for name, test := range map[string]struct {
		fails time.Duration
		dials int // at the most
		sent  int // of 2000
	}{
		"refused for a second":  {time.Second, 10, 2000},
		"refused for 20 s":      {20 * time.Second, 10, 2000},
		"refused for ten hours": {10 * time.Hour, 10, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := newSubmission(t)
				serve, start := server.DialContext, time.Now()
				var mu sync.Mutex
				dials := 0
				server.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					mu.Lock()
					defer mu.Unlock()
					if time.Since(start) >= test.fails {
						return serve(ctx, network, addr)
					}
					dials++
					return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
				}
				s := server.Sender(sender)
				s.MaxPerMinute = -1
				defer s.CloseIdle()
				var callers sync.WaitGroup
				for range 2000 {
					callers.Go(func() {
						if err := sendOne(t.Context(), s); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
							t.Error(err)
						}
					})
				}
				callers.Wait()
				took := time.Since(start)
				t.Logf("%d dials and %d messages in %v", dials, len(server.messages), took)
				if dials > test.dials || len(server.messages) != test.sent || took > 70*time.Second {
					t.Errorf("%d dials and %d messages in %v, want %d at the most and %d within 70 s", dials, len(server.messages), took, test.dials, test.sent)
				}
			})
		})
	}
}

// A token that was refused is refused for all that wait.
func TestSenderSharesARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		dials := 0
		d := scripted(t, secured(func(p *mailtest.Peer, _ string) {
			mu.Lock()
			dials++
			mu.Unlock()
			p.Say("535 5.7.3 Authentication unsuccessful")
		}))
		s := newSender(d, sender)
		defer s.CloseIdle()
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() {
				if err := sendOne(t.Context(), s); !smtpdial.Refused(err) {
					t.Errorf("error %v, want a refusal", err)
				}
			})
		}
		callers.Wait()
		if dials > smtpdial.DefaultMaxConns {
			t.Errorf("%d tokens sent, want %d at the most", dials, smtpdial.DefaultMaxConns)
		}
	})
}

// A dial that the Dialer's own Timeout has ended is worth another try.
func TestSenderTriesAgainAfterTheDialersTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := newSubmission(t)
		serve, dials := server.DialContext, 0
		server.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials++; dials == 1 {
				return mailtest.Script(mailtest.Silence).For(t)(ctx, network, addr)
			}
			return serve(ctx, network, addr)
		}
		s := server.Sender(sender)
		defer s.CloseIdle()
		start := time.Now()
		if err := sendOne(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); dials != 2 || took > smtpdial.DefaultTimeout+2*time.Second {
			t.Errorf("%d dials in %v, want 2 in a minute and two seconds", dials, took)
		}
	})
}
