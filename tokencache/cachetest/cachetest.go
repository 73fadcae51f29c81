// Package cachetest tests implementations of [tokencache.Cache].
//
//	func TestCache(t *testing.T) {
//		dir := t.TempDir()
//		cachetest.Run(t, func() tokencache.Cache { return tokencache.Dir(dir) })
//	}
//
// Call [RunLeased] if the locks of the Cache can be lost while they are held.
package cachetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exoauth/exoauth/tokencache"
)

// blocked is how long a Lock is given that must not succeed.
const blocked = 50 * time.Millisecond

// patience bounds what must happen soon. The tests of this package change it.
var patience = 10 * time.Second

// Run tests a Cache, and its locks if it is a [tokencache.Locker]. Each call of
// open must return the Cache as another process would open it, on the same
// storage. Run leaves no entries in it.
//
// Run has one subtest for each rule of Cache, Locker and Reserver. It calls
// open more than once, and the subtests use the caches that open returns at the
// same time. A subtest waits ten seconds at most.
func Run(t *testing.T, open func() tokencache.Cache) {
	run(t, open, rules(open))
}

// rules are the tests of a Cache, by what it can do.
func rules(open func() tokencache.Cache) map[string]func(*testing.T, func() tokencache.Cache) {
	tests := map[string]func(*testing.T, func() tokencache.Cache){
		"Miss":          miss,
		"Put":           put,
		"Delete":        remove,
		"Keys":          keys,
		"Copies":        copies,
		"Values":        values,
		"Never torn":    neverTorn,
		"Ended context": endedContext,
	}
	if _, ok := open().(tokencache.Locker); ok {
		tests["Lock"] = lock
		tests["Lock of another key"] = lockOfAnotherKey
		tests["Lock is waited for"] = lockIsWaitedFor
		tests["Lock excludes"] = lockExcludes
		tests["Lock that is never free"] = lockNeverFree
		tests["Held context"] = heldContext
	}
	if _, ok := open().(tokencache.Reserver); ok {
		tests["Reserve"] = reserve
	}
	return tests
}

func run(t *testing.T, open func() tokencache.Cache, tests map[string]func(*testing.T, func() tokencache.Cache)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

// key returns a key like those of a Source, and deletes its entry in the end.
func key(t *testing.T, open func() tokencache.Cache, n int) string {
	t.Helper()
	key := fmt.Sprintf("%x%062x", 0xca, n)
	clear := func() {
		if err := open().Delete(context.Background(), key); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	clear()
	t.Cleanup(clear)
	return key
}

// mustPut stores a value, or ends the test.
func mustPut(t *testing.T, c tokencache.Cache, key, value string) {
	t.Helper()
	if err := c.Put(t.Context(), key, []byte(value)); err != nil {
		t.Fatalf("Put: %v", err)
	}
}

// want checks the value of a key.
func want(t *testing.T, c tokencache.Cache, key, value string) {
	t.Helper()
	if got, err := c.Get(t.Context(), key); err != nil || string(got) != value {
		t.Errorf("Get returned %q, %v; want %q", head(got), err, head(value))
	}
}

// wantMiss checks that a key has no value.
func wantMiss(t *testing.T, c tokencache.Cache, key string) {
	t.Helper()
	if got, err := c.Get(t.Context(), key); !errors.Is(err, tokencache.ErrMiss) {
		t.Errorf("Get returned %q, %v; want ErrMiss", head(got), err)
	}
}

// head returns the part of a value that an error shows.
func head[T ~string | ~[]byte](s T) T { return s[:min(len(s), 64)] }

// miss tests that Get says ErrMiss of a key without a value.
func miss(t *testing.T, open func() tokencache.Cache) {
	wantMiss(t, open(), key(t, open, 1))
}

// put tests that a value takes the place of the one before it, in this process
// and in another one.
func put(t *testing.T, open func() tokencache.Cache) {
	k := key(t, open, 1)
	c := open()
	mustPut(t, c, k, "first")
	want(t, c, k, "first")
	want(t, open(), k, "first")
	mustPut(t, open(), k, "second")
	want(t, c, k, "second")
	mustPut(t, c, k, "3rd") // shorter
	want(t, open(), k, "3rd")
}

// remove tests that Delete removes a value, and that there may be none.
func remove(t *testing.T, open func() tokencache.Cache) {
	k := key(t, open, 1)
	c := open()
	mustPut(t, c, k, "value")
	for _, c := range []tokencache.Cache{c, open()} { // the second time there is none
		if err := c.Delete(t.Context(), k); err != nil {
			t.Errorf("Delete: %v", err)
		}
		wantMiss(t, c, k)
	}
	mustPut(t, c, k, "again")
	want(t, c, k, "again")
}

// keys tests that each key has a value of its own.
func keys(t *testing.T, open func() tokencache.Cache) {
	c, first, second := open(), key(t, open, 1), key(t, open, 2)
	mustPut(t, c, first, "1")
	wantMiss(t, c, second)
	mustPut(t, c, second, "2")
	want(t, c, first, "1")
	if err := c.Delete(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	want(t, c, second, "2")
}

// copies tests that the Cache and its caller share no memory.
func copies(t *testing.T, open func() tokencache.Cache) {
	c, k := open(), key(t, open, 1)
	value := []byte("value")
	if err := c.Put(t.Context(), k, value); err != nil {
		t.Fatal(err)
	}
	clear(value)
	got, err := c.Get(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	clear(got)
	want(t, c, k, "value")
}

// values tests that any octets come back, up to half a MiB.
func values(t *testing.T, open func() tokencache.Cache) {
	c, k := open(), key(t, open, 1)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, value := range []string{string(all), "line\nend\r\n", strings.Repeat("x", 64<<10), strings.Repeat("é", 256<<10), "short"} {
		mustPut(t, c, k, value)
		want(t, open(), k, value)
	}
}

// neverTorn tests that a value is read whole while others write.
func neverTorn(t *testing.T, open func() tokencache.Cache) {
	k := key(t, open, 1)
	mustPut(t, open(), k, strings.Repeat("a", 20_000))
	var writers sync.WaitGroup
	done := make(chan struct{})
	for _, letter := range "abcd" {
		c, value := open(), bytes.Repeat([]byte{byte(letter)}, 20_000)
		writers.Go(func() {
			for range 25 {
				if err := c.Put(t.Context(), k, value); err != nil {
					t.Errorf("Put: %v", err)
				}
			}
		})
	}
	go func() {
		writers.Wait()
		close(done)
	}()
	for c := open(); ; {
		got, err := c.Get(t.Context(), k)
		if err != nil || len(got) != 20_000 || bytes.Count(got, got[:1]) != len(got) {
			t.Errorf("Get returned %d bytes, %v", len(got), err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// endedContext tests that each method returns the error of a context that has
// ended, and changes nothing.
func endedContext(t *testing.T, open func() tokencache.Cache) {
	c, k := open(), key(t, open, 1)
	mustPut(t, c, k, "value")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Put(ctx, k, []byte("late")); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: error %v, want that of the context", err)
	}
	if _, err := c.Get(ctx, k); !errors.Is(err, context.Canceled) {
		t.Errorf("Get: error %v, want that of the context", err)
	}
	if err := c.Delete(ctx, k); !errors.Is(err, context.Canceled) {
		t.Errorf("Delete: error %v, want that of the context", err)
	}
	if l, ok := c.(tokencache.Locker); ok {
		if _, _, err := l.Lock(ctx, k); !errors.Is(err, context.Canceled) {
			t.Errorf("Lock: error %v, want that of the context", err)
		}
	}
	want(t, c, k, "value")
}

// mustLock takes a lock that is free, or ends the test.
func mustLock(t *testing.T, c tokencache.Cache, key string) (held context.Context, unlock func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	held, unlock, err := c.(tokencache.Locker).Lock(ctx, key)
	if err != nil {
		t.Fatalf("Lock: %v", err)
	}
	return held, unlock
}

// wantLocked checks that a lock is not free.
func wantLocked(t *testing.T, c tokencache.Cache, key string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), blocked)
	defer cancel()
	if _, unlock, err := c.(tokencache.Locker).Lock(ctx, key); err == nil {
		unlock()
		t.Error("the lock was given twice")
	} else if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Lock: error %v, want that of the context", err)
	}
}

// lock tests that one process at a time has the lock, the same one included.
func lock(t *testing.T, open func() tokencache.Cache) {
	c, other, k := open(), open(), key(t, open, 1)
	for range 2 {
		_, unlock := mustLock(t, c, k)
		wantLocked(t, other, k)
		wantLocked(t, c, k)
		unlock()
		_, unlock = mustLock(t, other, k)
		wantLocked(t, c, k)
		unlock()
	}
}

// lockOfAnotherKey tests that the locks of two keys are two locks.
func lockOfAnotherKey(t *testing.T, open func() tokencache.Cache) {
	first, second := key(t, open, 1), key(t, open, 2)
	_, unlock := mustLock(t, open(), first)
	defer unlock()
	_, unlock = mustLock(t, open(), second)
	unlock()
}

// lockIsWaitedFor tests that Lock waits for the holder, and no longer.
func lockIsWaitedFor(t *testing.T, open func() tokencache.Cache) {
	k := key(t, open, 1)
	_, unlock := mustLock(t, open(), k)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	next := make(chan error, 1)
	other := open()
	go func() {
		_, unlock, err := other.(tokencache.Locker).Lock(ctx, k)
		if err == nil {
			unlock()
		}
		next <- err
	}()
	select {
	case err := <-next:
		t.Errorf("Lock did not wait: %v", err)
		unlock()
		return
	case <-time.After(blocked):
	}
	unlock()
	if err := <-next; err != nil {
		t.Errorf("Lock, after it became free: %v", err)
	}
}

// lockExcludes counts in a value of the Cache: an increment is lost if two
// holders have the lock at a time.
func lockExcludes(t *testing.T, open func() tokencache.Cache) {
	const processes, times = 4, 10
	k := key(t, open, 1)
	mustPut(t, open(), k, "")
	var all sync.WaitGroup
	for range processes {
		c := open()
		all.Go(func() {
			for range times {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				if err := increment(ctx, c, k); err != nil {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	all.Wait()
	want(t, open(), k, strings.Repeat("+", processes*times))
}

// increment makes a value one longer under its lock.
func increment(ctx context.Context, c tokencache.Cache, key string) error {
	held, unlock, err := c.(tokencache.Locker).Lock(ctx, key)
	if err != nil {
		return fmt.Errorf("Lock: %w", err)
	}
	defer unlock()
	value, err := c.Get(held, key)
	if err != nil && !errors.Is(err, tokencache.ErrMiss) { // an empty value may count as none
		return fmt.Errorf("Get: %w", err)
	}
	if err := c.Put(held, key, append(value, '+')); err != nil {
		return fmt.Errorf("Put: %w", err)
	}
	return nil
}

// lockNeverFree tests that waiters who give up leave nothing behind.
func lockNeverFree(t *testing.T, open func() tokencache.Cache) {
	k := key(t, open, 1)
	_, unlock := mustLock(t, open(), k)
	var waiters sync.WaitGroup
	for range 4 {
		waiters.Go(func() { wantLocked(t, open(), k) })
	}
	waiters.Wait()
	unlock()
	_, unlock = mustLock(t, open(), k)
	unlock()
}

type heldKey struct{}

// heldContext tests that the context of a holder is derived from that of its
// Lock, that it is good for all methods, and that it outlives them.
func heldContext(t *testing.T, open func() tokencache.Cache) {
	c, k := open(), key(t, open, 1)
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), heldKey{}, "value"))
	defer cancel()
	held, unlock, err := c.(tokencache.Locker).Lock(ctx, k)
	if err != nil {
		t.Fatalf("Lock: %v", err)
	}
	defer unlock()
	if held.Value(heldKey{}) != "value" {
		t.Error("the context of the holder is not derived from that of Lock")
	}
	if err := c.Put(held, k, []byte("value")); err != nil {
		t.Errorf("Put: %v", err)
	}
	if got, err := c.Get(held, k); err != nil || string(got) != "value" {
		t.Errorf("Get returned %q, %v", got, err)
	}
	if err := c.Put(context.WithoutCancel(held), k, []byte("after the caller has left")); err != nil {
		t.Errorf("Put without cancellation: %v", err)
	}
	if err := c.Delete(held, k); err != nil {
		t.Errorf("Delete: %v", err)
	}
	cancel()
	select {
	case <-held.Done():
	case <-time.After(patience):
		t.Error("the context of the holder did not end with that of Lock")
	}
}

// reserve tests that a reservation changes no value, and that Put works with it
// and after it.
func reserve(t *testing.T, open func() tokencache.Cache) {
	c, k := open(), key(t, open, 1)
	held := t.Context()
	if _, ok := c.(tokencache.Locker); ok {
		var unlock func()
		held, unlock = mustLock(t, c, k)
		defer unlock()
	}
	mustPut(t, c, k, "old")
	for _, value := range []string{"new", ""} { // with a Put, and without
		release, err := c.(tokencache.Reserver).Reserve(held, k, 8<<10)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip("this Cache cannot reserve")
		}
		if err != nil {
			t.Fatalf("Reserve: %v", err)
		}
		want(t, c, k, "old")
		if value != "" {
			mustPut(t, c, k, value)
			want(t, c, k, value)
		}
		release()
		mustPut(t, c, k, "old")
		want(t, open(), k, "old")
	}
}
