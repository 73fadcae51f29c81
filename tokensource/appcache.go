package tokensource

import (
	"context"

	"github.com/exoauth/exoauth/internal/ctxerr"
)

// An appCache is the flow of an application's own tokens, which can be fetched
// again: a Cache in trouble costs a request and a record in the log.
type appCache struct {
	*client
	fetch fetchFunc
	store *store // nil without a Cache
	turn  turn   // guards store
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
		a.store.gave(t.AccessToken)
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

// look returns the stored token if no request is needed; see [store.offer]. It
// reports false if the Cache is in trouble.
func (a *appCache) look(ctx context.Context) (t *token, ok bool) {
	r, err := a.store.load(ctx)
	if err != nil {
		a.trouble(ctx, err)
		return nil, false
	}
	return a.store.offer(ctx, r), true
}

func (a *appCache) trouble(ctx context.Context, err error) {
	if ctx.Err() == nil {
		a.store.warn(ctx, "the cache failed", err)
	}
}

func (a *appCache) forget(accessToken string) (clear func()) {
	return a.store.forget(accessToken, a.turn, func(err error) error { return err })
}

func (a *appCache) passOver(accessToken string) { a.store.passOver(accessToken) }

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

// cacheFailed returns the error for a Cache that must work and does not.
func (c *client) cacheFailed(err error) error { return c.failed(&ownError{"Config.Cache", err}) }

// A turn is held by the call that uses the state of a flow. A call that nobody
// waits for any more may still be running when the next one starts.
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
