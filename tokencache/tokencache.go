// Package tokencache keeps tokens between the runs of a program, and shares
// them between processes. Set a [Cache] as the Cache of a tokensource.Config:
//
//	cfg.Cache = tokencache.Dir("/var/lib/invoices/tokens")
//
// [Dir] keeps tokens in files, and [Encrypted] encrypts those of any Cache. The
// modules tokencache/rediscache and tokencache/sqlcache keep them in Redis,
// Postgres or SQLite. To keep them elsewhere, implement Cache, and [Locker] if
// several processes share it. Package cachetest tests an implementation.
package tokencache

import (
	"context"
	"errors"
	"fmt"

	"github.com/exoauth/exoauth/internal/plain"
	"github.com/exoauth/exoauth/internal/verdict"
)

// A Cache keeps tokens. It must be safe for concurrent use, and each method
// must return when its context ends.
//
// A key is 64 hexadecimal digits in lower case. It stands for one user, or for
// the application, in one flow, and reveals neither.
//
// A value is a secret: a refresh token in it opens a mailbox for months.
// Protect it, or use [Encrypted]. It is a few KiB long. Its format is private
// to package tokensource.
type Cache interface {
	// Get returns the value of a key, or ErrMiss if there is none. An error
	// that wraps ErrMiss, but is not ErrMiss itself, says that the value is
	// damaged: a Source logs that error and replaces the value.
	Get(ctx context.Context, key string) ([]byte, error)
	// Put stores a value and replaces the old one. When it returns nil, the
	// value must survive a crash of the machine. Get must never return half of
	// a value.
	Put(ctx context.Context, key string, value []byte) error
	// Delete removes a value. It returns nil if there is none.
	Delete(ctx context.Context, key string) error
}

// A Locker is a [Cache] that several processes can share: one of them makes a
// request, and the others get its token. A Cache that wraps a Locker must have
// a method Lock that calls the inner one, or it has no locks.
type Locker interface {
	// Lock waits until nobody else holds the lock of the key, or until ctx
	// ends. The holder passes held, which is derived from ctx, to Get, Put and
	// Delete, and calls unlock when it is done. After that, held may have ended.
	//
	// A holder may keep the lock until ctx ends, however long that is: a Cache
	// whose lock is leased for a time renews the lease. The lock must become
	// free if its holder dies.
	//
	// If the holder can lose the lock earlier, because a lease was not renewed
	// or a connection broke, held must end then, and [context.Cause] says why.
	// From the moment at which another process can get the lock, Put and Delete
	// must fail with held and any context derived from it, also with one that
	// [context.WithoutCancel] returns, and change nothing. The unlock of a lock
	// that was lost must not free that of the next holder.
	Lock(ctx context.Context, key string) (held context.Context, unlock func(), err error)
}

// A Reserver is a [Cache] that can set storage aside. Some servers accept each
// refresh token only once, so the next one must not be lost because a disk is
// full: a Source makes sure that there is room for it before it uses the
// current one.
//
// If a Cache is a [Locker] but not a Reserver, the Source calls Put under the
// lock instead, with the current tokens in a value that is longer than the next
// one. If the Cache is not a Locker, the Source calls neither Reserve nor Put
// before the request, since another process may have stored a newer value.
type Reserver interface {
	// Reserve keeps room for the next value of a key, of up to size bytes,
	// until release is called. The caller holds the lock. An error that wraps
	// errors.ErrUnsupported means that this Cache cannot reserve.
	Reserve(ctx context.Context, key string, size int) (release func(), err error)
}

// ErrMiss is the error of [Cache.Get] for a key without a value.
var ErrMiss = errors.New("tokencache: no such entry")

// Error reports that a [Cache], or one of its entries, cannot be used. If the entry is damaged beyond repair, errors.Is(err, ErrMiss)
// reports true.
type Error struct {
	Key     string // of the entry; empty if no entry can be used
	Problem string // the fault
	Remedy  string // how to fix it
	Err     error  // the cause; nil if there is none

	kind error // for Is
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is [ErrMiss] and the entry is damaged. Most users do
// not need it.
func (e *Error) Is(target error) bool { return e.kind != nil && target == e.kind }

// Error names the entry, the problem and the remedy. It quotes nothing of the
// value.
func (e *Error) Error() string {
	reason := ""
	if e.Err != nil {
		reason = ": " + plain.Head(e.Err.Error(), 512)
	}
	subject := "entry " + plain.Head(e.Key, 64)
	if e.Key == "" {
		subject = "this cache"
	}
	return plain.Line(fmt.Sprintf("tokencache: %s %s%s; %s", subject, e.Problem, reason, e.Remedy))
}

// damaged is the error of an entry that is to be replaced.
func damaged(key, problem string) *Error {
	return &Error{Key: key, Problem: problem, Remedy: "it is replaced", kind: ErrMiss}
}

// misused is the error of a Cache that can never be used.
func misused(problem, remedy string) *Error {
	return &Error{Problem: problem, Remedy: remedy, kind: verdict.ErrSetting}
}
