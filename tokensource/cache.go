package tokensource

import (
	"context"
	"errors"
	"fmt"

	"github.com/exoauth/exoauth/internal/plain"
)

// A Cache keeps tokens for the next run of a program, and for other processes
// beside it; see [Config.Cache]. [DirCache] is one. A database table with a
// column for the key and one for the value can be another. A Cache must be safe
// for concurrent use, and each method must return when its context ends.
//
// Some servers accept each refresh token only once, so a new one must not be
// lost because a disk is full. Before the Source uses a refresh token, it makes
// sure that there is room for the next value: DirCache reserves it in a file.
// On any other Cache that is a [Locker], the Source calls Put under the lock,
// with the current tokens in a value that is longer than the next one. If that
// fails, the Source makes no request. It does not do so without locks, since
// another process may have stored a newer value.
//
// A key is 64 hexadecimal digits in lower case. It stands for one user, or for
// the application, in one flow. Its parts cannot be told from it.
//
// A value is a secret: a refresh token in it opens a mailbox for months. Keep
// it as such, or see [Encrypted]. It is a few KiB long. Its format is private
// to this package.
type Cache interface {
	// Get returns the value of a key, or ErrCacheMiss if there is none. An
	// error that wraps ErrCacheMiss says that the value is damaged. The Source
	// then logs the error and replaces the value.
	Get(ctx context.Context, key string) ([]byte, error)
	// Put stores a value in the place of the old one. When it returns nil, the
	// value must survive a crash of the machine. Get must never return half of
	// a value.
	Put(ctx context.Context, key string, value []byte) error
	// Delete removes a value. It is no error if there is none.
	Delete(ctx context.Context, key string) error
}

// A Locker is a [Cache] that several processes can share, so that one of them
// makes a request and the others get its token. A Cache around another one must
// have a Lock that calls the other's, or there are no locks.
type Locker interface {
	// Lock waits until nobody else holds the lock of the key, or until ctx
	// ends. The lock must become free if its holder dies. The holder calls
	// Get, Put and Delete, and then unlock.
	Lock(ctx context.Context, key string) (unlock func(), err error)
}

// ErrCacheMiss is the error of [Cache.Get] for a key without a value.
var ErrCacheMiss = errors.New("tokensource: nothing in the cache")

// CacheError reports that a [Cache] of this package, or one of its entries,
// cannot be used. If the entry is damaged, so that nothing in it can be saved,
// errors.Is reports [ErrCacheMiss].
type CacheError struct {
	Key     string // of the entry
	Problem string // what is wrong
	Remedy  string // what to do
	Err     error  // the reason; nil if Problem says it all

	damaged bool
}

// Unwrap returns e.Err.
func (e *CacheError) Unwrap() error { return e.Err }

// Is reports whether target is [ErrCacheMiss] and the entry is damaged.
func (e *CacheError) Is(target error) bool { return target == ErrCacheMiss && e.damaged }

// Error names the entry, the problem and the remedy. Nothing of the value is
// in it.
func (e *CacheError) Error() string {
	reason := ""
	if e.Err != nil {
		reason = ": " + head(e.Err.Error(), 512)
	}
	return plain.Line(fmt.Sprintf("tokensource: the cache's entry %s %s%s; %s", head(e.Key, 64), e.Problem, reason, e.Remedy))
}

// damagedEntry is one that is replaced.
func damagedEntry(key, problem string) *CacheError {
	return &CacheError{Key: key, Problem: problem, Remedy: "it is replaced", damaged: true}
}

// checkCache asks a cache of this package about its settings.
func checkCache(c Cache) *ConfigError {
	if c, ok := c.(interface{ check() *ConfigError }); ok {
		return c.check()
	}
	return nil
}
