package tokensource

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/tokencache"
)

const (
	// lockLimit is how long the lock of an entry is waited for. Nobody has it
	// while a person is asked.
	lockLimit = 30 * time.Second
	// cacheLimit is how long one call of a Cache may take.
	cacheLimit = 10 * time.Second
)

// A shelf is the place of one Source in a Cache. Its errors have no token in
// them.
type shelf struct {
	owner
	cache   tokencache.Cache
	makeKey func() (string, error)
	made    string // the key, once it was needed

	replaced string // why the entry is replaced, as the log says already
}

// newShelf returns nil where there is no cache.
func newShelf(o owner, cache tokencache.Cache, key func() (string, error)) *shelf {
	if cache == nil {
		return nil
	}
	return &shelf{owner: o, cache: cache, makeKey: key}
}

// key is called in the session's turn.
func (s *shelf) key() (string, error) {
	if s.made != "" {
		return s.made, nil
	}
	key, err := s.makeKey()
	if err != nil {
		return "", err
	}
	s.made = key
	return key, nil
}

// load returns what is stored, or nil.
func (s *shelf) load(ctx context.Context) (*record, error) {
	key, err := s.key()
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, cacheLimit)
	defer cancel()
	value, err := s.cache.Get(limited, key)
	switch {
	case err == tokencache.ErrMiss, err == nil && len(value) == 0:
		return nil, nil
	case errors.Is(err, tokencache.ErrMiss):
		s.replaces(ctx, unquoted(err))
		return nil, nil
	case err != nil:
		return nil, ctxerr.Or(ctx, unquoted(err))
	}
	r, err := decodeRecord(value, key)
	if err != nil {
		s.replaces(ctx, damagedEntry(key, err))
		return nil, nil
	}
	if r.AccessToken != "" && r.isFuture(time.Now()) {
		s.replaces(ctx, damagedEntry(key, errFuture))
	}
	return r, nil
}

// save stores r. Its time is its own.
func (s *shelf) save(ctx context.Context, r *record) error {
	key, err := s.key()
	if err != nil {
		return err
	}
	value, err := r.encode(key)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, cacheLimit)
	defer cancel()
	if err := s.cache.Put(ctx, key, value); err != nil {
		return unquoted(r.redacted(err))
	}
	return nil
}

// makeRoom makes sure that the next refresh token can be stored before this one
// is redeemed, which some servers accept only once. r is the stored record, or
// nil. The caller has the lock, without which another process may have replaced
// r.
func (s *shelf) makeRoom(ctx context.Context, r *record, refreshToken string) (release func(), err error) {
	key, err := s.key()
	if err != nil {
		return nil, err
	}
	padded := r.padded(refreshToken)
	value, err := padded.encode(key)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, cacheLimit)
	defer cancel()
	release, err = nil, errors.ErrUnsupported
	if c, ok := s.cache.(tokencache.Reserver); ok {
		release, err = c.Reserve(limited, key, len(value))
	}
	if errors.Is(err, errors.ErrUnsupported) {
		release, err = func() {}, s.cache.Put(limited, key, value)
	}
	if err != nil {
		return nil, ctxerr.Or(ctx, unquoted(padded.redacted(err)))
	}
	return release, nil
}

func (s *shelf) delete(ctx context.Context) error {
	key, err := s.key()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, cacheLimit)
	defer cancel()
	return unquoted(s.cache.Delete(ctx, key))
}

// lock returns nil, and ctx, for a cache that has no locks.
func (s *shelf) lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	locker, ok := s.cache.(tokencache.Locker)
	if !ok {
		return ctx, nil, nil
	}
	key, err := s.key()
	if err != nil {
		return nil, nil, err
	}
	own, cancel := context.WithCancel(ctx)
	waiting := time.AfterFunc(lockLimit, cancel)
	held, free, err := locker.Lock(own, key)
	inTime := waiting.Stop()
	switch {
	case err == nil && inTime:
		return held, func() { free(); cancel() }, nil
	case err == nil:
		free() // too late
		fallthrough
	case !inTime && ctx.Err() == nil:
		err = &tokencache.Error{Key: key, Problem: "is locked", Err: errLockHeld, Remedy: "look for a process that uses the same cache and hangs"}
	case ctx.Err() != nil:
		err = fmt.Errorf("waiting for the lock of the entry: %w", ctxerr.Of(ctx))
	default:
		err = unquoted(err)
	}
	cancel()
	return nil, nil, err
}

// errLockHeld passes by itself.
var errLockHeld error = lockHeld{}

type lockHeld struct{}

func (lockHeld) Error() string {
	return fmt.Sprintf("another process has held the lock for %v", lockLimit)
}
func (lockHeld) Temporary() bool { return true }

// damagedEntry is the error of an entry that is replaced.
func damagedEntry(key string, err error) error {
	return fmt.Errorf("entry %s %w; it is replaced", key, err)
}

var errFuture = errors.New("has a token from the future: the clock was turned back")

// replaces warns of an entry that is of no use, once: it is read again when it
// is locked, and again where nobody can replace it, as in SignedIn.
func (s *shelf) replaces(ctx context.Context, err error) {
	if reason := err.Error(); reason != s.replaced {
		s.replaced = reason
		s.warn(ctx, "a damaged entry of the cache is replaced", err)
	}
}

func (s *shelf) warn(ctx context.Context, what string, err error) {
	s.logger().WarnContext(ctx, "tokensource: "+what, "client", s.String(), "error", oneLine{err})
}

// storedToken is one in the form in which it is stored, with what follows it.
var storedToken = regexp.MustCompile(`((?:access|refresh|id)_token)\\*["']\s*:\s*\S+`)

// unquoted is for the words of a Cache that somebody else has written, which
// may quote what is stored.
func unquoted(err error) error {
	if err == nil || !storedToken.MatchString(err.Error()) {
		return err
	}
	return errors.New(storedToken.ReplaceAllString(err.Error(), "${1} "+plain.Redacted))
}

// redacted is for what came of storing r, whatever form its tokens have there.
func (r *record) redacted(err error) error {
	known := new(plain.Secrets)
	known.Add(r.AccessToken)
	known.Add(r.RefreshToken)
	for _, text := range r.Extra {
		if len(text) >= 32 { // an id token, not a number
			known.Add(text)
		}
	}
	return known.Err(err)
}
