package tokensource

import (
	"context"
	"time"

	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/tokencache"
)

// What a session does with its shelf. Where nothing but an access token is at
// stake, a cache in trouble is a record in the log; a refresh token is not used
// without it.

// invalidateLimit is how long Invalidate may take to clear what is stored.
const invalidateLimit = 5 * time.Second

// trouble is that of the cache: an error of the Source, or of the log alone.
func (s *session) trouble(ctx context.Context, err error) error {
	err = s.redacted(err)
	if s.redeem != nil || ctx.Err() != nil {
		return s.failed(&ownError{"Config.Cache", err})
	}
	if !s.warned {
		s.warned = true
		s.shelf.warn(ctx, "the cache failed", err)
	}
	return nil
}

// redacted is for the words of a Cache that somebody else has written.
func (s *session) redacted(err error) error {
	known := new(plain.Secrets)
	known.Add(s.refresh)
	return known.Err(err)
}

// look returns what is stored, or nil, and takes over its refresh token if that
// is another process's, or that the user was signed out.
func (s *session) look(ctx context.Context) (*record, error) {
	if s.shelf == nil {
		return nil, nil
	}
	r, err := s.shelf.load(ctx)
	if err != nil {
		return nil, s.trouble(ctx, err)
	}
	if r != nil && r.SignedOut {
		s.reset()
		return nil, nil
	}
	if r != nil && s.redeem != nil && r.RefreshToken != "" && r.RefreshToken != s.stored {
		s.refresh, s.stored = r.RefreshToken, r.RefreshToken
		s.rotated, s.unsaved = false, nil
	}
	return r, nil
}

// leftMeanwhile reports whether the user was signed out during a request, which
// a lock would have kept from happening.
func (s *session) leftMeanwhile(ctx context.Context) bool {
	if s.shelf == nil || s.locks() {
		return false
	}
	r, err := s.shelf.load(context.WithoutCancel(ctx))
	return err == nil && r != nil && r.SignedOut
}

func (s *session) locks() bool {
	if s.shelf == nil {
		return false
	}
	_, ok := s.shelf.cache.(tokencache.Locker)
	return ok
}

// lock returns a function to call in any case.
func (s *session) lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	if s.shelf != nil {
		held, unlock, err = s.shelf.lock(ctx)
	}
	if err != nil {
		err = s.trouble(ctx, err)
	}
	if unlock == nil {
		unlock = func() {}
	}
	if held == nil {
		held = ctx
	}
	return held, unlock, err
}

// good returns the stored access token if no request is needed. It also returns
// an old one that the Source does not know yet: the Source asks again, and
// returns the old one if the request fails.
func (s *session) good(ctx context.Context, r *record) *grant {
	g := s.usable(r)
	if g == nil {
		return nil
	}
	if e := newEntry(g); g.accessToken == s.given && e.left(e.due) <= 0 {
		return nil
	}
	s.logger().DebugContext(ctx, "tokensource: took a token from the cache", "client", s.String())
	return g
}

// usable returns the stored access token unless it has expired or was refused.
func (s *session) usable(r *record) *grant {
	g := r.grant(time.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	if g == nil || g.accessToken == s.refused || g.accessToken == s.passed || !newEntry(g).usable() {
		return nil
	}
	return g
}

// save stores what is not stored, although nobody may wait for it any more:
// what the server has given out must not be lost. A refresh token that cannot
// be stored is kept, and stored before it is used.
func (s *session) save(ctx context.Context) (*grant, error) {
	g := s.unsaved
	if s.shelf != nil {
		if err := s.shelf.save(context.WithoutCancel(ctx), newRecord(g, s.refresh)); err != nil && s.rotated {
			return nil, s.failed(&ownError{"Config.Cache", err})
		} else if err != nil {
			s.shelf.warn(ctx, "a token was not stored", err)
			s.begun, s.unsaved = false, nil
			return g, nil
		}
	}
	s.begun, s.stored, s.rotated, s.unsaved = false, s.refresh, false, nil
	return g, nil
}

// drop deletes an entry whose refresh token is not good any more.
func (s *session) drop(ctx context.Context) {
	if err := s.shelf.delete(context.WithoutCancel(ctx)); err != nil {
		s.shelf.warn(ctx, "a refresh token that has ended was not deleted", s.redacted(err))
	}
}

func (s *session) forget(accessToken string) (clear func()) {
	if s.shelf == nil {
		return func() {}
	}
	s.mu.Lock()
	s.refused = accessToken
	s.mu.Unlock()
	return func() { s.clear(accessToken) }
}

func (s *session) passOver(accessToken string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passed = accessToken
}

// clear takes an access token out of the cache. A flow that is under way will
// put another in its place.
func (s *session) clear(accessToken string) {
	ctx, release := holdRecords(context.Background())
	defer release()
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	default:
		return
	}
	ctx, cancel := context.WithTimeout(ctx, invalidateLimit)
	defer cancel()
	held, unlock, err := s.shelf.lock(ctx)
	if unlock != nil {
		defer unlock()
	}
	if err == nil {
		err = s.clearEntry(held, accessToken, unlock != nil)
	}
	if err != nil {
		s.shelf.warn(ctx, "a token that was refused is still in the cache", s.redacted(err))
	}
}

// clearEntry leaves one with a refresh token alone where it is not locked: to
// write the old one back would undo what another process has stored meanwhile.
func (s *session) clearEntry(ctx context.Context, accessToken string, locked bool) error {
	r, err := s.shelf.load(ctx)
	switch {
	case err != nil || r == nil || r.AccessToken != accessToken:
		return err
	case r.RefreshToken == "":
		return s.shelf.delete(ctx)
	case locked:
		return s.shelf.save(ctx, r.withoutToken())
	}
	return nil
}
