package tokensource

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

func TestOthersJoinACallerWhoCannotLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: slowly(10*time.Second, succeed)}
		source := server.source()
		began := time.Now()
		first := ask(forGood(t), source)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		leaves, stays := ask(ctx, source), ask(t.Context(), source)
		if r := <-leaves; !errors.Is(r.err, context.DeadlineExceeded) || r.at.Sub(began) != time.Second {
			t.Errorf("the one who leaves: %v after %v", r.err, r.at.Sub(began))
		}
		for who, c := range map[string]<-chan result{"first": first, "the one who stays": stays} {
			if r := <-c; r.err != nil || r.at.Sub(began) != 10*time.Second {
				t.Errorf("%s: %v after %v", who, r.err, r.at.Sub(began))
			}
		}
		wantRequests(t, server, 1)
	})
}

// A pause is for those alone who have more time than it takes.
func TestPause(t *testing.T) {
	const pause = 5 * time.Second
	for name, row := range map[string]struct {
		waiter, flow time.Duration // how long they have; zero for good
		renewal      bool
		want         bool
	}{
		"for good":                              {0, 0, false, true},
		"as long as the pause":                  {pause, 0, false, false},
		"1 ns longer":                           {pause + 1, 0, false, true},
		"a renewal, which is for those to come": {pause, 0, true, true},
		"a renewal with as long as the pause":   {0, pause, true, false},
		"a renewal with 1 ns more":              {0, pause + 1, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				c := &call{source: new(Source), renewal: row.renewal, patient: row.waiter == 0, deadline: began.Add(row.waiter)}
				ctx := t.Context()
				if row.flow > 0 {
					limited, cancel := context.WithTimeout(ctx, row.flow)
					defer cancel()
					ctx = limited
				}
				got := c.pause(ctx, pause, errNoResult)
				if took := time.Since(began); got != row.want || got != (took == pause) || !got && took != 0 {
					t.Errorf("%t after %v", got, took)
				}
				if c.failed != errNoResult {
					t.Error("why is not known to those who leave")
				}
			})
		})
	}
}

// A function that ends its goroutine, as a failing test does, leaves nobody
// waiting.
func TestFlowWithoutResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := Func(func(context.Context) (string, time.Time, error) {
			time.Sleep(time.Second)
			runtime.Goexit()
			panic("unreachable")
		})
		first := ask(forGood(t), source)
		synctest.Wait()
		joined := ask(t.Context(), source)
		for who, c := range map[string]<-chan result{"first": first, "who joined": joined} {
			if r := <-c; !errors.Is(r.err, errNoResult) {
				t.Errorf("%s: error %v", who, r.err)
			}
		}
		if _, err := source.Token(); !errors.Is(err, errNoResult) {
			t.Errorf("who came after: error %v; want the one that is remembered", err)
		}
	})
}

// What a function leaves behind can go by its context.
func TestContextEndsWithTheCall(t *testing.T) {
	for name, open := range map[string]func(called func(context.Context)) *Source{
		"Func": func(called func(context.Context)) *Source {
			return Func(func(ctx context.Context) (string, time.Time, error) {
				called(ctx)
				return tokenNumber(1), time.Now().Add(time.Hour), ctx.Err()
			})
		},
		"DeviceCode": func(called func(context.Context)) *Source {
			server := &fakeEntra{answer: script(answerWith(200, deviceAnswer), rotate)}
			return server.public().DeviceCode(func(ctx context.Context, _ DeviceCode) error {
				called(ctx)
				return ctx.Err()
			})
		},
	} {
		for who, caller := range map[string]func(*testing.T) context.Context{"can leave": (*testing.T).Context, "cannot leave": forGood} {
			t.Run(name+" for one who "+who, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var of context.Context
					if _, err := open(func(ctx context.Context) { of = ctx }).TokenContext(caller(t)); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
					if of.Err() == nil {
						t.Error("the context goes on")
					}
				})
			})
		}
	}
}
