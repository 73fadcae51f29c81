package tokensource

import (
	"context"

	"github.com/exoauth/exoauth/internal/transport"
)

// SignOut forgets the user: the tokens that the Source has, and those in the
// [Config.Cache]. It waits for a request that is under way, and for the lock of
// the entry. Where it returns an error, nothing has been forgotten.
//
// To sign out a user of a web application, call it on the Source of
// [Config.SignedIn] with that user's Config. From then on the error of their
// Sources is [ErrInteractionRequired], until they sign in again; one of
// [Config.AuthCode] or [Config.DeviceCode] asks the person when it is next used;
// the browser may answer that by itself, unless [AuthCodeOptions] has a Prompt.
// A Source that can get a token without anybody, because it was given a
// password or belongs to an application, gets another one.
//
// Other Sources of the same entry, in this process and in others, use their
// access token until it is to be renewed, which is an hour or so; they find out
// then. Connections that are open stay open. Entra ID is not told: it has no
// endpoint for that, and an administrator's Revoke-MgUserSignInSession is what
// ends every refresh token of a user there.
// (https://learn.microsoft.com/entra/identity/users/users-revoke-access)
func (s *Source) SignOut(ctx context.Context) error {
	if s == nil || s.flow == nil {
		return s.unusable()
	}
	if s.leave != nil {
		if err := s.leave(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.era++
	s.call = nil // what it brings is its waiters' alone
	s.cached.Store(nil)
	s.failure, s.failures = failure{}, 0
	return nil
}

// signOut leaves a record in the place of a user's, since one that is merely
// missing may have been lost, and other processes then store theirs again.
func (s *session) signOut(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return s.failed(transport.ContextError(ctx))
	}
	if err := s.clearShelf(ctx); err != nil {
		return s.failed(&ownError{"Config.Cache", s.redacted(err)})
	}
	s.reset()
	return nil
}

func (s *session) clearShelf(ctx context.Context) error {
	if s.shelf == nil {
		return nil
	}
	unlock, err := s.shelf.lock(ctx)
	if unlock != nil {
		defer unlock()
	}
	switch {
	case err != nil:
		return err
	case s.redeem == nil:
		return s.shelf.delete(ctx)
	}
	return s.shelf.save(ctx, &record{SignedOut: true})
}

// reset has the session know nobody.
func (s *session) reset() {
	s.begun, s.handed = false, false
	s.refresh, s.stored, s.rotated, s.unsaved = "", "", false, nil
}
