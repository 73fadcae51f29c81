package tokensource

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/exoauth/exoauth/internal/plain"
)

// A userSession is the flow of a user who has signed in. Entra ID answers each
// use of a refresh token with a new one, which is valid for 90 days; other
// servers revoke the old one with that. So a refresh token is not used while the
// Cache is in trouble.
// (https://learn.microsoft.com/entra/identity-platform/refresh-tokens)
type userSession struct {
	*client
	store *store // nil without a Cache
	// signIn gets a token without a refresh token. Nil if that is impossible.
	signIn fetchFunc
	// interactive is set if signIn asks a person.
	interactive bool
	// ends is when the user's right to tokens ends; zero means never.
	ends time.Time

	turn    turn   // guards what follows
	anew    bool   // a person is to be asked first, whatever is stored
	have    string // the refresh token in force
	stored  string // the one that the Cache is known to have, or the program
	unsaved *token // not stored yet
	begun   bool   // unsaved is of a new sign-in, so what is stored is another user's
}

// newUserSession returns a session whose entry has this key.
func newUserSession(cl *client, key func() (string, error), signIn fetchFunc) *userSession {
	return &userSession{client: cl, store: newStore(cl, key), signIn: signIn, turn: newTurn()}
}

func (s *userSession) source() *Source { return newSource(s) }

func (s *userSession) of() *client { return s.client }

func (s *userSession) token(ctx context.Context, pause pauseFunc) (*token, error) {
	if !s.ends.IsZero() && !time.Now().Before(s.ends) {
		return nil, s.ended()
	}
	done, err := s.turn.take(ctx)
	if err != nil {
		return nil, s.failed(err)
	}
	defer done()
	t, err := s.get(ctx, pause)
	if err != nil {
		return nil, err
	}
	s.store.gave(t.AccessToken)
	if t = t.until(s.ends); t.last && !t.usable() {
		return nil, s.ended()
	}
	return t, nil
}

func (s *userSession) ended() error {
	e := s.failed(&ownError{"the assertion expired at " + s.ends.UTC().Format(time.RFC3339) + ": the calling program has to get a new one", nil})
	e.Code = "invalid_grant" // as Entra ID would say
	return e
}

// errAsk says that a person has to be asked.
var errAsk = errors.New("a person has to be asked")

// get lets others take their turn while it asks a person, who may never answer.
func (s *userSession) get(ctx context.Context, pause pauseFunc) (t *token, err error) {
	if s.begun {
		if t, err = s.begin(ctx, s.unsaved); err != nil || t.good() {
			return t, err
		}
	}
	err = errAsk
	if !s.anew {
		t, err = s.renew(ctx, pause)
	}
	if err != errAsk {
		return t, err
	}
	if t, err = s.signedIn(ctx, pause); err != nil {
		return nil, err
	}
	s.anew = false
	return s.begin(context.WithoutCancel(ctx), t)
}

// begin stores the result of a sign-in in the place of whatever is there. It is
// repeated until that is done, and the first time it does not mind that callers
// have left: the person would have to sign in again.
func (s *userSession) begin(ctx context.Context, t *token) (*token, error) {
	s.take(t)
	if s.store == nil {
		return s.saved(), nil
	}
	held, unlock, err := s.store.lock(ctx)
	if err != nil {
		return nil, s.cacheFailed(s.hidden(err))
	}
	defer unlock()
	return s.save(held)
}

// renew takes the stored token if the Source does not know it yet, or if it is
// fresh. Otherwise it makes a request, under the lock, unless another process
// has made it meanwhile.
func (s *userSession) renew(ctx context.Context, pause pauseFunc) (*token, error) {
	if s.store == nil {
		t, err := s.obtain(ctx, pause)
		if err != nil {
			return nil, err
		}
		s.take(t)
		return s.saved(), nil
	}
	r, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	if t := s.store.offer(ctx, r); t != nil {
		return t, nil
	}
	ctx, unlock, err := s.store.lock(ctx)
	if err != nil {
		return nil, s.cacheFailed(s.hidden(err))
	}
	defer unlock()
	if s.store.locks() {
		if r, err = s.look(ctx); err != nil {
			return nil, err
		}
		if t := s.store.offer(ctx, r); t != nil {
			return t, nil
		}
	}
	return s.renewed(ctx, r, pause)
}

// renewed stores a token that could not be stored before, and gets another one
// if that has grown old. r is the stored record, or nil.
func (s *userSession) renewed(ctx context.Context, r *record, pause pauseFunc) (*token, error) {
	if s.unsaved != nil {
		t, err := s.save(ctx)
		if err != nil || t.good() {
			return t, err
		}
		r = newRecord(t, s.have)
	}
	redeems := s.have != ""
	if redeems && s.store.locks() {
		release, err := s.store.makeRoom(ctx, r, s.have)
		if err != nil {
			return nil, s.cacheFailed(s.hidden(err))
		}
		defer release()
	}
	t, err := s.obtain(ctx, pause)
	if err != nil {
		return nil, err
	}
	if redeems && s.leftMeanwhile(ctx) {
		s.reset()
		return nil, s.noRefreshToken()
	}
	s.take(t)
	return s.save(ctx)
}

// obtain uses the refresh token, and signs in if there is none or if it is not
// good any more.
func (s *userSession) obtain(ctx context.Context, pause pauseFunc) (*token, error) {
	refusal := s.noRefreshToken()
	if s.have != "" {
		t, err := s.redeemed(ctx, pause)
		if !errors.Is(err, ErrInteractionRequired) {
			return t, err
		}
		refusal = err
	}
	switch {
	case s.signIn == nil || s.interactive && hurried(ctx):
		return nil, refusal
	case s.have != "":
		s.log.WarnContext(ctx, "tokensource: refresh token refused, signing in anew", "client", s.name, "error", refusal)
	}
	if s.interactive {
		return nil, errAsk
	}
	return s.signedIn(ctx, pause)
}

// signedIn returns the result of signing in. A refresh token of the time before
// may be somebody else's, so it is not used again, even if no new one has come.
func (s *userSession) signedIn(ctx context.Context, pause pauseFunc) (*token, error) {
	t, err := s.signIn(ctx, pause)
	if err == nil {
		s.have, s.stored, s.begun = "", "", true
	}
	return t, err
}

func (s *userSession) noRefreshToken() error {
	e := s.failed(&ownError{"there is no refresh token, and nobody is asked to sign in: have the user sign in with Exchange, DeviceCode, or AuthCode without a LoginHint, and the same Config", nil})
	e.Code = "login_required"
	return e
}

// hurried reports whether this is a renewal, which has a deadline that is too
// soon for a person.
func hurried(ctx context.Context) bool {
	_, ok := ctx.Deadline()
	return ok
}

// redeemed returns the result of using the refresh token. One that is refused
// may have been used by a process that did not take its turn: then its successor
// is tried.
func (s *userSession) redeemed(ctx context.Context, pause pauseFunc) (*token, error) {
	used := s.have
	t, err := s.redeem(ctx, pause)
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.grantEnded() || s.store == nil {
		return t, err
	}
	switch r, bad := s.look(ctx); {
	case bad != nil || r == nil || r.RefreshToken == "":
	case s.have != used:
		return s.redeem(ctx, pause)
	default:
		s.drop(ctx)
	}
	return nil, err
}

// redeem names the scopes. Without them, the resource of the new token would be
// the server's choice if the user consented to several.
func (s *userSession) redeem(ctx context.Context, pause pauseFunc) (*token, error) {
	return s.retry(ctx, pause, entraBackoff, func() (*token, error) {
		return s.request(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.have}, "scope": {s.scope}})
	})
}

// take takes over what came with an answer. One without a refresh token leaves
// the old one in force. (RFC 6749 §6)
func (s *userSession) take(t *token) {
	s.unsaved = t
	if t.RefreshToken != "" {
		s.have = t.RefreshToken
	}
}

// look returns what is stored, or nil. It takes over the refresh token of
// another process, and the news that the user was signed out.
func (s *userSession) look(ctx context.Context) (*record, error) {
	r, err := s.store.load(ctx)
	if err != nil {
		return nil, s.cacheFailed(s.hidden(err))
	}
	if r != nil && r.SignedOut {
		s.reset()
		return nil, nil
	}
	if r != nil && r.RefreshToken != "" && r.RefreshToken != s.stored {
		s.have, s.stored, s.unsaved = r.RefreshToken, r.RefreshToken, nil
	}
	return r, nil
}

// leftMeanwhile reports whether the user was signed out during a request, which
// a lock would have prevented.
func (s *userSession) leftMeanwhile(ctx context.Context) bool {
	if s.store.locks() {
		return false
	}
	r, err := s.store.load(context.WithoutCancel(ctx))
	return err == nil && r != nil && r.SignedOut
}

// save stores what is not stored, although nobody may wait for it any more: the
// server may not give it out again. A refresh token that cannot be stored is
// kept, and stored before it is used.
func (s *userSession) save(ctx context.Context) (*token, error) {
	if err := s.store.save(context.WithoutCancel(ctx), newRecord(s.unsaved, s.have)); err != nil {
		if s.have != s.stored {
			return nil, s.cacheFailed(err)
		}
		s.store.warn(ctx, "a token was not stored", err)
	}
	return s.saved(), nil
}

// saved returns the token that was not stored until now.
func (s *userSession) saved() *token {
	t := s.unsaved
	s.begun, s.stored, s.unsaved = false, s.have, nil
	return t
}

// drop deletes an entry whose refresh token is not good any more.
func (s *userSession) drop(ctx context.Context) {
	if err := s.store.delete(context.WithoutCancel(ctx)); err != nil {
		s.store.warn(ctx, "a refresh token that has ended was not deleted", s.hidden(err))
	}
}

// hidden removes the refresh token from an error of a Cache that somebody else
// has written.
func (s *userSession) hidden(err error) error {
	known := new(plain.Secrets)
	known.Add(s.have)
	return known.Err(err)
}

func (s *userSession) forget(accessToken string) (clear func()) {
	return s.store.forget(accessToken, s.turn, s.hidden)
}

func (s *userSession) passOver(accessToken string) { s.store.passOver(accessToken) }

// signOut leaves a record in the place of a user's, since one that is merely
// missing may have been lost, and other processes then store theirs again.
func (s *userSession) signOut(ctx context.Context) error {
	done, err := s.turn.take(ctx)
	if err != nil {
		return s.failed(err)
	}
	defer done()
	if err := s.clear(ctx); err != nil {
		return s.cacheFailed(s.hidden(err))
	}
	s.reset()
	return nil
}

func (s *userSession) clear(ctx context.Context) error {
	if s.store == nil {
		return nil
	}
	held, unlock, err := s.store.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	// Delete also removes what killed processes have left of the entry.
	left := &record{SignedOut: true}
	if err := s.store.save(held, left); err != nil {
		return err
	}
	if err := s.store.delete(held); err != nil {
		return err
	}
	return s.store.save(held, left)
}

// reset makes the session forget its user.
func (s *userSession) reset() {
	s.store.gave("")
	s.begun, s.have, s.stored, s.unsaved = false, "", "", nil
}
