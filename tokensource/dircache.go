package tokensource

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
)

// DirCache returns a [Cache] in a directory, which is made where there is none,
// for the program's user alone. A good place is a directory of the program's
// own below [os.UserCacheDir] or [os.UserConfigDir]; one into which everybody
// may write is refused. The files are not encrypted; see [Encrypted] for that.
//
// Each entry is a file with the permissions 0600 that is replaced in one step,
// so that a program which is killed leaves the old one or the new one, and on
// Unix the new one is on the disk when Put returns. Windows promises less: the
// permissions are those that the directory passes on, and a replacement may
// be undone by the end of the machine.
//
// It is a [Locker]: processes on one machine that use the same directory take
// turns, and the lock of one that dies is free at once. On a network file
// system that is so as far as its locks work. The lock files stay: to remove
// one while others wait for it would give each of them a lock of their own.
// Entries that nobody has written to for 100 days are deleted, for nothing in
// them is good any more. [Source.SignOut] signs one user out; to sign out
// everybody, delete all files while no program runs.
//
// A relative dir is resolved at once, against the current directory.
func DirCache(dir string) Cache {
	if absolute, err := filepath.Abs(dir); err == nil && dir != "" {
		dir = absolute
	}
	return &dirCache{dir: dir}
}

type dirCache struct {
	dir   string
	swept atomic.Int64 // when, in seconds since 1970
}

const (
	maxEntry = maxRecord + 1<<10 // with what Encrypted adds
	// lockPoll is how often a lock that another process has is tried.
	lockPoll = 10 * time.Millisecond
	// leftover is the age of a file that a dead process has not renamed. The
	// directory is searched for them that often.
	leftover = time.Hour
	// outlived is the age of an entry whose refresh token nobody has used for
	// longer than the 90 days that Entra ID allows.
	outlived = 100 * 24 * time.Hour
)

var (
	entryName = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)
	ourFile   = regexp.MustCompile(`^([0-9a-f]{64})\.token(\.[0-9]+\.new)?$`)
)

func (d *dirCache) check() *ConfigError {
	if d.dir == "" {
		return &ConfigError{Field: "Cache", Problem: "DirCache without a directory", Remedy: "name one of the program's own, such as one below os.UserCacheDir"}
	}
	return nil
}

// path returns a file of the entry.
func (d *dirCache) path(ctx context.Context, key, suffix string) (string, error) {
	switch err := d.check(); {
	case err != nil:
		return "", err
	case ctx.Err() != nil:
		return "", ctx.Err()
	case !entryName.MatchString(key):
		return "", &CacheError{Key: key, Problem: "has a name that is no key", Remedy: "use the one that the Source has passed"}
	}
	return filepath.Join(d.dir, key+suffix), nil
}

// make makes the directory.
func (d *dirCache) make(key string) error {
	err := os.MkdirAll(d.dir, 0o700)
	if err != nil {
		return d.failed(key, "has no directory", err)
	}
	info, err := os.Stat(d.dir)
	if err != nil {
		return d.failed(key, "has no directory", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o002 != 0 {
		return &CacheError{
			Key: key, Problem: "would be in " + d.dir + ", into which everybody may write",
			Remedy: "chmod 700 that directory, or use one below it",
		}
	}
	return nil
}

func (d *dirCache) failed(key, problem string, err error) *CacheError {
	remedy := "check that the directory " + d.dir + " is there, and that the disk is not full"
	if errors.Is(err, fs.ErrPermission) {
		remedy = "have the program's user own the directory " + d.dir + " and what is in it, and be able to write there; another one, such as root, may have run the program once"
	}
	return &CacheError{Key: key, Problem: problem, Err: err, Remedy: remedy}
}

func (d *dirCache) Get(ctx context.Context, key string) ([]byte, error) {
	path, err := d.path(ctx, key, ".token")
	if err != nil {
		return nil, err
	}
	var value []byte
	err = insist(ctx, func() (err error) {
		value, err = readEntry(path)
		return err
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrCacheMiss
	case err != nil:
		return nil, d.failed(key, "cannot be read", err)
	case len(value) == 0:
		return nil, damagedEntry(key, "is empty")
	case len(value) > maxEntry:
		return nil, damagedEntry(key, "is longer than 2 MiB")
	}
	return value, nil
}

// readEntry reads a regular file of the program's user. Another one might never
// end, or be there to pass off somebody else's tokens.
func readEntry(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|wary, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	case !isOwn(info):
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("it belongs to another user: %w", fs.ErrPermission)}
	}
	return io.ReadAll(io.LimitReader(f, maxEntry+1))
}

func (d *dirCache) Put(ctx context.Context, key string, value []byte) error {
	path, err := d.path(ctx, key, ".token")
	if err != nil {
		return err
	}
	if err := d.make(key); err != nil {
		return err
	}
	err = replaceFile(ctx, path, value)
	d.sweep(ctx, time.Now())
	if err != nil {
		return d.failed(key, "cannot be written", err)
	}
	return nil
}

// replaceFile leaves the old content or the new one, whatever happens.
func replaceFile(ctx context.Context, path string, value []byte) error {
	next, err := writeBeside(path, value)
	if err != nil {
		return err
	}
	if err := insist(ctx, func() error { return os.Rename(next, path) }); err != nil {
		os.Remove(next)
		return err
	}
	return syncDir(filepath.Dir(path))
}

// writeBeside writes a file that is to take the place of path, for its owner
// alone.
func writeBeside(path string, value []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new")
	if err != nil {
		return "", err
	}
	_, err = f.Write(value)
	if err == nil {
		err = f.Sync() // or the name may be on the disk before the content
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// sweep removes what nobody will: what processes that were killed have left,
// and entries that have outlived what is in them.
func (d *dirCache) sweep(ctx context.Context, now time.Time) {
	last := d.swept.Load()
	if now.Sub(time.Unix(last, 0)) < leftover || !d.swept.CompareAndSwap(last, now.Unix()) {
		return
	}
	files, _ := os.ReadDir(d.dir)
	for _, file := range files {
		ours := ourFile.FindStringSubmatch(file.Name())
		path := filepath.Join(d.dir, file.Name())
		switch {
		case ctx.Err() != nil:
			return
		case ours == nil:
		case ours[2] != "":
			removeOld(path, now.Add(-leftover))
		case isOld(path, now.Add(-outlived)):
			d.removeEntry(ours[1], path, now.Add(-outlived))
		}
	}
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

func isOld(path string, before time.Time) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular() && info.ModTime().Before(before)
}

func removeOld(path string, before time.Time) {
	if isOld(path, before) {
		os.Remove(path)
	}
}

func (d *dirCache) Delete(ctx context.Context, key string) error {
	path, err := d.path(ctx, key, ".token")
	if err != nil {
		return err
	}
	err = insist(ctx, func() error { return os.Remove(path) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d.failed(key, "cannot be deleted", err)
	}
	return nil
}

// newLock opens for writing, too, without which NFS has no locks.
func newLock(path string) *flock.Flock {
	return flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR|wary), flock.SetPermissions(0o600))
}

// Lock takes the lock of a file that is there for nothing else.
func (d *dirCache) Lock(ctx context.Context, key string) (unlock func(), err error) {
	path, err := d.path(ctx, key, ".lock")
	if err != nil {
		return nil, err
	}
	if err := d.make(key); err != nil {
		return nil, err
	}
	l := newLock(path)
	_, err = l.TryLockContext(ctx, lockPoll)
	switch {
	case err == nil:
		return func() { l.Close() }, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return nil, d.failed(key, "cannot be locked", err)
}
