package tokensource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/internal/transport"
)

const (
	// renewalLimit bounds a renewal while the old token is still good.
	renewalLimit = 10 * time.Second
	// invalidAfter is the age from which a token can be invalidated.
	invalidAfter = time.Minute
)

// A Source gets tokens in one of the flows of this package and keeps them.
// It is safe for concurrent use. The flows make Sources; a nil Source and the
// zero one have no tokens to give, and say so in a [*ConfigError].
//
// A token is renewed five minutes before it expires, or once three quarters
// of its lifetime are over where that is later; it is the call that comes
// then that waits for the renewal, for ten seconds at most. Where the renewal
// fails, the old token is handed out until it expires. Where the server says
// to renew earlier (refresh_in), that is done in the background, and no call
// waits.
//
// A failure is remembered: for the next five seconds, one second where it is
// [Error.Temporary], calls get it at once and no request is made. That time
// doubles with each failure in a row, up to a minute. A longer
// [Error.RetryAfter] counts instead, up to an hour, or five minutes where it is
// not Entra ID's words that it came with.
type Source struct {
	cached atomic.Pointer[entry] // nil before the first token and after Invalidate

	flow   func() flow  // a function, so that no dump shows what the flow knows; nil where broken says why
	broken *ConfigError // nil in the zero Source too

	mu       sync.Mutex // guards what follows
	era      int        // how often the user was signed out
	call     *call      // under way; nil where there is none
	failure  failure    // the last one
	failures int        // in a row
}

func newSource(f flow) *Source { return &Source{flow: func() flow { return f }} }

// failure is remembered until then.
type failure struct {
	err   error
	until time.Time
}

// Token is [Source.TokenContext] without a context. It takes two minutes at
// most, with the time limit that Config has by default, two more with a Cache
// in trouble, and a quarter of an hour more where somebody has to sign in.
func (s *Source) Token() (*oauth2.Token, error) {
	return s.TokenContext(context.Background())
}

// TokenContext returns a token that is valid for some time yet, and that is
// the caller's own to modify. A cached one is returned whatever ctx is. Its
// Extra has "scope", "refresh_in" and "id_token" where the server sent them, and
// "ext_expires_in" where it is not written as expires_in is, as strings. A
// refresh token is not in it; see [Config.Cache].
//
// The errors are an [*Error] for a request that failed, or that was not made
// because the Cache failed, a [*ConfigError] for settings that cannot work, for
// [Func] that of the function, and one that wraps the error of ctx. When ctx ends, TokenContext returns, while the
// request goes on for others who wait; when the last one leaves, it is
// cancelled. Values in the ctx that started a request are seen by the HTTP
// client's transport.
func (s *Source) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	if s == nil {
		return nil, s.unusable()
	}
	if e := s.cached.Load(); e.fresh() {
		return e.copy(), nil
	}
	if s.flow == nil {
		return nil, s.unusable()
	}
	if err := transport.ContextError(ctx); err != nil && !s.cached.Load().good() {
		return nil, fmt.Errorf("tokensource: no token for %s: %w", s.flow(), err)
	}
	c, e, err := s.join(ctx)
	if c != nil {
		e, err = c.wait(ctx)
	}
	if err != nil {
		return nil, err
	}
	return e.copy(), nil
}

// unusable says why there is no flow.
func (s *Source) unusable() error {
	if s == nil {
		return &ConfigError{Field: "Source", Problem: "nil", Remedy: "make it with a method of Config; where that returned an error too, look at the error"}
	}
	if s.broken != nil {
		return s.broken
	}
	return &ConfigError{Field: "Source", Problem: "the zero value", Remedy: "make it with a method of Config"}
}

// join returns the call to wait for, or what there is without one.
func (s *Source) join(ctx context.Context) (*call, *entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	e := s.cached.Load()
	switch {
	case e.fresh():
		return nil, e, nil
	case e.good():
		if s.call == nil && !now.Before(s.failure.until) {
			s.call = s.newCall(true)
			s.call.addItself(now)
			s.call.start(ctx)
		}
		return nil, e, nil
	case s.call != nil:
	case now.Before(s.failure.until) && e.usable():
		return nil, e, nil
	case now.Before(s.failure.until):
		return nil, nil, s.failure.at(now)
	default:
		s.call = s.newCall(e.usable())
		if !neverEnds(ctx) {
			s.call.start(ctx)
		}
	}
	s.call.addWaiter(ctx)
	return s.call, nil, nil
}

// finish ends a call: it keeps what the call brought and tells the waiters. A
// token is kept even if nobody waits any more, unless its user was signed out
// meanwhile; a failure is not, for it may be due to the cancellation.
func (s *Source) finish(ctx context.Context, c *call, g *grant, err error) {
	s.mu.Lock()
	now := time.Now()
	abandoned := s.call != c
	if !abandoned {
		s.call = nil
	}
	c.err = err
	switch old := s.cached.Load(); {
	case err == nil:
		c.entry = newEntry(g)
		if c.era == s.era {
			s.cached.Store(c.entry)
			s.failure, s.failures = failure{}, 0
		}
	case abandoned:
	default:
		s.remember(err, now)
		if old.usable() {
			c.entry, c.err = old, nil
		}
	}
	s.mu.Unlock()
	if err != nil && !abandoned {
		f := s.flow()
		f.logger().WarnContext(ctx, "tokensource: request failed", "client", f.String(), "error", err)
	}
	close(c.done)
}

// How long a failure is remembered; see Source.
const (
	rememberTerminal  = 5 * time.Second
	rememberTemporary = time.Second
	rememberAtMost    = time.Minute
)

// obeyAtMost bounds a Retry-After. What stands between may send one too, as a
// proxy does while it is down.
func obeyAtMost(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok && e.Code == "" && e.StatusCode != http.StatusTooManyRequests {
		return 5 * time.Minute
	}
	return time.Hour
}

// remember decides until when calls are answered with err. It is called with mu
// held.
func (s *Source) remember(err error, now time.Time) {
	hold := rememberTerminal
	if temporary(err) {
		hold = rememberTemporary
	}
	hold = min(hold<<min(s.failures, 6), rememberAtMost)
	hold = max(hold, min(toldToWait(err), obeyAtMost(err)))
	s.failures++
	s.failure = failure{err, now.Add(hold)}
}

// at returns the error for somebody who asks later, with what is left to wait.
func (f failure) at(now time.Time) error {
	e, ok := f.err.(*Error)
	if !ok || e.RetryAfter == 0 {
		return f.err
	}
	later := *e
	later.RetryAfter = min(e.RetryAfter, f.until.Sub(now))
	return &later
}

// Invalidate tells the Source that a server refused t, so that the next call
// fetches a token anew. Call it with the token that was refused. What is not
// the cached token any more is ignored, so that the refusals of one token make
// for one request, however many connections it was refused on.
//
// A token fetched less than a minute ago is kept: a refusal of it is not
// about the token. One that opens a thousand mailboxes would otherwise be
// fetched again and again for the one where permission is missing, until
// Entra ID takes the application for one in a loop (AADSTS50196).
//
// With a [Config.Cache] this Source does not take t from there again, and
// removes it, so that no other process does. That takes five seconds at most.
// In a user's entry it stays where the Cache is no [Locker].
func (s *Source) Invalidate(t *oauth2.Token) {
	if s == nil || t == nil {
		return
	}
	e := s.cached.Load()
	if e == nil || t.AccessToken != e.accessToken || !e.old(invalidAfter) {
		return
	}
	clear := func() {}
	if kept, ok := s.flow().(keeper); ok {
		clear = kept.forget(t.AccessToken) // first, or a call at this moment would find it in the Cache
	}
	if s.cached.CompareAndSwap(e, nil) {
		clear()
	}
}

// Format shows whose tokens they are, whatever the verb.
func (s *Source) Format(f fmt.State, _ rune) {
	name := ""
	switch {
	case s == nil:
		name = "nil"
	case s.flow != nil:
		name = s.flow().String()
	}
	io.WriteString(f, "tokensource.Source("+name+")")
}

// errNoResult is for a flow that ended its goroutine, as a failing test does.
var errNoResult = errors.New("tokensource: the function ended without a result")
