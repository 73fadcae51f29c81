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

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/verdict"
)

const (
	// renewalLimit bounds a renewal while the old token is still good.
	renewalLimit = 10 * time.Second
	// renewalGrace is how long after that the flow may take to return.
	renewalGrace = time.Second
	// renewAfter is the age from which a token is renewed because a server
	// refused it, or wants it to be valid for longer.
	renewAfter = time.Minute
)

// A Source gets tokens in one of the flows of this package and keeps them. It
// is safe for concurrent use. Make one with a method of [Config],
// [ManagedIdentity] or [Func]; a nil Source and the zero Source return a
// [*ConfigError].
//
// A token is renewed five minutes before it expires, or after three quarters of
// its lifetime if that is later. The next call waits for the renewal, for about
// ten seconds at most. If the renewal fails, or the context of the call ends
// first, the Source returns the old token until that has expired. The renewal
// goes on for its ten seconds even if nobody waits. If the server says to renew
// earlier (refresh_in), the Source does so in the background, and no call waits.
//
// A Source remembers a failure for five seconds, or for one second if it is
// [Error.Retryable]. During that time calls return the same error at once,
// without a request. The time doubles with each failure in a row, up to a
// minute. A longer [Error.RetryAfter] counts instead, up to an hour, or up to
// five minutes if the response did not come from Entra ID (a proxy's, for
// example).
type Source struct {
	cached atomic.Pointer[token] // nil before the first token and after Invalidate

	flow   func() flow  // a function, so that no dump shows the flow's secrets; nil if broken says why
	broken *ConfigError // nil in the zero Source too

	mu       sync.Mutex // guards the fields below
	era      int        // how often the user was signed out
	call     *call      // under way; nil if there is none
	failure  failure    // the last one
	failures int        // in a row
}

func newSource(f flow) *Source { return &Source{flow: func() flow { return f }} }

// failure is remembered until then.
type failure struct {
	err   error
	until time.Time
}

// Token is [Source.TokenContext] without a context. With the default time limit
// for requests, it takes two minutes at most, two more if the Cache is in
// trouble, and 15 more if a person has to sign in.
func (s *Source) Token() (*oauth2.Token, error) {
	return s.TokenContext(context.Background())
}

// TokenContext returns a token that has not expired. The caller may modify it.
// As long as the Source has such a token, TokenContext does not fail, even if
// ctx has ended or a renewal has failed.
//
// The token's Extra has the strings "scope", "refresh_in" and "id_token" if the
// server sent them. The token has no refresh token; see [Config.Cache].
//
// The error is a [*ConfigError] if a setting cannot work. It is an [*Error] if
// a request failed, or was not made because the Cache failed. For [Func] it
// wraps the error of the function. If ctx has ended, it wraps the error of ctx.
// TokenContext returns when ctx ends. The request goes on as long as another
// call waits for it, and a renewal goes on in any case. The transport of the
// HTTP client sees the values of the ctx that started the request.
func (s *Source) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	return s.TokenValidFor(ctx, 0)
}

// TokenValidFor is [Source.TokenContext] for a server that refuses a token that
// is about to expire. It returns a token that is still valid for d. If the
// Source has none, it fetches one, in one request for all waiting calls. A d of
// zero or less means no minimum, as with TokenContext.
//
// If even a fresh token is valid for less than d, TokenValidFor returns that,
// since there is no better one. For the same reason it returns a token that was
// fetched less than a minute ago, so it makes at most one request a minute. If
// the request fails, it returns the error and not the older token, which
// TokenContext still returns.
func (s *Source) TokenValidFor(ctx context.Context, d time.Duration) (*oauth2.Token, error) {
	if s == nil || s.flow == nil {
		return nil, s.unusable()
	}
	t, err := s.cached.Load(), error(nil)
	if !t.fresh() || d > 0 && !t.valid(d) {
		t, err = s.get(ctx, d)
	}
	s.flow().of().hooks.Served(err)
	if err != nil {
		return nil, err
	}
	return t.oauth2(), nil
}

// get returns a token that is valid for d: the one that a call brings, or the
// old one if the call fails or ctx ends.
func (s *Source) get(ctx context.Context, d time.Duration) (*token, error) {
	if err := ctxerr.Of(ctx); err != nil && !s.cached.Load().valid(d) {
		return nil, fmt.Errorf("tokensource: no token for %s: %w", s.flow().of().name, err)
	}
	for {
		c, t, err := s.join(ctx, d)
		if c == nil {
			return t, err
		}
		t, err = c.wait(ctx)
		if old := s.cached.Load(); err != nil && old.valid(d) {
			return old, nil
		}
		if err != nil || !t.old(renewAfter) || t.good() && t.valid(d) {
			return t, err
		}
		// It came from the Cache, where it has grown old.
	}
}

// unusable says why there is no flow.
func (s *Source) unusable() error {
	if s == nil {
		return &ConfigError{Field: "Source", Problem: "nil", Remedy: "make it with a method of Config; if that returned an error, it tells why"}
	}
	if s.broken != nil {
		return s.broken
	}
	return &ConfigError{Field: "Source", Problem: "the zero value", Remedy: "make it with a method of Config"}
}

// join returns the call to wait for, or else a token or an error.
func (s *Source) join(ctx context.Context, d time.Duration) (*call, *token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	t := s.cached.Load()
	remembered := now.Before(s.failure.until)
	switch valid := t.valid(d); {
	case valid && t.fresh():
		return nil, t, nil
	case valid && t.good():
		if s.call == nil && !remembered {
			s.call = s.newCall(ctx, true)
		}
		return nil, t, nil
	case s.call != nil:
	case remembered && valid:
		return nil, t, nil
	case remembered:
		return nil, nil, s.failure.at(now)
	default:
		if t.usable() && !valid {
			s.flow().passOver(t.AccessToken)
		}
		s.call = s.newCall(ctx, t.usable())
	}
	s.call.addWaiter(ctx)
	return s.call, nil, nil
}

// finish ends a call: it keeps the result and tells the waiters. It keeps a
// token even if nobody waits any more, unless its user was signed out
// meanwhile. It does not keep a failure then, which may be due to the
// cancellation.
func (s *Source) finish(ctx context.Context, c *call, t *token, err error) {
	s.mu.Lock()
	abandoned := s.call != c
	if !abandoned {
		s.call = nil
	}
	switch {
	case err == nil:
		if c.era == s.era {
			s.cached.Store(t)
			s.failure, s.failures = failure{}, 0
		}
	case !abandoned:
		s.remember(err, time.Now())
	}
	s.mu.Unlock()
	o := s.flow().of()
	switch {
	case err == nil:
		o.hooks.Fetch(ctx, c.renewal, t.Lifetime, nil)
	case abandoned:
		o.log.DebugContext(ctx, "tokensource: nobody waited for it any more", "client", o.name, "error", err)
	default:
		o.log.WarnContext(ctx, "tokensource: request failed", "client", o.name, "error", err)
	}
	if err != nil {
		o.hooks.Fetch(ctx, c.renewal, 0, err)
	}
	c.answer(t, err)
}

// How long a failure is remembered; see Source.
const (
	rememberTerminal  = 5 * time.Second
	rememberRetryable = time.Second
	rememberAtMost    = time.Minute
)

// obeyAtMost bounds a Retry-After, which a proxy may send, too.
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
	if verdict.Retryable(err) {
		hold = rememberRetryable
	}
	hold = min(hold<<min(s.failures, 6), rememberAtMost)
	hold = max(hold, min(toldToWait(err), obeyAtMost(err)))
	s.failures++
	s.failure = failure{err, now.Add(hold)}
}

// at returns the error for a later call, with the rest of the time to wait.
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
// fetches a new token. It ignores a nil t and a token that the Source has
// replaced already, so one token causes one request, however many connections
// it was refused on.
//
// Invalidate keeps a token that was fetched less than a minute ago, since such
// a token is not the reason for the refusal. Otherwise one mailbox without
// permission would cause request after request, until Entra ID blocks the
// application as one in a loop (AADSTS50196).
//
// With a [Config.Cache], this Source does not take t from there again.
// Invalidate also removes t from it, in five seconds at most, so that no other
// process takes it. A user's token stays there if the Cache is not a
// [tokencache.Locker].
func (s *Source) Invalidate(t *oauth2.Token) {
	if s == nil || t == nil {
		return
	}
	cached := s.cached.Load()
	if cached == nil || t.AccessToken != cached.AccessToken || !cached.old(renewAfter) {
		return
	}
	clear := s.flow().forget(t.AccessToken) // first, or a call at this moment would find it in the Cache
	if s.cached.CompareAndSwap(cached, nil) {
		clear()
	}
}

// SignOut forgets the user: the tokens of the Source and those in the
// [Config.Cache], including files that a killed process has left in a
// [tokencache.Dir]. To sign out a user of a web application, call it on the
// Source of [Config.Resume] with that user's Config, and on each Source of that
// user that the application keeps.
//
// Afterwards the Source, and others with the same entry, return
// [ErrInteractionRequired] until the user signs in again. A Source of
// [Config.AuthCode] or [Config.DeviceCode] asks the user instead; the browser
// may answer by itself, unless [AuthCodeOptions] has a Prompt. A Source that
// needs no person, but has a password, an assertion or a credential, simply
// gets a new token. A Source of [Config.RefreshToken] does not go back to the
// token it was given.
//
// A Source in another process goes on using its access token until that is due
// for renewal, about an hour at most. Open connections stay open. SignOut does
// not tell Entra ID, which has no endpoint for that: an administrator can end
// all refresh tokens of a user with Revoke-MgUserSignInSession.
// (https://learn.microsoft.com/entra/identity/users/users-revoke-access)
//
// SignOut waits for the lock of the entry, and for a request of the Source that
// is under way, which may be a sign-in: give ctx a deadline. After an error, the
// tokens may still be stored; call SignOut again. If the Cache is not a
// [tokencache.Locker], another process may store its tokens at the same moment.
func (s *Source) SignOut(ctx context.Context) error {
	if s == nil || s.flow == nil {
		return s.unusable()
	}
	if err := s.flow().signOut(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.era++
	s.call = nil // its token is for its waiters alone
	s.cached.Store(nil)
	s.failure, s.failures = failure{}, 0
	return nil
}

// Format shows the client that the tokens are for, for every verb.
func (s *Source) Format(f fmt.State, _ rune) {
	name := ""
	switch {
	case s == nil:
		name = "nil"
	case s.flow != nil:
		name = s.flow().of().name
	}
	io.WriteString(f, "tokensource.Source("+name+")")
}

// errNoResult is for a flow that ended its goroutine, as a failing test does.
var errNoResult = errors.New("tokensource: the function ended without a result")
