package tokensource

import (
	"context"
	"sync"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/journal"
)

// clearLimit is how long Invalidate may take to clear an entry.
const clearLimit = 5 * time.Second

// An appCache is the flow of an application's own tokens, which can be fetched
// again: a Cache in trouble costs a request and a record in the log.
type appCache struct {
	*client
	fetch fetchFunc
	store *store // nil without a Cache
	turn  turn   // guards store, and given
	given string // the access token that was returned last

	unwanted unwanted
}

// newAppSource returns a Source of tokens that fetch gets. key returns the key of
// its entry in the cache of c.
func newAppSource(c *client, key func() (string, error), fetch fetchFunc) *Source {
	return newSource(&appCache{client: c, fetch: fetch, store: newStore(c, key), turn: newTurn()})
}

func (a *appCache) of() *client { return a.client }

func (a *appCache) token(ctx context.Context, pause pauseFunc) (*token, error) {
	if a.store == nil {
		return a.fetch(ctx, pause)
	}
	done, err := a.turn.take(ctx)
	if err != nil {
		return nil, a.failed(err)
	}
	defer done()
	t, err := a.shared(ctx, pause)
	if err == nil {
		a.given = t.AccessToken
	}
	return t, err
}

// shared returns the token that this process or another one has stored, or
// fetches and stores one.
func (a *appCache) shared(ctx context.Context, pause pauseFunc) (*token, error) {
	stored, ok := a.look(ctx)
	if stored != nil {
		return stored, nil
	}
	if ok && a.store.locks() {
		held, unlock, err := a.store.lock(ctx)
		defer unlock()
		if err != nil {
			a.trouble(ctx, err)
		} else if stored, _ = a.look(held); stored != nil {
			return stored, nil
		}
		ctx = held
	}
	t, err := a.fetch(ctx, pause)
	if err != nil {
		return nil, err
	}
	if err := a.store.save(context.WithoutCancel(ctx), newRecord(t, "")); err != nil {
		a.store.warn(ctx, "a token was not stored", err)
	}
	return t, nil
}

// look returns the stored token if no request is needed. It also returns an old
// one that the Source does not know yet: the Source asks again, and returns the
// old one if the request fails. It reports false if the Cache is in trouble.
func (a *appCache) look(ctx context.Context) (t *token, ok bool) {
	r, err := a.store.load(ctx)
	if err != nil {
		a.trouble(ctx, err)
		return nil, false
	}
	t = r.unless(a.unwanted.list()...)
	if t == nil || t.AccessToken == a.given && t.left(t.due()) <= 0 {
		return nil, true
	}
	a.store.took(ctx)
	return t, true
}

func (a *appCache) trouble(ctx context.Context, err error) {
	if ctx.Err() == nil {
		a.store.warn(ctx, "the cache failed", err)
	}
}

func (a *appCache) forget(accessToken string) (clear func()) {
	if a.store == nil {
		return func() {}
	}
	a.unwanted.refuse(accessToken)
	return func() { clearEntry(a.store, a.turn, accessToken, nil) }
}

func (a *appCache) passOver(accessToken string) { a.unwanted.passOver(accessToken) }

func (a *appCache) signOut(ctx context.Context) error {
	if a.store == nil {
		return nil
	}
	done, err := a.turn.take(ctx)
	if err != nil {
		return a.failed(err)
	}
	defer done()
	held, unlock, err := a.store.lock(ctx)
	defer unlock()
	if err == nil {
		err = a.store.delete(held)
	}
	if err != nil {
		return a.cacheFailed(err)
	}
	return nil
}

// cacheFailed returns the error of a Cache without which nothing can be done.
func (c *client) cacheFailed(err error) error { return c.failed(&ownError{"Config.Cache", err}) }

// A turn is held by the call that uses what a flow keeps: one that nobody waits
// for any more may not have come to its end when the next one starts.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) (done func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctxerr.Of(ctx)
	}
}

// unwanted are access tokens that are not to be taken from the Cache again.
type unwanted struct {
	mu      sync.Mutex
	refused string // the one that was invalidated last
	passed  string // the one that is not valid for long enough
}

func (u *unwanted) refuse(accessToken string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refused = accessToken
}

func (u *unwanted) passOver(accessToken string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.passed = accessToken
}

func (u *unwanted) list() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return []string{u.refused, u.passed}
}

// clearEntry takes an access token out of a store. A call that is under way will
// put another one in its place. An entry with a refresh token is left alone if
// the cache has no locks: to write the old one back would undo what another
// process has stored meanwhile. hide, if it is not nil, is for errors of the
// Cache.
func clearEntry(s *store, t turn, accessToken string, hide func(error) error) {
	ctx, release := journal.Hold(context.Background())
	defer release()
	select {
	case t <- struct{}{}:
		defer func() { <-t }()
	default:
		return
	}
	ctx, cancel := context.WithTimeout(ctx, clearLimit)
	defer cancel()
	ctx, unlock, err := s.lock(ctx)
	defer unlock()
	var r *record
	if err == nil {
		r, err = s.load(ctx)
	}
	switch {
	case err != nil || r == nil || r.AccessToken != accessToken:
	case r.RefreshToken == "":
		err = s.delete(ctx)
	case s.locks():
		err = s.save(ctx, newRecord(nil, r.RefreshToken))
	}
	if err == nil {
		return
	}
	if hide != nil {
		err = hide(err)
	}
	s.warn(ctx, "a token that was refused is still in the cache", err)
}
