package tokensource_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokensource"
)

// A fullCache has no room while there is a file of that name. It is one of
// those Caches that can put and nothing more.
type fullCache struct {
	tokencache.Cache
	tokencache.Locker
	file string
}

func (c fullCache) Put(ctx context.Context, key string, value []byte) error {
	if _, err := os.Stat(c.file); err == nil {
		return fmt.Errorf("insert: %w", syscall.ENOSPC)
	}
	return c.Cache.Put(ctx, key, value)
}

// cache is that of the task.
func (k *task) cache() tokencache.Cache {
	dir := tokencache.Dir(k.Dir)
	if k.Full == "" {
		return dir
	}
	return fullCache{dir, dir.(tokencache.Locker), k.Full}
}

// A nightly job comes to a full disk, and the next night to one with room. Its
// refresh tokens are good once.
func TestFullDiskDoesNotCostASignIn(t *testing.T) {
	for name, wrap := range map[string]func(tokencache.Cache) tokencache.Cache{
		"": func(c tokencache.Cache) tokencache.Cache { return c },
		"encrypted ": func(c tokencache.Cache) tokencache.Cache {
			return tokencache.Encrypted(c, []byte("0123456789abcdef0123456789abcdef"))
		},
	} {
		t.Run(name+"cache that has only Put", func(t *testing.T) {
			_, todo := tokenTask(t, true)
			todo.Full = filepath.Join(t.TempDir(), "full")
			nights(t, todo, wrap, func() func() {
				if err := os.WriteFile(todo.Full, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				return func() { os.Remove(todo.Full) }
			})
		})
		t.Run(name+"files", func(t *testing.T) {
			disk := smallDisk(t)
			_, todo := tokenTask(t, true)
			todo.Dir = filepath.Join(disk, "tokens")
			if err := os.Mkdir(todo.Dir, 0o700); err != nil {
				t.Fatal(err)
			}
			nights(t, todo, wrap, func() func() { return fill(t, disk) })
		})
	}
}

func nights(t *testing.T, todo *task, wrap func(tokencache.Cache) tokencache.Cache, fill func() (free func())) {
	night := func() error {
		config := todo.config()
		config.Cache = wrap(config.Cache)
		_, err := config.RefreshToken(todo.RefreshToken).TokenContext(t.Context())
		return err
	}
	free := fill()
	if err := night(); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, tokensource.ErrInteractionRequired) {
		t.Errorf("full: %v", err)
	}
	free()
	if err := night(); err != nil {
		t.Errorf("the sign-in is lost: %v", err)
	}
}

// fill takes all the room on a disk.
func fill(t *testing.T, disk string) (free func()) {
	t.Helper()
	f, err := os.Create(filepath.Join(disk, "full"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4<<10); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() { os.Remove(f.Name()) }
}

// Eight processes with refresh tokens that are good once, on a disk that fills
// up again and again: before they ask, as they begin to, and when room has been
// made for an answer that has not come yet. Some get no token while there is no
// room, and all of them have one when there is.
func TestNoSignInIsLostOnADiskThatFillsUp(t *testing.T) {
	const fills = 12
	run := func(t *testing.T, srv *exchangetest.Server, todo *task, fillAt func(round int, begin func()) (free func())) {
		var processes []process
		for range 8 {
			processes = append(processes, todo.start(t))
		}
		begin := func() {
			for _, p := range processes {
				p.Begin()
			}
		}
		begin()
		for _, p := range processes {
			p.want(t)
		}
		without := 0
		for round := range fills {
			expire(t, todo.Dir)
			free := fillAt(round, begin)
			for _, p := range processes {
				if text := p.Answer(t); text != done {
					without++
					if !strings.Contains(text, "no space left on device") {
						t.Fatalf("round %d: %s", round, text)
					}
				}
			}
			free()
			begin()
			for _, p := range processes {
				p.want(t)
			}
		}
		t.Logf("%d answers without a token while the disk was full; %d token requests", without, len(srv.Requests()))
		if without == 0 {
			t.Error("the disk was never full")
		}
	}
	t.Run("files", func(t *testing.T) {
		disk := smallDisk(t)
		srv, todo := tokenTask(t, true)
		todo.Dir = filepath.Join(disk, "tokens")
		if err := os.Mkdir(todo.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
		run(t, srv, todo, func(round int, begin func()) (free func()) {
			switch round % 3 {
			case 0:
				free = fill(t, disk)
				begin()
				return free
			case 1:
				begin()
				return fill(t, disk)
			}
			begin()
			awaitRoom(todo.Dir)
			return fill(t, disk)
		})
	})
	t.Run("cache that has only Put", func(t *testing.T) {
		srv, todo := tokenTask(t, true)
		todo.Full = filepath.Join(t.TempDir(), "full")
		run(t, srv, todo, func(_ int, begin func()) (free func()) {
			if err := os.WriteFile(todo.Full, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			begin()
			return func() { os.Remove(todo.Full) }
		})
	})
}

// awaitRoom waits until a process has made room for its answer, or has it all
// behind it.
func awaitRoom(dir string) {
	entry, _ := filepath.Glob(filepath.Join(dir, "*.token"))
	before, err := os.Stat(entry[0])
	for err == nil {
		if rooms, _ := filepath.Glob(filepath.Join(dir, "*.new")); len(rooms) > 0 {
			return
		}
		if now, err := os.Stat(entry[0]); err != nil || !os.SameFile(before, now) {
			return
		}
	}
}

// What a killed process has left beside an entry may be its refresh token.
func TestSignOutRemovesWhatWasLeft(t *testing.T) {
	srv, app, user := mailClient()
	defer srv.Close()
	refresh := refreshTokenOf(srv, app, user)
	for name, wrap := range map[string]func(tokencache.Cache) tokencache.Cache{
		"": func(c tokencache.Cache) tokencache.Cache { return c },
		"encrypted": func(c tokencache.Cache) tokencache.Cache {
			return tokencache.Encrypted(c, []byte("0123456789abcdef0123456789abcdef"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "tokens")
			cfg := &tokensource.Config{
				Tenant: srv.Tenant().ID, ClientID: app.ClientID, Cloud: srv.Cloud(), HTTPClient: srv.HTTPClient(),
				Cache: wrap(tokencache.Dir(dir)),
			}
			source := cfg.RefreshToken(refresh)
			if _, err := source.TokenContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			entries, _ := filepath.Glob(filepath.Join(dir, "*.token"))
			for _, path := range []string{entries[0], filepath.Join(dir, entryKey+".token")} {
				if err := os.WriteFile(path+".1.new", []byte("PLANTED"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := source.SignOut(t.Context()); err != nil {
				t.Fatal(err)
			}
			left, _ := filepath.Glob(filepath.Join(dir, "*.new"))
			if len(left) != 1 || !strings.HasPrefix(filepath.Base(left[0]), entryKey) {
				t.Errorf("left: %v", left) // somebody else may be writing that one
			}
		})
	}
}
