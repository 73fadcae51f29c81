package tokencache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
)

var hungKey = strings.Repeat("0123456789abcdef", 4)

// hungDir returns a Dir with an entry, on a disk that hangs from hang on,
// after some operations.
func hungDir(t *testing.T) (c *dirCache, hang func(after int32) (hung <-chan struct{}, mend func())) {
	c = Dir(filepath.Join(t.TempDir(), "tokens")).(*dirCache)
	if err := c.Put(t.Context(), hungKey, []byte("old")); err != nil {
		t.Fatal(err)
	}
	return c, func(after int32) (<-chan struct{}, func()) {
		hung, gate := make(chan struct{}, 100), make(chan struct{})
		var n atomic.Int32
		c.hang = func() {
			if n.Add(1) > after {
				hung <- struct{}{}
				<-gate
			}
		}
		return hung, func() {
			close(gate)
			for len(c.disk) > 0 { // until all is over that went on alone
				runtime.Gosched()
			}
		}
	}
}

func dirNames(t *testing.T, dir string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		names = append(names, strings.TrimPrefix(file.Name(), hungKey))
	}
	return names
}

// On a disk that hangs each call returns when its context ends, and when the
// disk is back, nothing of it is left.
func TestDirOnADiskThatHangs(t *testing.T) {
	for name, call := range map[string]func(context.Context, *dirCache) error{
		"Get": func(ctx context.Context, c *dirCache) error { _, err := c.Get(ctx, hungKey); return err },
		"Put": func(ctx context.Context, c *dirCache) error { return c.Put(ctx, hungKey, []byte("new")) },
		"Put into its room": func(ctx context.Context, c *dirCache) error {
			return c.Put(ctx, hungKey, []byte("new"))
		},
		"Delete":            func(ctx context.Context, c *dirCache) error { return c.Delete(ctx, hungKey) },
		"Lock":              func(ctx context.Context, c *dirCache) error { _, _, err := c.Lock(ctx, hungKey); return err },
		"Lock, at its file": func(ctx context.Context, c *dirCache) error { _, _, err := c.Lock(ctx, hungKey); return err },
		"reserve":           func(ctx context.Context, c *dirCache) error { _, err := c.Reserve(ctx, hungKey, 1<<10); return err },
	} {
		t.Run(name, func(t *testing.T) {
			c, hang := hungDir(t)
			if name == "Put into its room" {
				if _, err := c.Reserve(t.Context(), hungKey, 1<<10); err != nil {
					t.Fatal(err)
				}
			}
			after := int32(0)
			if name == "Lock, at its file" {
				after = 1
			}
			hung, mend := hang(after)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			result := make(chan error, 1)
			go func() { result <- call(ctx, c) }()
			<-hung
			cancel()
			select {
			case err := <-result:
				if err != context.Canceled {
					t.Errorf("error %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("hangs")
			}
			mend()
			if name == "Delete" {
				return // it was deleted late, or not
			}
			got := slices.DeleteFunc(dirNames(t, c.dir), func(name string) bool { return name == ".lock" })
			if !slices.Equal(got, []string{".token"}) {
				t.Errorf("files: %v", got)
			}
			if value, err := c.Get(t.Context(), hungKey); string(value) != "old" {
				t.Errorf("%q, %v", value, err)
			}
			_, unlock, err := c.Lock(t.Context(), hungKey)
			if err != nil {
				t.Fatal(err)
			}
			unlock()
		})
	}
}

// The lock goes on as long as what its holder has begun: another process would
// find what is written in the end in the place of its own.
func TestDirIsLockedWhileItHangs(t *testing.T) {
	c, hang := hungDir(t)
	_, unlock, err := c.Lock(t.Context(), hungKey)
	if err != nil {
		t.Fatal(err)
	}
	hung, mend := hang(0)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- c.Put(ctx, hungKey, []byte("late")) }()
	<-hung
	cancel()
	<-result
	unlock()
	other := Dir(c.dir).(Locker)
	short, stop := context.WithTimeout(t.Context(), 5*lockPoll)
	defer stop()
	if _, _, err := other.Lock(short, hungKey); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	mend()
	_, again, err := other.Lock(t.Context(), hungKey)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// Callers that come again and again to a disk that hangs do not pile up
// threads.
func TestDirDoesNotPileUp(t *testing.T) {
	c, hang := hungDir(t)
	hung, mend := hang(0)
	for range 2 * cap(ctxerr.NewCalls()) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		if _, err := c.Get(ctx, hungKey); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		cancel()
	}
	mend()
	if n := len(hung); n > cap(ctxerr.NewCalls()) {
		t.Errorf("%d at a time", n)
	}
}

// The value takes the place of the room that was made for it, whatever its
// length.
func TestDirPutsIntoTheRoom(t *testing.T) {
	for name, size := range map[string]int{"shorter": 999, "as long": 1000, "longer": 5000} {
		t.Run(name, func(t *testing.T) {
			c, _ := hungDir(t)
			release, err := c.Reserve(t.Context(), hungKey, 1000)
			if err != nil {
				t.Fatal(err)
			}
			before, err := os.Stat(c.rooms[hungKey])
			if err != nil || before.Size() != 1000 {
				t.Fatal(before, err)
			}
			// Or the number of the file would be free for another one.
			if err := os.Link(c.rooms[hungKey], filepath.Join(t.TempDir(), "room")); err != nil {
				t.Skip(err)
			}
			value := strings.Repeat("v", size)
			if err := c.Put(t.Context(), hungKey, []byte(value)); err != nil {
				t.Fatal(err)
			}
			release()
			if len(c.rooms) > 0 {
				t.Errorf("kept: %v", c.rooms)
			}
			after, err := os.Stat(filepath.Join(c.dir, hungKey+".token"))
			if err != nil || !os.SameFile(before, after) {
				t.Errorf("another file: %v", err)
			}
			if got, err := c.Get(t.Context(), hungKey); string(got) != value {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if got := dirNames(t, c.dir); !slices.Equal(got, []string{".token"}) {
				t.Errorf("files: %v", got)
			}
		})
	}
	t.Run("not used", func(t *testing.T) {
		c, _ := hungDir(t)
		release, err := c.Reserve(t.Context(), hungKey, 1000)
		if err != nil {
			t.Fatal(err)
		}
		release()
		if got := dirNames(t, c.dir); !slices.Equal(got, []string{".token"}) {
			t.Errorf("files: %v", got)
		}
	})
}
