package tokensource_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

const entryKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func newDirCache(t *testing.T) (tokensource.Cache, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a", "tokens")
	return tokensource.DirCache(dir), dir
}

func wantEntry(t *testing.T, c tokensource.Cache, want string) {
	t.Helper()
	if got, err := c.Get(t.Context(), entryKey); err != nil || string(got) != want {
		t.Fatalf("%q, %v; want %q", got, err, want)
	}
}

func put(t *testing.T, c tokensource.Cache, value string) {
	t.Helper()
	if err := c.Put(t.Context(), entryKey, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

// names are what is in the directory.
func names(t *testing.T, dir string) string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, file := range files {
		all = append(all, strings.ReplaceAll(file.Name(), entryKey, "KEY"))
	}
	return strings.Join(all, " ")
}

func TestDirCache(t *testing.T) {
	c, dir := newDirCache(t)
	if _, err := c.Get(t.Context(), entryKey); err != tokensource.ErrCacheMiss {
		t.Errorf("no directory: error %v", err)
	}
	if err := c.Delete(t.Context(), entryKey); err != nil {
		t.Errorf("nothing to delete: %v", err)
	}
	put(t, c, "one")
	wantEntry(t, c, "one")
	put(t, c, "two")
	wantEntry(t, tokensource.DirCache(dir), "two")
	if got := names(t, dir); got != "KEY.token" {
		t.Errorf("files: %s", got)
	}
	unlock, err := c.(tokensource.Locker).Lock(t.Context(), entryKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), entryKey); err != nil {
		t.Fatal(err)
	}
	unlock()
	if _, err := c.Get(t.Context(), entryKey); err != tokensource.ErrCacheMiss {
		t.Errorf("deleted: error %v", err)
	}
	if got := names(t, dir); got != "KEY.lock" {
		t.Errorf("files: %s", got) // a lock that was removed would be two
	}
}

func TestDirCacheIsForItsUserAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has other permissions")
	}
	c, dir := newDirCache(t)
	unlock, err := c.(tokensource.Locker).Lock(t.Context(), entryKey)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	put(t, c, "one")
	for name, want := range map[string]fs.FileMode{".": 0o700, entryKey + ".token": 0o600, entryKey + ".lock": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	err = c.Put(t.Context(), entryKey, []byte("two"))
	if e, ok := errors.AsType[*tokensource.CacheError](err); !ok || !strings.Contains(e.Remedy, "chmod 700") {
		t.Errorf("everybody may write into it: error %v", err)
	}
}

// Whoever reads while others write gets one value or the other.
func TestDirCacheIsNeverTorn(t *testing.T) {
	c, dir := newDirCache(t)
	values := [][]byte{bytes.Repeat([]byte("a"), 100_000), bytes.Repeat([]byte("b"), 50_000)}
	put(t, c, string(values[0]))
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for _, value := range values {
		writers.Go(func() {
			own := tokensource.DirCache(dir)
			for range 20 {
				if err := own.Put(t.Context(), entryKey, value); err != nil {
					t.Error(err)
				}
			}
		})
	}
	readers.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			got, err := c.Get(t.Context(), entryKey)
			if err != nil || !bytes.Equal(got, values[0]) && !bytes.Equal(got, values[1]) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		}
	})
	writers.Wait()
	close(done)
	readers.Wait()
	if got := names(t, dir); got != "KEY.token" {
		t.Errorf("files: %s", got)
	}
}

// A program that goes elsewhere, as a daemon does, takes its cache along.
func TestDirCacheStaysWhereItWas(t *testing.T) {
	t.Chdir(t.TempDir())
	c := tokensource.DirCache("tokens")
	put(t, c, "x")
	t.Chdir(t.TempDir())
	wantEntry(t, c, "x")
}

func TestDirCacheLock(t *testing.T) {
	c, dir := newDirCache(t)
	locker := c.(tokensource.Locker)
	unlock, err := locker.Lock(t.Context(), entryKey)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := tokensource.DirCache(dir).(tokensource.Locker).Lock(ctx, entryKey); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("locked twice: %v", err)
	}
	other, err := locker.Lock(t.Context(), strings.ToUpper(entryKey))
	if err != nil {
		t.Fatalf("the lock of another entry: %v", err)
	}
	other()
	next := make(chan error)
	go func() {
		unlock, err := locker.Lock(t.Context(), entryKey)
		if err == nil {
			unlock()
		}
		next <- err
	}()
	unlock()
	if err := <-next; err != nil {
		t.Error(err)
	}
}

// What is in the way, and that it is said where and what to do.
func TestDirCacheFails(t *testing.T) {
	type check func(t *testing.T, c tokensource.Cache, dir string) error
	get := func(t *testing.T, c tokensource.Cache, _ string) error {
		_, err := c.Get(t.Context(), entryKey)
		return err
	}
	write := func(t *testing.T, c tokensource.Cache, _ string) error {
		return c.Put(t.Context(), entryKey, []byte("PLANTED"))
	}
	lock := func(t *testing.T, c tokensource.Cache, _ string) error {
		_, err := c.(tokensource.Locker).Lock(t.Context(), entryKey)
		return err
	}
	remove := func(t *testing.T, c tokensource.Cache, _ string) error { return c.Delete(t.Context(), entryKey) }
	inTheWay := func(suffix string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.MkdirAll(filepath.Join(dir, entryKey+suffix, "x"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := func(t *testing.T, dir string) {
		if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		name   string
		before func(t *testing.T, dir string)
		do     check
		text   string
	}{
		{"a directory in the place of the file, read", inTheWay(".token"), get, "not a regular file"},
		{"a directory in the place of the file, written", inTheWay(".token"), write, "cannot be written"},
		{"a directory in the place of the file, deleted", inTheWay(".token"), remove, "cannot be deleted"},
		{"a directory in the place of the lock", inTheWay(".lock"), lock, "cannot be locked"},
		{"a file in the place of the directory, written", file, write, "has no directory"},
		{"a file in the place of the directory, locked", file, lock, "has no directory"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, dir := newDirCache(t)
			row.before(t, dir)
			err := row.do(t, c, dir)
			e, ok := errors.AsType[*tokensource.CacheError](err)
			if !ok || e.Key != entryKey || e.Remedy == "" || !strings.Contains(err.Error(), row.text) || !strings.Contains(err.Error(), dir) {
				t.Errorf("error %v", err)
			}
			if errors.Is(err, tokensource.ErrCacheMiss) || strings.Contains(err.Error(), "PLANTED") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Entries that nobody can read are replaced.
func TestDirCacheDamaged(t *testing.T) {
	for name, value := range map[string][]byte{"empty": nil, "oversized": bytes.Repeat([]byte("x"), 3<<20)} {
		t.Run(name, func(t *testing.T) {
			c, dir := newDirCache(t)
			put(t, c, "x")
			if err := os.WriteFile(filepath.Join(dir, entryKey+".token"), value, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Get(t.Context(), entryKey); err == tokensource.ErrCacheMiss || !errors.Is(err, tokensource.ErrCacheMiss) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// A link is replaced, and not written through.
func TestDirCacheReplacesALink(t *testing.T) {
	c, dir := newDirCache(t)
	put(t, c, "x")
	target := filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(target, []byte("y"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, entryKey+".token")
	os.Remove(path)
	if err := os.Symlink(target, path); err != nil {
		t.Skip(err)
	}
	put(t, c, "z")
	if got, err := os.ReadFile(target); err != nil || string(got) != "y" {
		t.Errorf("written through the link: %q, %v", got, err)
	}
	wantEntry(t, c, "z")
}

func TestDirCacheKeys(t *testing.T) {
	c, dir := newDirCache(t)
	for _, key := range []string{"", ".", "..", "../x", "a/b", `a\b`, "a:b", "a b", "a\x00", strings.Repeat("a", 129), "NUL.", "a.token"} {
		err := c.Put(t.Context(), key, []byte("x"))
		_, err2 := c.Get(t.Context(), key)
		_, err3 := c.(tokensource.Locker).Lock(t.Context(), key)
		if err == nil || err2 == nil || err3 == nil || c.Delete(t.Context(), key) == nil {
			t.Errorf("%q was taken", key)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("files: %s", names(t, dir))
	}
}

func TestDirCacheEndedContext(t *testing.T) {
	c, dir := newDirCache(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Get(ctx, entryKey)
	_, err2 := c.(tokensource.Locker).Lock(ctx, entryKey)
	for _, err := range []error{err, err2, c.Put(ctx, entryKey, nil), c.Delete(ctx, entryKey)} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("something was made")
	}
}

// What processes that were killed have left goes, and what has outlived its
// use; nothing that is in use, or somebody else's.
func TestDirCacheSweeps(t *testing.T) {
	_, dir := newDirCache(t)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	other, third, locked := strings.Repeat("f", 64), strings.Repeat("e", 64), strings.Repeat("d", 64)
	files := map[string]struct {
		age  time.Duration
		gone bool
	}{
		entryKey + ".token.123.new": {2 * time.Hour, true},
		other + ".token.456.new":    {2 * time.Hour, true},
		entryKey + ".token.789.new": {0, false},
		entryKey + ".lock":          {1000 * 24 * time.Hour, false},
		other + ".token":            {tokensource.SweepAfter + time.Hour, true},
		third + ".token":            {tokensource.SweepAfter - time.Hour, false},
		locked + ".token":           {1000 * 24 * time.Hour, false},
		"notes.token":               {1000 * 24 * time.Hour, false},
		"report.new":                {1000 * 24 * time.Hour, false},
		other + ".token.x.new":      {1000 * 24 * time.Hour, false},
	}
	for name, file := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-file.age)
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
	}
	c := tokensource.DirCache(dir)
	unlock, err := c.(tokensource.Locker).Lock(t.Context(), locked)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	put(t, c, "x")
	for name, file := range files {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) != file.gone {
			t.Errorf("%s: gone %t", name, !file.gone)
		}
	}
}

// What is left over may be why the disk is full.
func TestDirCacheSweepsWhereItCannotWrite(t *testing.T) {
	c, dir := newDirCache(t)
	left, then := filepath.Join(dir, entryKey+".token.1.new"), time.Now().Add(-2*time.Hour)
	inTheWay := filepath.Join(dir, entryKey+".token", "x")
	if err := errors.Join(os.MkdirAll(inTheWay, 0o700), os.WriteFile(left, nil, 0o600), os.Chtimes(left, then, then)); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(t.Context(), entryKey, []byte("x")); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
}

// A directory that cannot be written to: what is in it is used.
func TestReadOnlyDirectory(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions do not stop this user")
	}
	if asNobody(t) {
		return
	}
	e := newEntra(t)
	dir := filepath.Join(t.TempDir(), "tokens")
	e.config.Cache = tokensource.DirCache(dir)
	e.config.CacheKey = "adele"
	if _, err := e.authCode().Token(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	if _, err := e.config.SignedIn().Token(); err != nil {
		t.Errorf("what is stored: %v", err)
	}
	e.config.CacheKey = "another"
	before := len(e.Requests())
	if _, err := e.password().Token(); err == nil || !strings.Contains(err.Error(), dir) || len(e.Requests()) != before {
		t.Errorf("error %v", err)
	}
}

func TestCacheSettings(t *testing.T) {
	e := newEntra(t)
	e.config.Credential = tokensource.Secret(e.app.Secret)
	key := bytes.Repeat([]byte("k"), 32)
	for name, cache := range map[string]tokensource.Cache{
		"no directory":      tokensource.DirCache(""),
		"no cache":          tokensource.Encrypted(nil, key),
		"short key":         tokensource.Encrypted(tokensource.DirCache("x"), key[:31]),
		"long key":          tokensource.Encrypted(tokensource.DirCache("x"), append(key, 0)),
		"no key":            tokensource.Encrypted(tokensource.DirCache("x"), nil),
		"zeros":             tokensource.Encrypted(tokensource.DirCache("x"), make([]byte, 32)),
		"short old key":     tokensource.Encrypted(tokensource.DirCache("x"), key, key[:16]),
		"encrypted nowhere": tokensource.Encrypted(tokensource.DirCache(""), key),
	} {
		t.Run(name, func(t *testing.T) {
			e.config.Cache = cache
			for _, source := range []*tokensource.Source{e.config.ClientCredentials(), e.password(), tokensource.ManagedIdentity(tokensource.ManagedIdentityOptions{Cache: cache})} {
				_, err := source.Token()
				if bad, ok := errors.AsType[*tokensource.ConfigError](err); !ok || bad.Field != "Cache" || bad.Remedy == "" {
					t.Errorf("error %v", err)
				}
			}
			if _, err := cache.Get(t.Context(), entryKey); err == nil {
				t.Error("Get: no error")
			}
			if err := cache.Put(t.Context(), entryKey, nil); err == nil {
				t.Error("Put: no error")
			}
			if err := cache.Delete(t.Context(), entryKey); err == nil {
				t.Error("Delete: no error")
			}
		})
	}
	if n := len(e.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// Each flow with its tokens in files, encrypted too: two runs, one request.
func TestEveryFlowIsStored(t *testing.T) {
	key := bytes.Repeat([]byte("k"), 32)
	for _, encrypted := range []bool{false, true} {
		for name, flow := range map[string]func(*entra, *testing.T) func() *tokensource.Source{
			"authorization code": func(e *entra, _ *testing.T) func() *tokensource.Source { return e.authCode },
			"password":           func(e *entra, _ *testing.T) func() *tokensource.Source { return e.password },
			"refresh token": func(e *entra, t *testing.T) func() *tokensource.Source {
				refresh := e.refreshToken(t)
				return func() *tokensource.Source { return e.config.RefreshToken(refresh) }
			},
			"on behalf of": func(e *entra, _ *testing.T) func() *tokensource.Source {
				e.config.Credential = tokensource.Secret(e.app.Secret)
				assertion := e.app.Token(&exchangetest.TokenOptions{User: e.user, Audience: "api://" + e.app.ClientID})
				return func() *tokensource.Source { return e.config.OnBehalfOf(assertion) }
			},
			"application": func(e *entra, _ *testing.T) func() *tokensource.Source {
				e.config.Credential = tokensource.Secret(e.app.Secret)
				return e.config.ClientCredentials
			},
		} {
			t.Run(fmt.Sprintf("%s, encrypted %t", name, encrypted), func(t *testing.T) {
				e := newEntra(t)
				source := flow(e, t)
				dir := filepath.Join(t.TempDir(), "tokens")
				before := len(e.Requests())
				for range 2 {
					e.config.Cache = tokensource.DirCache(dir)
					if encrypted {
						e.config.Cache = tokensource.Encrypted(e.config.Cache, key)
					}
					if _, err := source().Token(); err != nil {
						t.Fatal(err)
					}
				}
				if n := len(e.Requests()) - before; n != 1 {
					t.Errorf("%d requests", n)
				}
				files, _ := filepath.Glob(filepath.Join(dir, "*.token"))
				if len(files) != 1 {
					t.Fatalf("files: %s", names(t, dir))
				}
				if text, err := os.ReadFile(files[0]); err != nil || bytes.Contains(text, []byte("token")) == encrypted {
					t.Errorf("stored as %q, %v", text, err)
				}
			})
		}
	}
}
