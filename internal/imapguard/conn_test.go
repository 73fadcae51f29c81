package imapguard

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth/internal/handoff"
	"github.com/exoauth/exoauth/internal/mailtest"
)

// session is a guarded connection, and what became of it.
type session struct {
	*Conn
	server net.Conn

	mu     sync.Mutex
	ended  []error // what Ended was told
	broken int     // how often Raw was closed
	read   error   // of the Read that failed
	at     time.Duration
	done   chan struct{} // closed then
}

// breaker is the connection below TLS.
type breaker struct {
	net.Conn
	s *session
}

func (b breaker) Close() error {
	b.s.mu.Lock()
	b.s.broken++
	b.s.mu.Unlock()
	return b.Conn.Close()
}

// guard returns a session of Keep that nobody reads yet.
func guard(t *testing.T, limits Limits) *session {
	client, server := mailtest.Pipe()
	s := &session{server: server, done: make(chan struct{})}
	s.Conn = New(Config{
		Conn:     handoff.Conn{Conn: client},
		Raw:      breaker{client, s},
		Renew:    true,
		Exceeded: func(e *LimitError) error { return errors.New("too much: " + e.Limit) },
		Scrub:    func(text string) string { return strings.ReplaceAll(text, "planted", "[redacted]") },
		Ended: func(err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.ended = append(s.ended, err)
		},
	}, limits)
	t.Cleanup(func() { client.Close(); server.Close() })
	return s
}

// listen reads until a Read fails.
func (s *session) listen() {
	start := time.Now()
	go func() {
		defer close(s.done)
		for p := make([]byte, 1024); s.read == nil; s.at = time.Since(start) {
			_, s.read = s.Read(p)
		}
	}()
	synctest.Wait()
}

// say has the server say something. It is heard on return.
func (s *session) say(text string) {
	io.WriteString(s.server, text)
	synctest.Wait()
}

// do has the client write something.
func (s *session) do(text string) {
	io.WriteString(s, text)
	synctest.Wait()
}

// A server that owes an answer and is waited for has ten minutes from the last
// that it said or was told. It owes none while the client idles.
func TestSilence(t *testing.T) {
	const never = 0
	for name, row := range map[string]struct {
		play func(*session)
		want time.Duration // when the session is broken
	}{
		"nothing was asked":          {func(s *session) { s.listen() }, never},
		"something was said":         {func(s *session) { s.listen(); s.say("* 3 EXISTS\r\n") }, never},
		"asked":                      {func(s *session) { s.listen(); s.do("A NOOP\r\n") }, 10 * time.Minute},
		"asked in pieces":            {func(s *session) { s.listen(); s.do("A NO"); time.Sleep(time.Minute); s.do("OP\r\n") }, 11 * time.Minute},
		"asked before it is read":    {func(s *session) { s.do("A NOOP\r\n"); time.Sleep(time.Hour); s.listen() }, 10 * time.Minute},
		"answered":                   {func(s *session) { s.listen(); s.do("A NOOP\r\n"); s.say("A OK\r\n") }, never},
		"answered, though not asked": {func(s *session) { s.listen(); s.say("A OK\r\n"); s.do("A NOOP\r\n"); s.say("A OK\r\n") }, never},
		"asked again":                {func(s *session) { s.listen(); s.do("A NOOP\r\n"); s.say("A OK\r\n"); s.do("B NOOP\r\n") }, 10 * time.Minute},
		"half answered":              {func(s *session) { s.listen(); s.do("A NOOP\r\n"); time.Sleep(9 * time.Minute); s.say("* 3 EXISTS\r\n") }, 19 * time.Minute},
		"two at once, one answered":  {func(s *session) { s.listen(); s.do("A NOOP\r\nB NOOP\r\n"); s.say("A OK\r\n") }, 10 * time.Minute},
		"two at once, both answered": {func(s *session) { s.listen(); s.do("A NOOP\r\nB NOOP\r\n"); s.say("A OK\r\nB OK\r\n") }, never},
		"two, answered in turn": {func(s *session) {
			s.listen()
			s.do("A NOOP\r\n")
			s.do("B NOOP\r\n")
			s.say("A OK\r\n")
			s.say("B OK\r\n")
		}, never},
		"long command, answered": {func(s *session) {
			s.listen()
			s.do("A APPEND x {40000+}\r\n" + strings.Repeat("x", 40000) + "\r\n")
			s.say("A OK\r\n")
		}, never},
		"idles":                    {func(s *session) { s.listen(); s.do("A IDLE\r\n"); s.say("+ idling\r\n") }, never},
		"idled, and is not let go": {func(s *session) { s.listen(); s.do("A IDLE\r\n"); s.say("+ idling\r\n"); s.do("DONE\r\n") }, 10 * time.Minute},
		"idles, another is open":   {func(s *session) { s.listen(); s.do("A NOOP\r\nB IDLE\r\n"); s.say("+ idling\r\n") }, never},
		"idled, and is told, but not let go": {func(s *session) {
			s.listen()
			s.do("A IDLE\r\n")
			s.say("+ idling\r\n")
			s.do("DONE\r\n")
			s.say("* 3 EXISTS\r\n")
		}, 10 * time.Minute},
		"told twice, not answered": {func(s *session) {
			s.listen()
			s.do("A NOOP\r\n")
			for range 2 {
				time.Sleep(9 * time.Minute)
				s.say("* 3 EXISTS\r\n")
			}
		}, 28 * time.Minute},
		"answered, then two, one answered": {func(s *session) {
			s.listen()
			s.do("A NOOP\r\n")
			s.say("A OK\r\n")
			s.do("B NOOP\r\nC NOOP\r\n")
			s.say("* 3 EXISTS\r\n")
			s.say("B OK\r\n")
		}, 10 * time.Minute},
		"something said, not tagged":      {func(s *session) { s.listen(); s.do("DONE\r\n"); s.say("* 3 EXISTS\r\n") }, 10 * time.Minute},
		"a session that is not kept":      {func(s *session) { s.Ended = nil; s.listen(); s.do("A NOOP\r\n") }, never},
		"goodbye, and the server goes on": {func(s *session) { s.listen(); s.do("A NOOP\r\n"); s.say("* BYE\r\n") }, 10 * time.Second},
		"goodbye, and it is asked more":   {func(s *session) { s.listen(); s.say("* BYE\r\n"); time.Sleep(9 * time.Second); s.do("A NOOP\r\n") }, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := guard(t, Limits{})
				row.play(s)
				if row.want == never {
					time.Sleep(time.Hour)
					synctest.Wait()
					if s.broken != 0 {
						t.Error("the session was broken")
					}
					s.server.Close()
					<-s.done
					return
				}
				<-s.done
				synctest.Wait()
				if s.at != row.want || s.broken != 1 || len(s.ended) != 1 || s.ended[0] != s.read || !s.Over() {
					t.Errorf("%v after %v, broken %d times, ended by %v; want after %v, once", s.read, s.at, s.broken, s.ended, row.want)
				}
			})
		})
	}
}

func TestErrorOfSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := guard(t, Limits{})
		s.listen()
		s.do("A NOOP\r\n")
		<-s.done
		if limit, ok := errors.AsType[net.Error](s.read); !ok || !limit.Timeout() || s.read.Error() != "no answer within 10m0s" {
			t.Errorf("error %v, want one of a time limit", s.read)
		}
		if temporary, ok := s.read.(interface{ Temporary() bool }); !ok || !temporary.Temporary() {
			t.Errorf("error %v, want one that passes", s.read)
		}
	})
}

// What ends a session is told once, and a goodbye is the reason.
func TestEndOfASession(t *testing.T) {
	bye := &imap.Error{Type: imap.StatusResponseTypeBye, Text: "no [redacted]"}
	for name, row := range map[string]struct {
		play  func(*session)
		read  error
		ended error
	}{
		"the server closes":         {func(s *session) { s.server.Close() }, io.EOF, io.ErrUnexpectedEOF},
		"goodbye":                   {func(s *session) { s.say("* BYE no planted\r\n"); s.server.Close() }, bye, bye},
		"goodbye, the last counts":  {func(s *session) { s.say("* BYE first\r\n* BYE no planted\r\n"); s.server.Close() }, bye, bye},
		"goodbye without its end":   {func(s *session) { s.say("* BYE no planted"); s.server.Close() }, io.EOF, io.ErrUnexpectedEOF},
		"goodbye after LOGOUT":      {func(s *session) { s.do("A LOGOUT\r\n"); s.say("* BYE no planted\r\n"); s.server.Close() }, io.EOF, nil},
		"Close":                     {func(s *session) { s.Close() }, net.ErrClosed, nil},
		"Close after a goodbye":     {func(s *session) { s.say("* BYE no planted\r\n"); s.Close() }, bye, nil},
		"Shut":                      {func(s *session) { s.Shut() }, net.ErrClosed, nil},
		"End, and the server after": {func(s *session) { s.End(os.ErrInvalid); s.server.Close() }, io.EOF, os.ErrInvalid},
		"End of the connection":     {func(s *session) { s.End(io.EOF); s.Close() }, net.ErrClosed, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := guard(t, Limits{})
				s.listen()
				row.play(s)
				<-s.done
				if want, ok := row.read.(*imap.Error); ok {
					if got, ok := s.read.(*imap.Error); !ok || *got != *want {
						t.Errorf("Read: %v, want %v", s.read, want)
					}
					if _, err := io.WriteString(s, "A NOOP\r\n"); !errors.Is(err, s.read) {
						t.Errorf("Write: %v, want %v", err, s.read)
					}
				} else if s.read != row.read {
					t.Errorf("Read: %v, want %v", s.read, row.read)
				}
				want := []error{row.ended}
				if row.ended == nil {
					want = nil
				} else if row.ended == error(bye) {
					want = []error{s.read}
				}
				if !slices.Equal(s.ended, want) || s.Over() != (want != nil) {
					t.Errorf("ended by %v, over: %t; want %v", s.ended, s.Over(), want)
				}
			})
		})
	}
}

// stuck is a connection whose Close waits for the one below, as that of TLS
// does for its goodbye.
type stuck struct {
	net.Conn
	below chan struct{}
}

func (s stuck) Close() error { <-s.below; return s.Conn.Close() }

type closeFunc func() error

func (f closeFunc) Close() error { return f() }

func TestCloseDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := mailtest.Pipe()
		defer server.Close()
		below := make(chan struct{})
		c := New(Config{Conn: handoff.Conn{Conn: stuck{client, below}}, Raw: closeFunc(func() error { close(below); return nil })}, Limits{})
		start := time.Now()
		if err := c.Close(); err != nil || time.Since(start) != 50*time.Millisecond {
			t.Errorf("Close: %v after %v, want nil after 50 ms", err, time.Since(start))
		}
	})
}

// Nothing is left of a session that was closed.
func TestCloseStopsTheAlarm(t *testing.T) {
	for name, play := range map[string]func(*session){
		"of an answer": func(s *session) { s.do("A NOOP\r\n") },
		"of a goodbye": func(s *session) { s.say("* BYE\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := guard(t, Limits{})
				s.listen()
				play(s)
				s.Close()
				<-s.done
				time.Sleep(time.Hour)
				if s.broken != 0 || len(s.ended) != 0 {
					t.Errorf("broken %d times after Close, ended by %v", s.broken, s.ended)
				}
			})
		})
	}
}

// A server that stays after its goodbye is left, though nobody reads on.
func TestGoodbyeThatNobodyReadsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := guard(t, Limits{})
		s.say("* BYE\r\n")
		s.Read(make([]byte, 100))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if s.broken != 1 || len(s.ended) != 1 {
			t.Errorf("broken %d times, ended by %v, want once by the goodbye", s.broken, s.ended)
		}
	})
}

// vague is a connection that ends in the same way, whichever side closed it.
type vague struct{ net.Conn }

func (vague) Read([]byte) (int, error) { return 0, io.EOF }

func TestReadAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := guard(t, Limits{})
		s.Config.Conn.Conn = vague{s.Config.Conn.Conn}
		s.Close()
		if _, err := s.Read(make([]byte, 1)); err != net.ErrClosed {
			t.Errorf("error %v, want %v", err, net.ErrClosed)
		}
	})
}

func TestExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := guard(t, Limits{Response: 10})
		for _, want := range []int{10, 0, 0} { // octets that pass
			s.say("* OK more than ten")
			if n, err := s.Read(make([]byte, 100)); n != want || err == nil || err.Error() != "too much: Response" {
				t.Errorf("read %d octets, %v, want %d and the error of the limit", n, err, want)
			}
		}
		if len(s.ended) != 1 || s.ended[0].Error() != "too much: Response" {
			t.Errorf("ended by %v", s.ended)
		}
	})
}

// Of the results of a search no more than a piece is read at a time.
func TestSearchIsReadInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := guard(t, Limits{})
		results := strings.Repeat(" 1", 500)
		p := make([]byte, 4096)
		for _, row := range []struct {
			said string
			want int
		}{{"* SEARCH 1", 10}, {results, 256}, {"", 256}, {"", 256}, {"", 232}, {"\r\n", 2}, {"* LIST" + results, 1006}} {
			s.say(row.said)
			if n, err := s.Read(p); n != row.want || err != nil {
				t.Errorf("after %.10q: read %d octets, %v, want %d", row.said, n, err, row.want)
			}
		}
	})
}

// A deadline is given anew to a server that goes on. None stays none, and one
// that has passed stands.
func TestReadDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := guard(t, Limits{})
		p := make([]byte, 1)
		s.SetReadDeadline(time.Now().Add(time.Minute))
		for range 10 {
			time.AfterFunc(50*time.Second, func() { io.WriteString(s.server, "*") })
			if _, err := s.Read(p); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		if _, err := s.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("error %v after %v, want after a minute", err, time.Since(start))
		}
		s.SetReadDeadline(time.Time{})
		time.AfterFunc(time.Hour, func() { io.WriteString(s.server, "*") })
		if _, err := s.Read(p); err != nil {
			t.Errorf("without a deadline: %v", err)
		}
		s.SetReadDeadline(time.Now().Add(1))
		time.Sleep(time.Second)
		start = time.Now()
		if _, err := s.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 1 {
			t.Errorf("with a nanosecond: error %v after %v", err, time.Since(start))
		}
		for _, passed := range []time.Duration{time.Second, 0} {
			s.SetReadDeadline(time.Now().Add(-passed))
			start = time.Now()
			if _, err := s.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 0 {
				t.Errorf("deadline that passed %v ago: error %v after %v", passed, err, time.Since(start))
			}
		}
	})
}

// slowly is a connection that takes a second for each Write, and fails after
// some.
type slowly struct {
	net.Conn
	left  []time.Duration // to the deadline, at each Write
	sizes []int
	most  int
	by    time.Time
}

func (s *slowly) SetWriteDeadline(t time.Time) error { s.by = t; return nil }
func (s *slowly) Write(p []byte) (int, error) {
	if len(s.sizes) == s.most {
		return 3, os.ErrDeadlineExceeded
	}
	s.left, s.sizes = append(s.left, time.Until(s.by)), append(s.sizes, len(p))
	time.Sleep(time.Second)
	return len(p), nil
}

// Each 16 KiB of a Write have the time of the deadline.
func TestWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &slowly{most: 3}
		c := New(Config{Conn: handoff.Conn{Conn: inner}, Renew: true}, Limits{})
		c.SetWriteDeadline(time.Now().Add(time.Minute))
		if n, err := c.Write(make([]byte, 40<<10)); n != 40<<10 || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
		if want := []int{16384, 16384, 8192}; !slices.Equal(inner.sizes, want) {
			t.Errorf("in pieces of %v, want %v", inner.sizes, want)
		}
		if want := []time.Duration{time.Minute, time.Minute, time.Minute}; !slices.Equal(inner.left, want) {
			t.Errorf("each with %v, want %v", inner.left, want)
		}
		inner.sizes = inner.sizes[:2]
		if n, err := c.Write(make([]byte, 40<<10)); n != 16<<10+3 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wrote %d, %v, want 16 KiB and three", n, err)
		}
	})
}

func TestFate(t *testing.T) {
	parse := errors.New("a parse error")
	for name, row := range map[string]struct {
		play   func(*session)
		broken error
		want   error
	}{
		"nothing was closed":          {func(*session) {}, nil, nil},
		"the client cannot go on":     {func(*session) {}, parse, parse},
		"the client closes":           {func(s *session) { s.Close(); s.Read(nil) }, nil, ErrGaveUp},
		"its user closes":             {func(s *session) { s.Close(); s.Read(nil) }, net.ErrClosed, nil},
		"its user logs out":           {func(s *session) { s.do("A LOGOUT\r\n"); s.Close(); s.Read(nil) }, nil, nil},
		"Keep closes":                 {func(s *session) { s.Shut(); s.Read(nil) }, nil, nil},
		"Keep closes, after it":       {func(s *session) { s.Close(); s.Shut(); s.Read(nil) }, nil, ErrGaveUp},
		"the server closed, not kept": {func(s *session) { s.Ended = nil; s.server.Close(); s.Read(nil) }, nil, nil},
		"the end was told":            {func(s *session) { s.End(parse); s.Close(); s.Read(nil) }, nil, nil},
		"closed, and not read yet":    {func(s *session) { s.Close() }, parse, parse},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := guard(t, Limits{})
				row.play(s)
				if got := s.Fate(row.broken); got != row.want {
					t.Errorf("%v, want %v", got, row.want)
				}
			})
		})
	}
}

// Without Renew, a deadline stays where a client has set it.
func TestDeadlineThatIsNotRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := mailtest.Pipe()
		defer server.Close()
		c := New(Config{Conn: handoff.Conn{Conn: client}}, Limits{})
		defer client.Close()
		start := time.Now()
		c.SetReadDeadline(start.Add(time.Minute))
		for _, after := range []time.Duration{50 * time.Second, time.Minute} {
			time.AfterFunc(50*time.Second, func() { io.WriteString(server, "*") })
			_, err := c.Read(make([]byte, 1))
			if took := time.Since(start); took != after || (err == nil) != (after < time.Minute) {
				t.Errorf("Read: %v after %v, want it to end after %v", err, took, after)
			}
		}
		inner := &slowly{most: 3}
		c = New(Config{Conn: handoff.Conn{Conn: inner}}, Limits{})
		c.SetWriteDeadline(time.Now().Add(time.Minute))
		c.Write(make([]byte, 40<<10))
		if want := []time.Duration{time.Minute, 59 * time.Second, 58 * time.Second}; !slices.Equal(inner.left, want) {
			t.Errorf("the pieces of a Write have %v, want %v", inner.left, want)
		}
	})
}
