package tokensource

import (
	"context"

	"github.com/exoauth/exoauth/internal/ctxerr"
)

// SignOut forgets the user: the tokens of the Source and those in the
// [Config.Cache], including the files that a killed process has left in a
// [tokencache.Dir]. To sign out a user of a web application, call it on the Source of
// [Config.SignedIn] with that user's Config, and on each Source of that user
// that the application keeps.
//
// Afterwards the error of the Source, and of those that are made for the same
// entry, is [ErrInteractionRequired] until the user signs in again. One of
// [Config.AuthCode] or [Config.DeviceCode] asks the person; the browser may
// answer that by itself, unless [AuthCodeOptions] has a Prompt. One that can sign
// in without anybody, with a password, an assertion or as an application, does
// so. [Config.RefreshToken] does not go back to the token it was given.
//
// A Source that is kept elsewhere uses its access token until it is to be
// renewed, which is an hour or so, and finds out then. Connections that are open
// stay open. Entra ID is not told: it has no endpoint for that, and an
// administrator's Revoke-MgUserSignInSession is what ends every refresh token of
// a user there.
// (https://learn.microsoft.com/entra/identity/users/users-revoke-access)
//
// SignOut waits for the lock of the entry, and for a request of the Source that
// is under way: give ctx a deadline where that may be a sign-in. After an error
// the tokens may still be stored; call it again. Where the Cache is no [tokencache.Locker],
// another process may store its tokens in the same moment.
func (s *Source) SignOut(ctx context.Context) error {
	if s == nil || s.flow == nil {
		return s.unusable()
	}
	ctx, release := holdRecords(ctx)
	defer release()
	if kept, ok := s.flow().(keeper); ok {
		if err := kept.signOut(ctx); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock() // before the records are released
	s.era++
	s.call = nil // what it brings is its waiters' alone
	s.cached.Store(nil)
	s.failure, s.failures = failure{}, 0
	return nil
}

// signOut leaves a record in the place of a user's, since one that is merely
// missing may have been lost, and other processes then store theirs again.
func (s *session) signOut(ctx context.Context) error {
	done, err := s.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer done()
	if err := s.clearShelf(ctx); err != nil {
		if ended := ctxerr.Of(ctx); ended != nil {
			return s.failed(ended)
		}
		return s.failed(&ownError{"Config.Cache", s.redacted(err)})
	}
	s.reset()
	return nil
}

func (s *session) clearShelf(ctx context.Context) error {
	if s.shelf == nil {
		return nil
	}
	held, unlock, err := s.shelf.lock(ctx)
	if err != nil {
		return err
	}
	if unlock != nil {
		defer unlock()
	}
	left := &record{SignedOut: true}
	if s.redeem != nil {
		if err := s.shelf.save(held, left); err != nil {
			return err
		}
	}
	// Delete also removes what killed processes have left of the entry.
	if err := s.shelf.delete(held); err != nil || s.redeem == nil {
		return err
	}
	return s.shelf.save(held, left)
}

// reset makes the session forget its user.
func (s *session) reset() {
	s.begun, s.given = false, ""
	s.refresh, s.stored, s.rotated, s.unsaved = "", "", false, nil
}
