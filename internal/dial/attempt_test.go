package dial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
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

// logged returns a logger, and what it has been told.
func logged() (*slog.Logger, *bytes.Buffer) {
	out := new(bytes.Buffer)
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})), out
}

// steps of a login that go as they are told.
type told struct {
	attempt  *Attempt
	prepare  error
	answers  []error // to each token
	open     error
	opening  func()
	prepared *Conn
	sent     []string // the tokens, each as the attempt knows it by then
}

func (p *told) Prepare(conn *Conn) (op string, err error) {
	p.prepared, p.attempt.Server = conn, "mail.example.com"
	return "greet", p.prepare
}

func (p *told) Authenticate(token string) error {
	p.sent = append(p.sent, fmt.Sprintf("%s, %s of %q", token, p.attempt.Token.AccessToken, p.attempt.Tokens))
	return p.answers[len(p.sent)-1]
}

func (p *told) Open() (op string, err error) {
	if p.opening != nil {
		p.opening()
	}
	return "open", p.open
}

// Each step is logged, and a connection that does not become the caller's is
// closed before the failure is reported.
func TestDial(t *testing.T) {
	const (
		connected     = "level=DEBUG msg=\"mail: connected\" addr=a:1 username=me server=mail.example.com\n"
		authenticated = "level=DEBUG msg=\"mail: authenticated\" addr=a:1 username=me server=mail.example.com\n"
		again         = "level=INFO msg=\"mail: token refused, trying a fresh one\" addr=a:1 username=me refusal=refused\n"
		stale, fresh  = `stale, stale of ["stale"]`, `fresh, fresh of ["stale" "fresh"]`
	)
	failed := func(op, err string) string {
		return fmt.Sprintf("level=DEBUG msg=\"mail: failed\" addr=a:1 username=me op=%s error=%q\n", op, err)
	}
	for name, row := range map[string]struct {
		told
		ends bool // the context, as the session opens
		sent []string
		err  error
		log  string
	}{
		"accepted":        {told: told{answers: []error{nil}}, sent: []string{stale}, log: connected + authenticated},
		"a fresh token":   {told: told{answers: []error{errNo, nil}}, sent: []string{stale, fresh}, log: connected + again + authenticated},
		"no mail server":  {told: told{prepare: errHungUp}, err: errHungUp, log: failed("greet", "hung up")},
		"refused":         {told: told{answers: []error{errHungUp}}, sent: []string{stale}, err: errHungUp, log: connected + failed("authenticate", "hung up")},
		"does not open":   {told: told{answers: []error{nil}, open: errHungUp}, sent: []string{stale}, err: errHungUp, log: connected + authenticated + failed("open", "hung up")},
		"opens, too late": {told: told{answers: []error{nil}}, ends: true, sent: []string{stale}, err: context.Canceled, log: connected + authenticated + failed("open", "context canceled")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				p := row.told
				if row.ends {
					p.opening = cancel
				}
				a := attemptOf(t, &p)
				var out *bytes.Buffer
				p.attempt, a.Source, a.Package, a.Addr, a.Username = a, new(second), "mail", "a:1", "me"
				a.Logger, out = logged()
				a.Judge = func(err error) Answer {
					if errors.Is(err, errNo) {
						return Renewable
					}
					return None
				}
				a.New = func(f Failure) error {
					if err := p.prepared.SetDeadline(time.Time{}); !errors.Is(err, io.ErrClosedPipe) {
						t.Errorf("the connection is open: error %v", err)
					}
					return f.Err
				}
				if err := a.Dial(ctx); !errors.Is(err, row.err) {
					t.Errorf("error %v, want %v", err, row.err)
				}
				if out.String() != row.log {
					t.Errorf("logged %s, want %s", out, row.log)
				}
				if !slices.Equal(p.sent, row.sent) {
					t.Errorf("sent %q, want %q", p.sent, row.sent)
				}
			})
		})
	}
}

// An empty token is none to hide.
func TestEmptyToken(t *testing.T) {
	p := &told{answers: []error{nil}}
	a := attemptOf(t, p)
	p.attempt, a.Source = a, oauth2.StaticTokenSource(new(oauth2.Token))
	if err := a.Dial(t.Context()); err != nil || a.Tokens != nil {
		t.Errorf("error %v, tokens %q", err, a.Tokens)
	}
}

func TestWireMasks(t *testing.T) {
	var out bytes.Buffer
	client, server := net.Pipe()
	defer server.Close()
	go io.Copy(io.Discard, server)
	a := attemptOf(t, nil)
	a.Tokens, a.DebugWriter = Tokens{"planted-token", "another-token"}, &out
	w := a.Wire(&Conn{Conn: client})
	if err := w.WriteLines("planted-token another-token"); err != nil || out.String() != "[redacted] [redacted]\r\n" {
		t.Errorf("error %v, shown %q", err, out.String())
	}
}
