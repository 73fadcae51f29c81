package tokensource

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/journal"
	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/tokencache"
)

const (
	// lockLimit bounds the wait for the lock of an entry. Nobody holds it while
	// a person is asked.
	lockLimit = 30 * time.Second
	// cacheLimit is how long one call of a Cache may take.
	cacheLimit = 10 * time.Second
	// clearLimit is how long Invalidate may take to clear an entry.
	clearLimit = 5 * time.Second
)

// A store is the entry of one Source in a Cache. Its errors have no token in
// them. Its methods are called by one goroutine at a time.
type store struct {
	*client
	makeKey func() (string, error)
	made    string // the key, once it was needed

	replaced string // why the entry is replaced, as the log says already
	given    string // the access token that was returned last

	mu      sync.Mutex // guards the access tokens that are not to be taken again
	refused string     // the one that was invalidated last
	passed  string     // the one that is not valid for long enough
}

// newStore returns nil without a cache. key returns the key of the entry.
func newStore(c *client, key func() (string, error)) *store {
	if c.cache == nil {
		return nil
	}
	return &store{client: c, makeKey: key}
}

func (s *store) key() (key string, err error) {
	if s.made != "" {
		return s.made, nil
	}
	if key, err = s.makeKey(); err == nil {
		s.made = key
	}
	return key, err
}

// load returns the stored record, or nil.
func (s *store) load(ctx context.Context) (*record, error) {
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
	if err == nil && r.AccessToken != "" && r.isFuture(time.Now()) {
		err = errors.New("has a token from the future: the clock was turned back")
	}
	if err != nil {
		s.replaces(ctx, fmt.Errorf("entry %s %w; it is replaced", key, err))
	}
	return r, nil
}

// save stores r. It is not bounded by the time of a caller.
func (s *store) save(ctx context.Context, r *record) error {
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
func (s *store) makeRoom(ctx context.Context, r *record, refreshToken string) (release func(), err error) {
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

func (s *store) delete(ctx context.Context) error {
	key, err := s.key()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, cacheLimit)
	defer cancel()
	return unquoted(s.cache.Delete(ctx, key))
}

// locks reports whether the cache has locks.
func (s *store) locks() bool {
	_, ok := s.cache.(tokencache.Locker)
	return ok
}

// lock returns ctx, and an unlock that does nothing, for a cache without locks
// and after an error.
func (s *store) lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	locker, ok := s.cache.(tokencache.Locker)
	if !ok {
		return ctx, func() {}, nil
	}
	key, err := s.key()
	if err != nil {
		return ctx, func() {}, err
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
	return ctx, func() {}, err
}

// errLockHeld passes by itself.
var errLockHeld error = lockHeld{}

type lockHeld struct{}

func (lockHeld) Error() string {
	return fmt.Sprintf("another process has held the lock for %v", lockLimit)
}
func (lockHeld) Retryable() bool { return true }

// replaces warns of an entry that is of no use, once: it is read again when it
// is locked, and again if nobody can replace it, as in Resume.
func (s *store) replaces(ctx context.Context, err error) {
	if reason := err.Error(); reason != s.replaced {
		s.replaced = reason
		s.warn(ctx, "a damaged entry of the cache is replaced", err)
	}
}

func (s *store) warn(ctx context.Context, what string, err error) {
	s.log.WarnContext(ctx, "tokensource: "+what, "client", s.name, "error", oneLine{err})
}

// offer returns the token of r, which may be nil, if no request is needed. It
// also returns an old one that the Source does not know yet: the Source asks
// again, and returns the old one if the request fails.
func (s *store) offer(ctx context.Context, r *record) *token {
	t := r.stored(time.Now())
	if !t.usable() || s.unwanted(t.AccessToken) || t.AccessToken == s.given && t.left(t.due()) <= 0 {
		return nil
	}
	s.log.DebugContext(ctx, "tokensource: took a token from the cache", "client", s.name)
	return t
}

// gave notes the access token that is returned. A nil store does nothing.
func (s *store) gave(accessToken string) {
	if s != nil {
		s.given = accessToken
	}
}

func (s *store) unwanted(accessToken string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return accessToken == s.refused || accessToken == s.passed
}

// passOver makes offer not return an access token. A nil store does nothing.
func (s *store) passOver(accessToken string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passed = accessToken
}

// forget makes offer never return an access token again; clear removes it from
// the entry. turn guards the store, and hide is for errors of the Cache. A nil
// store does nothing.
func (s *store) forget(accessToken string, turn turn, hide func(error) error) (clear func()) {
	if s == nil {
		return func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = accessToken
	return func() { s.clear(accessToken, turn, hide) }
}

// clear takes an access token out of the entry. A call that is under way will
// put another one in its place. An entry with a refresh token is left alone if
// the cache has no locks: to write the old one back would undo what another
// process has stored meanwhile.
func (s *store) clear(accessToken string, turn turn, hide func(error) error) {
	ctx, release := journal.Hold(context.Background())
	defer release()
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
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
	if err != nil {
		s.warn(ctx, "a token that was refused is still in the cache", hide(err))
	}
}

// unquoted is for the words of a Cache that somebody else has written, which
// may quote the value. It leaves out the first token in its stored form, and all
// that follows it.
func unquoted(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for i := range text {
		for _, name := range []string{"access_token", "refresh_token", "id_token"} {
			rest, ok := strings.CutPrefix(text[i:], name)
			if ok && isMember(rest) {
				return errors.New(text[:i] + name + " " + plain.Redacted)
			}
		}
	}
	return err
}

// isMember reports whether text goes on as JSON does after a name, however it
// is quoted.
func isMember(text string) bool {
	quoted := strings.TrimLeft(text, `\`)
	after := strings.TrimLeft(quoted, `"'`)
	return after != quoted && strings.HasPrefix(strings.TrimSpace(after), ":")
}

// redacted is for what came of storing r, whatever form its tokens have there.
func (r *record) redacted(err error) error {
	known := new(plain.Secrets)
	known.Add(r.AccessToken, r.RefreshToken)
	for _, value := range r.Extra {
		if text, _ := value.(string); len(text) >= 32 { // an ID token, not a number
			known.Add(text)
		}
	}
	return known.Err(err)
}

// The flows, as the keys of a Cache tell them apart. The flows in which a
// person signs in share one: a program with a browser today and without one
// tomorrow asks once.
const (
	keyApplication = "application"
	keyPerson      = "person"
	keyPassword    = "password"
	keyRefresh     = "refresh token"
	keyOnBehalfOf  = "on behalf of"
	keyIdentity    = "managed identity"
)

// cacheKey returns the key of an entry. Each part counts as it is, wherever it
// ends.
func cacheKey(parts ...string) string {
	h := sha256.New()
	for _, part := range append([]string{"exoauth 1"}, parts...) {
		h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// key returns the key of a flow's tokens. Two requests have the same key only if
// the same answer would do for both. It does not depend on the secret or
// certificate, which can be rotated, but on whether there is one: a refresh token
// is good for one kind of client.
func (c *client) key(flow string, user ...string) string {
	kind := "public"
	if c.confidential {
		kind = "confidential"
	}
	application := []string{flow, strings.ToLower(c.endpoint("token")), strings.ToLower(c.clientID), kind, c.scope, c.cacheKey}
	return cacheKey(append(application, user...)...)
}

// keyOf returns key as a function, which is called if there is a Cache.
func (c *client) keyOf(flow string, user ...string) func() (string, error) {
	return func() (string, error) { return c.key(flow, user...), nil }
}

// stretched makes it costly to try passwords on a key. Without the password in
// the key, the user's name alone would be enough to get the tokens.
func stretched(username, password string) (string, error) {
	const rounds = 100_000
	salt := sha256.Sum256([]byte("exoauth " + username)) // FIPS 140 refuses a short one
	key, err := pbkdf2.Key(sha256.New, password, salt[:], rounds, sha256.Size)
	return string(key), err
}
