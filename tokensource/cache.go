package tokensource

import (
	"context"
	"errors"
	"fmt"

	"github.com/exoauth/exoauth/internal/plain"
)

// A Cache keeps tokens for the next run of a program, and for other processes
// beside it; see [Config.Cache]. [DirCache] is one, and a table of a database
// with two columns can be another. It must be safe for concurrent use, and each
// method must return when its context ends.
//
// Room for the successor is there before a refresh token is redeemed, for some
// servers take each token once, and its successor must not be lost to a full disk.
// DirCache sets the room aside. Any other Cache that is a [Locker] is asked to Put
// the value that it has once more, under the lock and longer than the next one will
// be; if it cannot, the request is not made. A Cache without locks is not asked,
// for another process may have put a newer value there.
//
// A key is 64 hexadecimal digits in lower case. It stands for one user, or for
// the application, in one flow. What it is made of cannot be told from it.
//
// A value is a secret: a refresh token in it opens a mailbox for months. Keep
// it as such, or see [Encrypted]. It is a few KiB long, and what is in it is
// this package's own business.
type Cache interface {
	// Get returns the value of a key, or ErrCacheMiss where there is none. An
	// error that wraps ErrCacheMiss says that there is a value, but a damaged
	// one: that is logged, and the value is replaced.
	Get(ctx context.Context, key string) ([]byte, error)
	// Put stores a value in the place of the one before. When it returns nil,
	// the value must be where it survives a crash of the machine, and nobody
	// must ever get half of it.
	Put(ctx context.Context, key string, value []byte) error
	// Delete removes a value. It is no error where there is none.
	Delete(ctx context.Context, key string) error
}

// A Locker is a [Cache] that several processes can share, so that one of them
// makes a request and the others get its token. A Cache around another one has
// to pass its Lock on, or there are no locks.
type Locker interface {
	// Lock waits until nobody else holds the lock of the key, or until ctx
	// ends. The lock must be free again when its holder dies. A caller that
	// has it calls Get, Put and Delete, and then unlock.
	Lock(ctx context.Context, key string) (unlock func(), err error)
}

// ErrCacheMiss is what [Cache.Get] returns for a key without a value.
var ErrCacheMiss = errors.New("tokensource: nothing in the cache")

// A CacheError is why a [Cache] of this package cannot be used, or an entry of
// one. Where the entry is damaged, so that there is nothing in it to be saved,
// it is [ErrCacheMiss], by [errors.Is].
type CacheError struct {
	Key     string // of the entry
	Problem string // what is wrong
	Remedy  string // what to do
	Err     error  // the reason; nil where there is none beside Problem

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
