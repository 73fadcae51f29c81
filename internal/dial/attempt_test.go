package dial

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
)

// greeting is a protocol that takes some time, and then fails or not.
type greeting struct {
	takes time.Duration
	err   error
}

func (g greeting) Prepare(*Conn) (op string, err error) {
	time.Sleep(g.takes)
	return "greet", g.err
}
func (greeting) Authenticate(string) error    { return nil }
func (greeting) Open() (op string, err error) { return "", nil }

// attemptOf returns an attempt over a connection of its own.
func attemptOf(t *testing.T, p Protocol) *Attempt {
	return &Attempt{
		Reporter: Reporter{
			Judge: func(error) Answer { return None },
			Words: func(error, func(string) string) []error { return nil },
			New:   func(f Failure) error { return f.Err },
		},
		Protocol: p,
		Source:   oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "planted-token"}),
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			t.Cleanup(func() { client.Close(); server.Close() })
			return client, nil
		},
		Timeout:  time.Minute,
		MaxDials: 1,
		Pace:     time.Second,
		Shared:   new(Shared),
	}
}

// A dial that fails keeps its turn for the pace, others give theirs back.
func TestPace(t *testing.T) {
	for name, row := range map[string]struct {
		greeting
		next time.Duration // turn, from the beginning
	}{
		"fails at once":             {greeting{0, errHungUp}, time.Second},
		"fails within the pace":     {greeting{300 * time.Millisecond, errHungUp}, time.Second},
		"fails a nanosecond before": {greeting{time.Second - 1, errHungUp}, time.Second},
		"fails after the pace":      {greeting{2 * time.Second, errHungUp}, 2 * time.Second},
		"succeeds":                  {greeting{300 * time.Millisecond, nil}, 300 * time.Millisecond},
		"succeeds at once":          {greeting{0, nil}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, start := attemptOf(t, row.greeting), time.Now()
				if err := a.Dial(t.Context()); !errors.Is(err, row.err) {
					t.Fatalf("error %v, want %v", err, row.err)
				}
				if took := time.Since(start); took != row.takes {
					t.Errorf("the dial took %v, want %v", took, row.takes)
				}
				leave, err := a.Shared.Enter(t.Context(), a.MaxDials)
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took != row.next {
					t.Errorf("the next turn came after %v, want %v", took, row.next)
				}
				leave()
			})
		})
	}
}

// A source that is still asked when the dial is over is not waited for, and
// its context ends.
func TestDialLeavesNoContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, start := contextOnly{make(chan context.Context, 1)}, time.Now()
		a := attemptOf(t, greeting{time.Second, errHungUp})
		a.Source = src
		if err := a.Dial(t.Context()); !errors.Is(err, errHungUp) || time.Since(start) != time.Second {
			t.Errorf("error %v after %v, want %v after a second", err, time.Since(start), errHungUp)
		}
		if ctx := <-src.got; ctx.Err() == nil {
			t.Error("the context of the source has not ended")
		}
	})
}
