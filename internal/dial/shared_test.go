package dial_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/internal/dial"
)

func TestEnter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s dial.Shared
		first, err := s.Enter(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Enter(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second beside the first of one: error %v, want that of the context", err)
		}
		first()
		if _, err := s.Enter(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("turn free, context ended: error %v, want that of the context", err)
		}
		second, err := s.Enter(t.Context(), 1)
		if err != nil {
			t.Fatalf("the turn was not given back: %v", err)
		}
		second()
	})
}

func TestSharedCache(t *testing.T) {
	var s dial.Shared
	leave, err := s.Enter(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer leave()
	one, two := s.ClientTLS(nil, "a:1"), s.ClientTLS(nil, "a:1")
	if one.ClientSessionCache == nil || one.ClientSessionCache != two.ClientSessionCache {
		t.Error("two dials do not share a cache")
	}
	own := tls.NewLRUClientSessionCache(1)
	var other dial.Shared
	if got := other.ClientTLS(&tls.Config{ClientSessionCache: own}, "a:1").ClientSessionCache; got != own {
		t.Error("the user's own cache was replaced")
	}
}

// A proxy's connection may be given the deadline of the context, and reach it
// first.
func TestDialThatIsLate(t *testing.T) {
	for name, test := range map[string]struct {
		early time.Duration
		err   error
		late  bool
	}{
		"at the deadline":          {0, os.ErrDeadlineExceeded, true},
		"1 ns before":              {1, os.ErrDeadlineExceeded, false},
		"well before the others":   {time.Second, os.ErrDeadlineExceeded, false},
		"refused, at the deadline": {0, syscall.ECONNREFUSED, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				deadline := time.Now().Add(time.Minute)
				ctx, cancel := context.WithDeadline(t.Context(), deadline)
				defer cancel()
				_, err := dial.Dial(ctx, func(context.Context, string, string) (net.Conn, error) {
					time.Sleep(time.Until(deadline) - test.early)
					return nil, &net.OpError{Op: "read", Err: test.err}
				}, "a:1")
				if got := errors.Is(err, context.DeadlineExceeded); got != test.late || !errors.Is(err, test.err) {
					t.Errorf("error %v, want that of the context: %t", err, test.late)
				}
			})
		})
	}
}

// slow is a context that ends a second after its deadline.
type slow struct {
	context.Context
	deadline time.Time
}

func (s slow) Deadline() (time.Time, bool) { return s.deadline, true }

// A connection that has reached the deadline first waits for the context.
func TestDialThatIsAheadOfItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := dial.Dial(slow{ctx, start}, func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
		}, "a:1")
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
			t.Errorf("error %v after %v, want that of the context after a second", err, took)
		}
	})
}

// Many clients of one dialer have one debug writer, such as a bytes.Buffer.
func TestDebugWriterIsWrittenToByOneAtATime(t *testing.T) {
	var (
		s    dial.Shared
		out  turns
		many sync.WaitGroup
	)
	for range 64 {
		w := s.DebugWriter(&out)
		many.Go(func() { io.WriteString(w, "a line") })
	}
	many.Wait()
	if out.writes != 64 {
		t.Errorf("%d writes, want 64", out.writes)
	}
	if w := s.DebugWriter(nil); w != nil {
		t.Errorf("for no writer: %v", w)
	}
}

// turns is a writer that stands two at a time as little as a bytes.Buffer does.
type turns struct {
	busy   sync.Mutex
	writes int
}

func (w *turns) Write(p []byte) (int, error) {
	if !w.busy.TryLock() {
		panic("two writes at a time")
	}
	defer w.busy.Unlock()
	w.writes++
	runtime.Gosched()
	return len(p), nil
}
