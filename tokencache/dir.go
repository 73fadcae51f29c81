package tokencache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/plain"
)

// Dir returns a [Cache] in a directory. If the directory does not exist, the
// Cache creates it, for the program's user only. A good place is a directory of
// the program's own below [os.UserCacheDir] or [os.UserConfigDir]. On Unix, the
// Cache refuses a directory that everybody may write to. The files are not
// encrypted; see [Encrypted].
//
// Each entry is a file with the permissions 0600 that is replaced in one step:
// a program that is killed leaves either the old file or the new one. On Unix
// the new one is on the disk when Put returns. On Windows the permissions are
// inherited from the directory, and a crash of the machine may undo a
// replacement.
//
// If the disk hangs, as a network file system may, each method returns when its
// context ends. The operation goes on until the disk is back, and a locked
// entry stays locked until then. At most sixteen operations can hang at a time;
// others wait.
//
// Dir is a [Locker]: processes on one machine that use the same directory take
// turns, and the lock of a process that dies is free at once. On a network file
// system, both depend on its locks. The Cache never removes a lock file: a
// process that still waits for the old file, and one that creates a new file,
// would both get the lock.
//
// Dir deletes entries that nobody has written to for 100 days, since their
// tokens have expired. If the caller holds the lock, Delete also removes the
// unfinished files that a killed process has left of an entry. To sign out
// everybody, delete all files while no program runs.
//
// Dir resolves a relative path at once, against the current directory. The
// methods return an [*Error] if the path is empty.
func Dir(path string) Cache {
	if absolute, err := filepath.Abs(path); err == nil && path != "" {
		path = absolute
	}
	return &dirCache{dir: path, disk: ctxerr.NewCalls(), locks: make(map[string]*dirLock), rooms: make(map[string]string)}
}

// A dirCache keeps the value of a key in the file "<key>.token", and its lock in
// "<key>.lock". A value that is being written, and the room for the next one,
// are in "<key>.token.<digits>.new", which is renamed to "<key>.token" once it is
// whole.
type dirCache struct {
	dir   string       // absolute; empty if the path was
	disk  ctxerr.Calls // bounds the operations that hang
	hang  func()       // called before each operation; for tests, otherwise nil
	swept atomic.Int64 // when, in seconds since 1970

	mu    sync.Mutex // guards what follows
	locks map[string]*dirLock
	rooms map[string]string // the files with room for the next value of an entry
}

const (
	// maxEntry bounds a file: 2 MiB, and what Encrypted adds.
	maxEntry = 2<<20 + 1<<10
	// leftover is the age of a file that a dead process has not renamed. The
	// directory is searched for them that often.
	leftover = time.Hour
	// outlived is the age of an entry whose refresh token nobody has used for
	// longer than the 90 days that Entra ID allows.
	outlived = 100 * 24 * time.Hour
)

// isKey reports whether s can be part of a file's name on every system. Keys of
// others are accepted, as long as they cannot leave the directory.
func isKey(s string) bool { return len(s) <= 128 && plain.Only(s, plain.Alphanumeric+"_-") }

// ourFile reports whether a file is an entry, or an unfinished one, and its key.
func ourFile(name string) (key string, unfinished, ok bool) {
	key, suffix, ok := strings.Cut(name, ".token")
	if !ok || len(key) != 64 || !plain.Only(key, plain.Hex) {
		return "", false, false
	}
	digits, ok := strings.CutSuffix(suffix, ".new")
	unfinished = ok && strings.HasPrefix(digits, ".") && plain.Only(digits[1:], plain.Digits)
	return key, unfinished, unfinished || suffix == ""
}

// Check reports whether the directory has a name. A Source calls it before it
// sends anything.
func (d *dirCache) Check() error {
	if d.dir == "" {
		return misused("is a Dir without a directory", "name one of the program's own, such as one below os.UserCacheDir")
	}
	return nil
}

// do calls f, which is about an entry, or returns the error of ctx if that ends
// first. Then f goes on alone, the entry stays locked, and undo is called after
// f.
func (d *dirCache) do(ctx context.Context, key string, f func() error, undo func()) error {
	return d.disk.Do(ctx, func() error {
		defer d.use(key)()
		if err := ctx.Err(); err != nil { // it may be unlocked by now
			return err
		}
		return d.touch(f)
	}, undo)
}

// touch calls f, which may hang.
func (d *dirCache) touch(f func() error) error {
	if d.hang != nil {
		d.hang()
	}
	return f()
}

// path returns a file of the entry.
func (d *dirCache) path(ctx context.Context, key, suffix string) (string, error) {
	switch err := d.Check(); {
	case err != nil:
		return "", err
	case ctx.Err() != nil:
		return "", ctx.Err()
	case !isKey(key):
		return "", &Error{Key: key, Problem: "has a name that is no key", Remedy: "use the one that the Source has passed"}
	}
	return filepath.Join(d.dir, key+suffix), nil
}

// make makes the directory for the entry of a key, which is for the error only.
// A directory that everybody may write to is refused: anybody could put tokens
// there, or replace a file by a link.
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
		return &Error{
			Key: key, Problem: "would be in " + d.dir + ", into which everybody may write",
			Remedy: "chmod 700 that directory, or use one below it",
		}
	}
	return nil
}

// failed returns the error of an entry whose file or directory cannot be used.
func (d *dirCache) failed(key, problem string, err error) *Error {
	remedy := "check that the directory " + d.dir + " is there, and that the disk is not full"
	if errors.Is(err, fs.ErrPermission) {
		remedy = "make the program's user the owner of the directory " + d.dir + " and of the files in it, with permission to write; another user, such as root, may have run the program once"
	}
	return &Error{Key: key, Problem: problem, Err: err, Remedy: remedy}
}

// Get reads the file of the entry. An empty file is what a crash of the machine
// can leave on some file systems, so it counts as damaged.
func (d *dirCache) Get(ctx context.Context, key string) ([]byte, error) {
	path, err := d.path(ctx, key, ".token")
	if err != nil {
		return nil, err
	}
	var value []byte
	err = d.do(ctx, key, func() error {
		return insist(ctx, func() (err error) {
			value, err = readEntry(path)
			return err
		})
	}, nil)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrMiss
	case err != nil:
		return nil, d.failed(key, "cannot be read", err)
	case len(value) == 0:
		return nil, damaged(key, "is empty")
	case len(value) > maxEntry:
		return nil, damaged(key, "is longer than 2 MiB")
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

// Put writes a new file and renames it, and removes outdated files now and then.
func (d *dirCache) Put(ctx context.Context, key string, value []byte) error {
	path, err := d.path(ctx, key, ".token")
	if err != nil {
		return err
	}
	err = d.do(ctx, key, func() error {
		if err := d.make(key); err != nil {
			return err
		}
		err := d.replace(ctx, key, path, value)
		d.sweep(ctx, time.Now())
		return err
	}, nil)
	return d.outcome(ctx, key, "cannot be written", err)
}

// outcome returns the error of an operation. One of ctx stays as it is.
func (d *dirCache) outcome(ctx context.Context, key, problem string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	return d.failed(key, problem, err)
}

// replace leaves the old content or the new one, whatever happens.
func (d *dirCache) replace(ctx context.Context, key, path string, value []byte) error {
	next, err := d.write(key, path, value)
	if err != nil {
		return err
	}
	if err = ctx.Err(); err == nil { // or the caller has given up on it
		err = insist(ctx, func() error { return os.Rename(next, path) })
	}
	if err != nil {
		os.Remove(next)
		return err
	}
	return syncDir(d.dir)
}

// write writes a file that is to take the place of path, over the file that
// reserves its room if there is one.
func (d *dirCache) write(key, path string, value []byte) (name string, err error) {
	if room := d.takeRoom(key); room != "" {
		if overwrite(room, value) == nil {
			return room, nil
		}
		os.Remove(room)
	}
	return writeBeside(path, value)
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

// sweep removes the files that killed processes have left, and entries whose
// tokens have expired.
func (d *dirCache) sweep(ctx context.Context, now time.Time) {
	last := d.swept.Load()
	if now.Sub(time.Unix(last, 0)) < leftover || !d.swept.CompareAndSwap(last, now.Unix()) {
		return
	}
	files, _ := os.ReadDir(d.dir)
	for _, file := range files {
		key, unfinished, ours := ourFile(file.Name())
		path := filepath.Join(d.dir, file.Name())
		switch {
		case ctx.Err() != nil:
			return
		case !ours:
		case unfinished:
			removeOld(path, now.Add(-leftover))
		case isOld(path, now.Add(-outlived)):
			d.removeEntry(key, path, now.Add(-outlived))
		}
	}
}

// isOld reports whether path is a regular file that was last written before a
// time. It follows no link.
func isOld(path string, before time.Time) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular() && info.ModTime().Before(before)
}

// removeOld removes a file that was last written before a time. An error does
// not matter: the next sweep finds the file again.
func removeOld(path string, before time.Time) {
	if isOld(path, before) {
		os.Remove(path)
	}
}

// Delete removes the file of the entry. Without the lock it leaves unfinished
// files alone, since another process may be about to rename one.
func (d *dirCache) Delete(ctx context.Context, key string) error {
	path, err := d.path(ctx, key, ".token")
	if err != nil {
		return err
	}
	err = d.do(ctx, key, func() error {
		err := insist(ctx, func() error { return os.Remove(path) })
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		if d.locked(key) {
			err = errors.Join(err, removeUnfinished(path))
		}
		return err
	}, nil)
	return d.outcome(ctx, key, "cannot be deleted", err)
}
