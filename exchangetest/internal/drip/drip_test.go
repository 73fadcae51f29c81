package drip

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/clock"
)

// A log notes what is written, and when, until it has had enough.
type log struct {
	net.Conn
	start time.Time
	texts []string
	at    []time.Duration
	limit int // zero: none
}

var errEnough = errors.New("enough")

func (l *log) Write(p []byte) (int, error) {
	if l.limit > 0 && len(l.texts) == l.limit {
		return 0, errEnough
	}
	l.texts, l.at = append(l.texts, string(p)), append(l.at, time.Since(l.start))
	return len(p), nil
}

func TestConn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, below := clock.New(), &log{start: time.Now()}
		conn := New(below, c)
		conn.Write([]byte("at once"))
		conn.Slow(0, time.Now())
		conn.Write([]byte("still"))
		conn.Slow(time.Minute, c.Now().Add(-time.Second))
		conn.Write([]byte("ab"))
		conn.Slow(0, time.Now())
		conn.Write([]byte("c"))
		want := []time.Duration{0, 0, 59 * time.Second, 119 * time.Second, 179 * time.Second}
		if !slices.Equal(below.texts, []string{"at once", "still", "a", "b", "c"}) || !slices.Equal(below.at, want) {
			t.Errorf("%q at %v", below.texts, below.at)
		}
	})
}

// What a connection has become goes on where that one stopped, and writes to
// another.
func TestConnOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, below := clock.New(), &log{start: time.Now()}
		conn := New(nil, c)
		conn.Slow(time.Minute, c.Now())
		over := conn.Over(below)
		over.Write([]byte("a"))
		c.Advance(time.Hour)
		over.Write([]byte("b"))
		if !slices.Equal(below.texts, []string{"a", "b"}) || !slices.Equal(below.at, []time.Duration{time.Minute, time.Minute}) {
			t.Errorf("%q at %v", below.texts, below.at)
		}
	})
}

func TestConnBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.New()
		conn := New(&log{limit: 2}, c)
		conn.Slow(time.Minute, c.Now())
		if n, err := conn.Write([]byte("abc")); n != 2 || err != errEnough {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}

func TestWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone, recorder, start := make(chan struct{}), httptest.NewRecorder(), time.Now()
		w := &Writer{recorder, clock.New(), time.Minute, gone}
		n, err := w.Write([]byte("ab"))
		if n != 2 || err != nil || recorder.Body.String() != "ab" || time.Since(start) != 2*time.Minute {
			t.Errorf("%d bytes, %v, %q after %v", n, err, recorder.Body, time.Since(start))
		}
		if !recorder.Flushed {
			t.Error("a byte is held back")
		}
		close(gone)
		w.Write([]byte("c"))
		if recorder.Body.String() != "abc" || time.Since(start) != 2*time.Minute {
			t.Errorf("%q after %v for a client that has gone", recorder.Body, time.Since(start))
		}
		if http.NewResponseController(w).Flush() != nil {
			t.Error("no way through to the response below")
		}
	})
}

type failing struct{ http.ResponseWriter }

func (failing) Write([]byte) (int, error) { return 0, errEnough }

func TestWriterBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &Writer{ResponseWriter: failing{httptest.NewRecorder()}, Clock: clock.New(), Drip: time.Second}
		if n, err := w.Write([]byte("abc")); n != 0 || err != errEnough {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}
