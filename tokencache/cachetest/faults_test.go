package cachetest_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokencache/cachetest"
)

// A faulty Cache is a good one but for the methods that are set.
type faulty struct {
	tokencache.Cache
	get     func(ctx context.Context, key string) ([]byte, error)
	put     func(ctx context.Context, key string, value []byte) error
	delete  func(ctx context.Context, key string) error
	lock    func(ctx context.Context, key string) (context.Context, func(), error)
	reserve func(ctx context.Context, key string, size int) (func(), error)
	lose    func(key string)
}

func (f *faulty) Lose(key string) {
	if f.lose != nil {
		f.lose(key)
		return
	}
	cachetest.Lose(f.Cache, key)
}

func (f *faulty) Get(ctx context.Context, key string) ([]byte, error) {
	if f.get != nil {
		return f.get(ctx, key)
	}
	return f.Cache.Get(ctx, key)
}

func (f *faulty) Put(ctx context.Context, key string, value []byte) error {
	if f.put != nil {
		return f.put(ctx, key, value)
	}
	return f.Cache.Put(ctx, key, value)
}

func (f *faulty) Delete(ctx context.Context, key string) error {
	if f.delete != nil {
		return f.delete(ctx, key)
	}
	return f.Cache.Delete(ctx, key)
}

func (f *faulty) Lock(ctx context.Context, key string) (context.Context, func(), error) {
	if f.lock != nil {
		return f.lock(ctx, key)
	}
	return f.Cache.(tokencache.Locker).Lock(ctx, key)
}

func (f *faulty) Reserve(ctx context.Context, key string, size int) (func(), error) {
	if f.reserve != nil {
		return f.reserve(ctx, key, size)
	}
	return nil, errors.ErrUnsupported
}

var (
	errFull = errors.New("disk full")
	errBusy = errors.New("busy")
	forever = context.Background()
)

// faults are what may be wrong with a Cache, and the test that must find it.
// A fault changes a Cache that is good, and is in use in one process alone.
var faults = map[string]struct {
	test, says string
	make       func(f *faulty)
}{
	"a value out of nowhere": {"Miss", "want ErrMiss", func(f *faulty) {
		f.get = func(context.Context, string) ([]byte, error) { return nil, nil }
	}},
	"an error of its own where there is none": {"Miss", "no rows; want ErrMiss", func(f *faulty) {
		f.get = func(context.Context, string) ([]byte, error) { return nil, errors.New("no rows") }
	}},
	"Delete of what is not there": {"Miss", "Delete: no rows", func(f *faulty) {
		f.delete = func(context.Context, string) error { return errors.New("no rows") }
	}},
	"an entry is left": {"Miss", "Delete: disk full", func(f *faulty) {
		n := 0
		f.delete = func(ctx context.Context, key string) error {
			if n++; n > 1 {
				return errFull
			}
			return f.Cache.Delete(ctx, key)
		}
	}},

	"Put fails": {"Put", "Put: disk full", func(f *faulty) {
		f.put = func(context.Context, string, []byte) error { return errFull }
	}},
	"Get fails with the value": {"Put", "disk full; want", func(f *faulty) {
		f.get = func(ctx context.Context, key string) ([]byte, error) {
			value, _ := f.Cache.Get(ctx, key)
			return value, errFull
		}
	}},
	perProcess: {"Put", "tokencache: no such entry; want", func(*faulty) {}},
	"the first value stays": {"Put", `want "second"`, func(f *faulty) {
		f.put = func(ctx context.Context, key string, value []byte) error {
			if _, err := f.Cache.Get(ctx, key); err == nil {
				return nil
			}
			return f.Cache.Put(ctx, key, value)
		}
	}},
	"the end of a longer value stays": {"Put", `Get returned "3rdond"`, func(f *faulty) {
		f.put = func(ctx context.Context, key string, value []byte) error {
			old, _ := f.Cache.Get(ctx, key)
			return f.Cache.Put(ctx, key, append(bytes.Clone(value), old[min(len(value), len(old)):]...))
		}
	}},

	"Delete does nothing": {"Delete", "want ErrMiss", func(f *faulty) {
		f.delete = func(context.Context, string) error { return nil }
	}},
	"Delete of a value fails once": {"Delete", "Delete: disk full", failOnce},
	"deleted for good": {"Delete", `want "again"`, func(f *faulty) {
		gone := make(map[string]bool)
		f.delete = func(ctx context.Context, key string) error {
			_, err := f.Cache.Get(ctx, key)
			gone[key] = gone[key] || err == nil
			return f.Cache.Delete(ctx, key)
		}
		f.put = func(ctx context.Context, key string, value []byte) error {
			if gone[key] {
				return nil
			}
			return f.Cache.Put(ctx, key, value)
		}
	}},

	"keys that are cut short": {"Keys", "want ErrMiss", func(f *faulty) {
		f.get = func(ctx context.Context, key string) ([]byte, error) { return f.Cache.Get(ctx, key[:60]) }
		f.put = func(ctx context.Context, key string, value []byte) error { return f.Cache.Put(ctx, key[:60], value) }
		f.delete = func(ctx context.Context, key string) error { return f.Cache.Delete(ctx, key[:60]) }
	}},
	"one entry in all": {"Keys", `want "1"`, func(f *faulty) {
		f.put = func(ctx context.Context, key string, value []byte) error {
			f.Cache = cachetest.Memory()
			return f.Cache.Put(ctx, key, value)
		}
	}},
	"Delete of all": {"Keys", `want "2"`, func(f *faulty) {
		f.delete = func(context.Context, string) error {
			f.Cache = cachetest.Memory()
			return nil
		}
	}},
	"Delete of one of two fails": {"Keys", "disk full", failOnce},

	"the caller's memory is kept": {"Copies", `want "value"`, func(f *faulty) {
		kept := make(map[string][]byte)
		f.get = func(_ context.Context, key string) ([]byte, error) { return bytes.Clone(kept[key]), nil }
		f.put = func(_ context.Context, key string, value []byte) error { kept[key] = value; return nil }
	}},
	"its own memory is given away": {"Copies", `want "value"`, func(f *faulty) {
		kept := make(map[string][]byte)
		f.get = func(_ context.Context, key string) ([]byte, error) { return kept[key], nil }
		f.put = func(_ context.Context, key string, value []byte) error { kept[key] = bytes.Clone(value); return nil }
	}},
	"nothing to copy into": {"Copies", "disk full", func(f *faulty) { f.put = func(context.Context, string, []byte) error { return errFull } }},
	"nothing to copy from": {"Copies", "disk full", func(f *faulty) { f.get = func(context.Context, string) ([]byte, error) { return nil, errFull } }},
	"text in place of data": {"Values", "want", func(f *faulty) {
		f.put = func(ctx context.Context, key string, value []byte) error {
			return f.Cache.Put(ctx, key, bytes.ToValidUTF8(value, []byte("?")))
		}
	}},
	"a column of 64 KiB": {"Values", "want", func(f *faulty) {
		f.put = func(ctx context.Context, key string, value []byte) error {
			return f.Cache.Put(ctx, key, value[:min(len(value), 64<<10)])
		}
	}},

	"half a value": {"Never torn", "Get returned 10000 bytes", func(f *faulty) {
		f.get = func(ctx context.Context, key string) ([]byte, error) {
			value, err := f.Cache.Get(ctx, key)
			return value[:len(value)/2], err
		}
	}},
	"two values in one": {"Never torn", "Get returned 20000 bytes", func(f *faulty) {
		f.get = func(ctx context.Context, key string) ([]byte, error) {
			value, err := f.Cache.Get(ctx, key)
			value[len(value)-1] = 'x'
			return value, err
		}
	}},
	"an error while others write": {"Never torn", "bytes, busy", func(f *faulty) {
		f.get = func(ctx context.Context, key string) ([]byte, error) {
			value, _ := f.Cache.Get(ctx, key)
			return value, errBusy
		}
	}},
	"an error while others read": {"Never torn", "Put: busy", func(f *faulty) {
		f.put = func(ctx context.Context, key string, value []byte) error {
			if value[0] == 'd' {
				return errBusy
			}
			return f.Cache.Put(ctx, key, value)
		}
	}},

	"Put goes on": {"Ended context", "Put: error <nil>", func(f *faulty) {
		f.put = func(_ context.Context, key string, value []byte) error { return f.Cache.Put(forever, key, value) }
	}},
	"Put fails and goes on": {"Ended context", `Get returned "late"`, func(f *faulty) {
		f.put = func(ctx context.Context, key string, value []byte) error {
			return errors.Join(f.Cache.Put(forever, key, value), ctx.Err())
		}
	}},
	"Get goes on": {"Ended context", "Get: error <nil>", func(f *faulty) {
		f.get = func(_ context.Context, key string) ([]byte, error) { return f.Cache.Get(forever, key) }
	}},
	"Delete goes on": {"Ended context", "Delete: error <nil>", func(f *faulty) {
		f.delete = func(ctx context.Context, key string) error {
			if ctx.Err() != nil {
				return nil
			}
			return f.Cache.Delete(ctx, key)
		}
	}},
	"Lock goes on": {"Ended context", "Lock: error <nil>", func(f *faulty) {
		f.lock = func(_ context.Context, key string) (context.Context, func(), error) {
			return f.Cache.(tokencache.Locker).Lock(forever, key)
		}
	}},

	"no lock": {"Lock", "the lock was given twice", func(f *faulty) {
		f.lock = func(ctx context.Context, _ string) (context.Context, func(), error) { return ctx, func() {}, nil }
	}},
	"a lock that is given once": {"Lock", "Lock: context deadline exceeded", func(f *faulty) {
		f.lock = func(ctx context.Context, key string) (context.Context, func(), error) {
			held, _, err := f.Cache.(tokencache.Locker).Lock(ctx, key)
			return held, func() {}, err
		}
	}},
	"a lock that is not waited for": {"Lock", "Lock: error busy, want that of the context", notWaitedFor},
	"one lock for all": {"Lock of another key", "Lock: context deadline exceeded", func(f *faulty) {
		f.lock = func(ctx context.Context, _ string) (context.Context, func(), error) {
			return f.Cache.(tokencache.Locker).Lock(ctx, "")
		}
	}},
	"busy at once": {"Lock is waited for", "Lock did not wait: busy", notWaitedFor},
	"given at once": {"Lock is waited for", "Lock did not wait: <nil>", func(f *faulty) {
		f.lock = func(ctx context.Context, _ string) (context.Context, func(), error) { return ctx, func() {}, nil }
	}},
	"never given again": {"Lock is waited for", "Lock, after it became free: context deadline exceeded", func(f *faulty) {
		f.lock = func(ctx context.Context, key string) (context.Context, func(), error) {
			held, _, err := f.Cache.(tokencache.Locker).Lock(ctx, key)
			return held, func() {}, err
		}
	}},
	"an update is lost": {"Lock excludes", `want "++++`, func(f *faulty) {
		f.put = func(ctx context.Context, key string, value []byte) error {
			if len(value) == 40 {
				return nil
			}
			return f.Cache.Put(ctx, key, value)
		}
	}},
	"Lock fails when it is wanted by many": {"Lock excludes", "Lock: busy", func(f *faulty) {
		var n atomic.Int32
		f.lock = func(ctx context.Context, key string) (context.Context, func(), error) {
			if n.Add(1) == 40 {
				return nil, nil, errBusy
			}
			return f.Cache.(tokencache.Locker).Lock(ctx, key)
		}
	}},
	"Get fails under the lock": {"Lock excludes", "Get: disk full", func(f *faulty) {
		f.get = func(context.Context, string) ([]byte, error) { return nil, errFull }
	}},
	"Put fails under the lock": {"Lock excludes", "Put: disk full", func(f *faulty) {
		f.put = func(ctx context.Context, key string, value []byte) error {
			if len(value) == 40 {
				return errFull
			}
			return f.Cache.Put(ctx, key, value)
		}
	}},
	"waiters who give up have it": {"Lock that is never free", "Lock: context deadline exceeded", func(f *faulty) {
		var taken atomic.Bool
		f.lock = func(ctx context.Context, key string) (context.Context, func(), error) {
			if taken.Load() {
				<-ctx.Done()
				return nil, nil, ctx.Err()
			}
			held, unlock, err := f.Cache.(tokencache.Locker).Lock(ctx, key)
			taken.CompareAndSwap(false, err != nil)
			return held, unlock, err
		}
	}},
	"given to those who wait": {"Lock that is never free", "the lock was given twice", func(f *faulty) {
		f.lock = func(ctx context.Context, _ string) (context.Context, func(), error) { return ctx, func() {}, nil }
	}},

	"held has nothing of Lock's context": {"Held context", "is not derived", func(f *faulty) {
		f.lock = func(ctx context.Context, _ string) (context.Context, func(), error) { return forever, func() {}, nil }
	}},
	"held does not end": {"Held context", "did not end with that of Lock", func(f *faulty) {
		f.lock = func(ctx context.Context, _ string) (context.Context, func(), error) {
			return context.WithoutCancel(ctx), func() {}, nil
		}
	}},
	"Lock fails": {"Held context", "Lock: busy", func(f *faulty) {
		f.lock = func(context.Context, string) (context.Context, func(), error) { return nil, nil, errBusy }
	}},
	"Put fails with held": {"Held context", "Put: busy", func(f *faulty) {
		f.put = func(ctx context.Context, key string, value []byte) error {
			if ctx.Done() != nil {
				return errBusy
			}
			return f.Cache.Put(ctx, key, value)
		}
	}},
	"Put fails without cancellation": {"Held context", "Put without cancellation: busy", func(f *faulty) {
		f.put = func(ctx context.Context, key string, value []byte) error {
			if ctx.Done() == nil {
				return errBusy
			}
			return f.Cache.Put(ctx, key, value)
		}
	}},
	"Get fails with held": {"Held context", `Get returned "value", busy`, func(f *faulty) {
		f.get = func(ctx context.Context, key string) ([]byte, error) {
			value, _ := f.Cache.Get(ctx, key)
			return value, errBusy
		}
	}},
	"Get with held sees the past": {"Held context", `Get returned "past", <nil>`, func(f *faulty) {
		f.get = func(context.Context, string) ([]byte, error) { return []byte("past"), nil }
	}},
	"Delete fails with held": {"Held context", "Delete: busy", func(f *faulty) {
		f.delete = func(ctx context.Context, key string) error {
			if ctx.Done() != nil {
				return errBusy
			}
			return f.Cache.Delete(ctx, key)
		}
	}},

	"the holder is not told": {"Lost lock ends its context", "did not end with the lock", func(f *faulty) {
		f.lock = func(ctx context.Context, key string) (context.Context, func(), error) {
			held, unlock, err := f.Cache.(tokencache.Locker).Lock(ctx, key)
			return context.WithoutCancel(held), unlock, err
		}
	}},
	"the holder is not told why": {"Lost lock ends its context", "the cause is context canceled", func(f *faulty) {
		f.lock = func(ctx context.Context, key string) (context.Context, func(), error) {
			held, unlock, err := f.Cache.(tokencache.Locker).Lock(ctx, key)
			own, end := context.WithCancel(context.WithoutCancel(held))
			context.AfterFunc(held, end)
			return own, unlock, err
		}
	}},
	"a loss stops only those who ask": {"Lost lock ends its context", "Put succeeded without the lock", checksCancellation},
	"no Put under the lock":           {"Lost lock ends its context", "Put: disk full", failsUnderLock},
	"no Lock to lose": {"Lost lock ends its context", "Lock: busy", func(f *faulty) {
		f.lock = func(context.Context, string) (context.Context, func(), error) { return nil, nil, errBusy }
	}},
	"a loss loses the value": {"Lost lock ends its context", `want "held"`, func(f *faulty) {
		f.lose = func(key string) {
			f.Cache.Delete(forever, key)
			cachetest.Lose(f.Cache, key)
		}
	}},
	"Lose does nothing":            {"Lost lock is free", "Lock: context deadline exceeded", func(f *faulty) { f.lose = func(string) {} }},
	"the next holder cannot write": {"Lost lock is free", "Put: disk full", failsUnderLock},
	"a stale Put wins": {"Stale Put", `Get returned "stale"`, func(f *faulty) {
		f.put = func(ctx context.Context, key string, value []byte) error {
			if ctx.Done() == nil { // without cancellation
				ctx = forever
			}
			return f.Cache.Put(ctx, key, value)
		}
	}},
	"a stale Put loses in silence": {"Stale Put", "Put succeeded without the lock", func(f *faulty) {
		f.put = func(ctx context.Context, key string, value []byte) error {
			if err := f.Cache.Put(ctx, key, value); err != nil && ctx.Done() != nil {
				return err
			}
			return nil
		}
	}},
	"the robber cannot write": {"Stale Put", "Put: disk full", failsUnderLock},
	"a stale Delete wins": {"Stale Delete", "Get returned \"\"", func(f *faulty) {
		f.delete = func(ctx context.Context, key string) error {
			if ctx.Done() == nil {
				ctx = forever
			}
			return f.Cache.Delete(ctx, key)
		}
	}},
	"a stale Delete loses in silence": {"Stale Delete", "Delete succeeded without the lock", func(f *faulty) {
		f.delete = func(ctx context.Context, key string) error {
			if err := f.Cache.Delete(ctx, key); err != nil && ctx.Done() != nil {
				return err
			}
			return nil
		}
	}},
	"anybody can unlock": {"Stale unlock", "the lock was given twice", func(f *faulty) {
		f.lock = func(ctx context.Context, key string) (context.Context, func(), error) {
			held, _, err := f.Cache.(tokencache.Locker).Lock(ctx, key)
			return held, func() { cachetest.Lose(f.Cache, key) }, err
		}
	}},
	"a lease that is not renewed": {"Lock is kept", "was given to another one after its time", expires},
	"it is told of the end alone": {"Lock is kept", "Put, after the time of the lease", expires},

	"Reserve fails": {"Reserve", "Reserve: disk full", func(f *faulty) {
		f.reserve = func(context.Context, string, int) (func(), error) { return nil, errFull }
	}},
	"Reserve overwrites": {"Reserve", `want "old"`, func(f *faulty) {
		f.reserve = func(ctx context.Context, key string, size int) (func(), error) {
			old, _ := f.Cache.Get(ctx, key)
			return func() { f.Cache.Put(ctx, key, old) }, f.Cache.Put(ctx, key, make([]byte, size))
		}
	}},
	"the value is not put into the room": {"Reserve", `want "new"`, func(f *faulty) {
		reserved := false
		f.reserve = func(context.Context, string, int) (func(), error) {
			reserved = true
			return func() { reserved = false }, nil
		}
		f.put = func(ctx context.Context, key string, value []byte) error {
			if reserved {
				return nil
			}
			return f.Cache.Put(ctx, key, value)
		}
	}},
	"release takes the place of the value": {"Reserve", `want "old"`, func(f *faulty) {
		released := false
		f.reserve = func(context.Context, string, int) (func(), error) { return func() { released = true }, nil }
		f.put = func(ctx context.Context, key string, value []byte) error {
			if released {
				return nil
			}
			return f.Cache.Put(ctx, key, value)
		}
	}},
	"room under no lock": {"Reserve", "Lock: busy", func(f *faulty) {
		f.lock = func(context.Context, string) (context.Context, func(), error) { return nil, nil, errBusy }
	}},
}

// failOnce makes the first Delete of a value fail that is there.
func failOnce(f *faulty) {
	failed := false
	f.delete = func(ctx context.Context, key string) error {
		_, err := f.Cache.Get(ctx, key)
		err = errors.Join(f.Cache.Delete(ctx, key), map[bool]error{true: errFull}[err == nil && !failed])
		failed = failed || err != nil
		return err
	}
}

// checksCancellation makes Put and Delete of a stale holder succeed that do not
// mind cancellation.
func checksCancellation(f *faulty) {
	f.put = func(ctx context.Context, key string, value []byte) error { return ctx.Err() }
	f.delete = func(ctx context.Context, key string) error {
		if ctx.Done() != nil {
			return f.Cache.Delete(ctx, key)
		}
		return ctx.Err()
	}
}

// failsUnderLock makes Put fail for all who have the lock.
func failsUnderLock(f *faulty) {
	f.put = func(context.Context, string, []byte) error { return errFull }
}

// expires makes a lock end by itself.
func expires(f *faulty) {
	f.lock = func(ctx context.Context, key string) (context.Context, func(), error) {
		held, unlock, err := f.Cache.(tokencache.Locker).Lock(ctx, key)
		if err == nil {
			time.AfterFunc(50*time.Millisecond, func() { cachetest.Lose(f.Cache, key) })
		}
		return held, unlock, err
	}
}

// notWaitedFor makes Lock fail where it has to wait.
func notWaitedFor(f *faulty) {
	var mu sync.Mutex
	f.lock = func(ctx context.Context, _ string) (context.Context, func(), error) {
		if !mu.TryLock() {
			return nil, nil, errBusy
		}
		return ctx, mu.Unlock, nil
	}
}

// perProcess is the fault of a Cache that each process has for itself.
const perProcess = "a storage of its own"

const faultVariable = "EXOAUTH_CACHE_FAULT"

// Each fault is found, by the test that is for it. The Cache that has it is
// tested in another process, whose tests may fail.
func TestFaultsAreFound(t *testing.T) {
	if name := os.Getenv(faultVariable); name != "" {
		f := &faulty{Cache: cachetest.Memory()}
		if fault, ok := faults[name]; ok {
			cachetest.SetPatience(time.Second)
			fault.make(f)
		}
		open := func() tokencache.Cache {
			if name == perProcess {
				return cachetest.Memory()
			}
			return f
		}
		cachetest.RunLeased(t, open, cachetest.Lease{Time: 50 * time.Millisecond, Lose: f.Lose})
		return
	}
	run := func(name, test string) (string, error) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFaultsAreFound$/^"+strings.ReplaceAll(test, " ", "_")+"$", "-test.timeout=20s")
		cmd.Env = append(os.Environ(), faultVariable+"="+name)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("none", ".*"); err != nil {
		t.Errorf("none: %v\n%s", err, out)
	}
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fault := faults[name]
			out, err := run(name, fault.test)
			if failed := "--- FAIL: TestFaultsAreFound/" + strings.ReplaceAll(fault.test, " ", "_"); err == nil || !strings.Contains(out, failed) || !strings.Contains(out, fault.says) || strings.Contains(out, "panic:") {
				t.Errorf("%v; want %s to say %q:\n%s", err, fault.test, fault.says, out)
			}
		})
	}
}

// A Cache need have no locks, and cannot reserve if it does not say so.
func TestPlainCache(t *testing.T) {
	c := cachetest.Memory()
	cachetest.Run(t, func() tokencache.Cache { return struct{ tokencache.Cache }{c} })
}
