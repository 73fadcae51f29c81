package tokencache

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/gofrs/flock"
)

const (
	// lockPoll is the time between tries to take a lock that another process
	// has.
	lockPoll = 10 * time.Millisecond
	// unlockLimit bounds the wait for an unlock on a disk that hangs.
	unlockLimit = time.Second
)

// A dirLock is the lock of an entry that this process has. It stays locked
// while an operation goes on whose caller has given up, so that its late write
// does not replace the entry of another process.
type dirLock struct {
	*flock.Flock
	users int // the holder, and operations under way; guarded by dirCache.mu
}

// newLock returns the lock of a file, not locked yet. The file is opened for
// writing, too, since NFS has no locks otherwise.
func newLock(path string) *flock.Flock {
	return flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR|wary), flock.SetPermissions(0o600))
}

// Lock locks a file that serves no other purpose. The lock cannot be lost
// before unlock, so held is ctx itself. The system frees it when the process
// dies.
func (d *dirCache) Lock(ctx context.Context, key string) (held context.Context, unlock func(), err error) {
	path, err := d.path(ctx, key, ".lock")
	if err != nil {
		return nil, nil, err
	}
	if err := d.do(ctx, key, func() error { return d.make(key) }, nil); err != nil {
		return nil, nil, err
	}
	for {
		l, err := d.tryLock(ctx, key, path)
		switch {
		case l != nil:
			return ctx, func() { d.leave(key, l) }, nil
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case err != nil:
			return nil, nil, d.failed(key, "cannot be locked", err)
		case !ctxerr.Sleep(ctx, lockPoll):
			return nil, nil, ctx.Err()
		}
	}
}

// tryLock returns nil if another process has the lock.
func (d *dirCache) tryLock(ctx context.Context, key, path string) (*dirLock, error) {
	l := &dirLock{Flock: newLock(path), users: 1}
	var locked bool
	err := d.disk.Do(ctx, func() error {
		return d.touch(func() (err error) {
			locked, err = l.TryLock()
			return err
		})
	}, func() { l.Close() })
	if err != nil || !locked {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.locks[key] = l
	return l, nil
}

// locked reports whether this process has the lock of an entry.
func (d *dirCache) locked(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.locks[key] != nil
}

// use keeps the lock of an entry, if this process has it, until release.
func (d *dirCache) use(key string) (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.locks[key]
	if l == nil {
		return func() {}
	}
	l.users++
	return func() { d.leave(key, l) }
}

// leave frees the lock with the last of those who use it.
func (d *dirCache) leave(key string, l *dirLock) {
	d.mu.Lock()
	l.users--
	last := l.users == 0
	if last {
		delete(d.locks, key)
	}
	d.mu.Unlock()
	if !last {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), unlockLimit)
	defer cancel()
	ctxerr.NewCalls().Do(ctx, l.Close, nil) // not one on which others hang
}

// removeEntry removes an entry unless somebody has its lock, who may be about
// to put a new one in its place.
func (d *dirCache) removeEntry(key, path string, before time.Time) {
	l := newLock(filepath.Join(d.dir, key+".lock"))
	if locked, err := l.TryLock(); err == nil && locked {
		removeOld(path, before)
		l.Close()
	}
}
