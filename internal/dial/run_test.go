package dial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
)

var (
	errNo      = errors.New("refused")
	errFinal   = errors.New("refused for good")
	errHungUp  = errors.New("hung up")
	errNetwork = errors.New("no network")
)

// attempts are the steps of a login at a server that was written down before.
type attempts struct {
	connects []error // of each connection; nil is one that stands
	answers  []error // to each AUTHENTICATE
	cancel   int     // the caller gives up within this AUTHENTICATE; the first is 1
	source   oauth2.TokenSource
	wait     func(context.Context) error // for each connection, nil for none

	tried    []string
	refusals []error // that connect was told of
	open     int     // connections
	closed   bool    // the last one
	failed   error   // what Fail was told
	giveUp   func()
}

// run is a login; a key of its context is to arrive at the source.
func (a *attempts) run(ctx context.Context, cancel func()) error {
	a.giveUp = cancel
	return login(ctx, a, a.source, 0)
}

func (a *attempts) connect(ctx context.Context, refusal error) error {
	if a.wait != nil {
		return a.wait(ctx)
	}
	a.refusals = append(a.refusals, refusal)
	if err := a.connects[len(a.refusals)-1]; err != nil {
		return err
	}
	a.open++
	a.closed = false
	return nil
}

func (a *attempts) authenticate(token *oauth2.Token) error {
	a.tried = append(a.tried, token.AccessToken)
	if a.closed {
		return errors.New("the connection is closed")
	}
	n := len(a.tried)
	if n == a.cancel {
		a.giveUp()
	}
	return a.answers[n-1]
}

func (a *attempts) judge(err error) Answer {
	switch {
	case errors.Is(err, errNo):
		return Renewable
	case errors.Is(err, errFinal):
		return Refused
	}
	return None
}

func (a *attempts) refused(context.Context, error) {}

func (a *attempts) took(time.Duration) {}

func (a *attempts) close() {
	if !a.closed {
		a.closed = true
		a.open--
	}
}

func (a *attempts) Fail(_ context.Context, op string, err error) error {
	a.failed = err
	return fmt.Errorf("%s: %w", op, err)
}

// second is a source that has another token, or an error, once it was told.
type second struct {
	err   error
	hangs bool // in Invalidate
	told  []string
}

func (s *second) Token() (*oauth2.Token, error) { return nil, errors.New("asked without a context") }
func (s *second) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	switch {
	case len(s.told) == 0:
		return &oauth2.Token{AccessToken: "stale"}, nil
	case s.err != nil:
		return nil, s.err
	}
	return &oauth2.Token{AccessToken: "fresh"}, ctx.Err()
}

func (s *second) Invalidate(t *oauth2.Token) {
	if s.hangs {
		time.Sleep(time.Hour)
	}
	s.told = append(s.told, t.AccessToken)
}

func TestLoginAfterARefusal(t *testing.T) {
	for name, row := range map[string]struct {
		attempts
		second
		tried string // tokens
		is    []error
		both  bool // by After, so that errors.As finds the later one
		open  int
	}{
		"accepted":                         {attempts: attempts{connects: []error{nil}, answers: []error{nil}}, tried: "[stale]", open: 1},
		"a fresh token is accepted":        {attempts: attempts{connects: []error{nil}, answers: []error{errNo, nil}}, tried: "[stale fresh]", open: 1},
		"a fresh token is refused":         {attempts: attempts{connects: []error{nil}, answers: []error{errNo, fmt.Errorf("again %w", errNo)}}, tried: "[stale fresh]", is: []error{errNo}, both: true},
		"refused for good":                 {attempts: attempts{connects: []error{nil}, answers: []error{errFinal}}, tried: "[stale]", is: []error{errFinal}},
		"a fresh token, refused for good":  {attempts: attempts{connects: []error{nil}, answers: []error{errNo, errFinal}}, tried: "[stale fresh]", is: []error{errFinal, errNo}, both: true},
		"the connection breaks at once":    {attempts: attempts{connects: []error{nil}, answers: []error{errHungUp}}, tried: "[stale]", is: []error{errHungUp}},
		"no fresh token":                   {attempts: attempts{connects: []error{nil}, answers: []error{errNo}}, second: second{err: errNetwork}, tried: "[stale]", is: []error{errNo, errNetwork}},
		"hangs up, second connection":      {attempts: attempts{connects: []error{nil, nil}, answers: []error{errNo, errHungUp, nil}}, tried: "[stale fresh fresh]", open: 1},
		"hangs up, no second connection":   {attempts: attempts{connects: []error{nil, errNetwork}, answers: []error{errNo, errHungUp}}, tried: "[stale fresh]", is: []error{errNetwork}},
		"hangs up, refused on the second":  {attempts: attempts{connects: []error{nil, nil}, answers: []error{errNo, errHungUp, fmt.Errorf("again %w", errNo)}}, tried: "[stale fresh fresh]", is: []error{errNo}, both: true},
		"hangs up twice":                   {attempts: attempts{connects: []error{nil, nil}, answers: []error{errNo, errHungUp, errHungUp}}, tried: "[stale fresh fresh]", is: []error{errHungUp, errNo}, both: true},
		"hangs up as the context ends":     {attempts: attempts{connects: []error{nil}, answers: []error{errNo, errHungUp}, cancel: 2}, tried: "[stale fresh]", is: []error{errHungUp, errNo}, both: true},
		"the context ends on the second":   {attempts: attempts{connects: []error{nil, nil}, answers: []error{errNo, errHungUp, errHungUp}, cancel: 3}, tried: "[stale fresh fresh]", is: []error{errHungUp, errNo}, both: true},
		"Invalidate outlives the context":  {attempts: attempts{connects: []error{nil}, answers: []error{errNo}}, second: second{hangs: true}, tried: "[stale]", is: []error{errNo, context.DeadlineExceeded}},
		"the first connection is not made": {attempts: attempts{connects: []error{errNetwork}}, tried: "[]", is: []error{errNetwork}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				a, start := row.attempts, time.Now()
				a.source = &row.second
				err := a.run(ctx, cancel)
				if row.hangs {
					defer time.Sleep(time.Hour)
				}
				if (err == nil) != (row.is == nil) {
					t.Fatalf("error %v", err)
				}
				for _, is := range row.is {
					if !errors.Is(err, is) {
						t.Errorf("error %v is not %v", err, is)
					}
				}
				if _, first := Split(a.failed); (first != nil) != row.both {
					t.Errorf("error %v after %v, want both: %t", err, first, row.both)
				}
				if got := fmt.Sprint(a.tried); got != row.tried {
					t.Errorf("tried %s, want %s", got, row.tried)
				}
				if a.open != row.open {
					t.Errorf("%d connections are open, want %d", a.open, row.open)
				}
				if len(a.refusals) > 1 && !errors.Is(a.refusals[1], errNo) || a.refusals[0] != nil {
					t.Errorf("connect was told of %v, want the refusal the second time", a.refusals)
				}
				if refused := len(a.answers) > 0 && errors.Is(a.answers[0], errNo); !row.hangs && slices.Equal(row.told, []string{"stale"}) != refused {
					t.Errorf("the source was told of %q", row.told)
				}
				if took := time.Since(start); took > time.Minute {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

type ctxKey struct{}

// contextOnly hands its context out, and waits for its end.
type contextOnly struct{ got chan context.Context }

func (s contextOnly) Token() (*oauth2.Token, error) {
	return nil, errors.New("asked without a context")
}
func (s contextOnly) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	s.got <- ctx
	<-ctx.Done()
	return nil, ctx.Err()
}

// The source has the caller's context, which ends with the connecting.
func TestSourceIsAskedUnderTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := contextOnly{make(chan context.Context, 1)}
		a := attempts{source: src, connects: []error{errNetwork}}
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), ctxKey{}, "the caller's"), time.Minute)
		defer cancel()
		if err := a.run(ctx, nil); !errors.Is(err, errNetwork) {
			t.Errorf("error %v", err)
		}
		got := <-src.got
		if got.Value(ctxKey{}) != "the caller's" {
			t.Error("the source was asked under another context")
		}
		cancel() // as the contract of login has it
		synctest.Wait()
	})
}

// A plain source knows no context. A login ends with its own all the same.
func TestLoginLeavesASourceThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := attempts{connects: []error{nil}, source: sourceFunc(func() (*oauth2.Token, error) {
			time.Sleep(time.Hour)
			return nil, errNetwork
		})}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		err := a.run(ctx, nil)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != time.Minute || a.open != 0 {
			t.Errorf("error %v after %v, %d connections open", err, took, a.open)
		}
		time.Sleep(time.Hour) // until the source has answered
	})
}

// The failure of the token ends the connecting, and is the reason.
func TestTokenEndsTheConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := attempts{source: sourceFunc(func() (*oauth2.Token, error) { return nil, errNetwork })}
		a.wait = func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Hour):
				return errHungUp
			}
		}
		start := time.Now()
		if err := a.run(t.Context(), nil); !errors.Is(err, errNetwork) || time.Since(start) != 0 {
			t.Errorf("error %v after %v, want that of the source at once", err, time.Since(start))
		}
	})
}

// Expire does not wait for an Invalidate that hangs.
func TestExpireEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		Expire(ctx, &second{hangs: true}, new(oauth2.Token))
		if took := time.Since(start); took != time.Minute {
			t.Errorf("took %v, want until the context ended", took)
		}
		time.Sleep(time.Hour)
	})
}
