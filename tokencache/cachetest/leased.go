package cachetest

import (
	"context"
	"testing"
	"time"

	"github.com/exoauth/exoauth/tokencache"
)

// A Lease says how the locks of a [tokencache.Locker] are lost.
type Lease struct {
	// Time is how long the lock of a holder that has died is not free. A
	// holder that lives is tested to keep it for three times as long. Zero
	// means that the lock becomes free at once.
	Time time.Duration

	// Lose makes the holder of a key's lock lose it without being told: it
	// ends the lease, or the connection, where the locks are kept. When it
	// returns, others can get the lock.
	Lose func(key string)
}

// RunLeased is [Run] for a [tokencache.Locker] whose locks can be lost while
// they are held. It also tests what Locker says of that.
func RunLeased(t *testing.T, open func() tokencache.Cache, lease Lease) {
	tests := rules(open)
	for name, test := range map[string]func(*testing.T, func() tokencache.Cache, Lease){
		"Lost lock ends its context": lostLockEnds,
		"Lost lock is free":          lostLockIsFree,
		"Stale Put":                  stalePut,
		"Stale Delete":               staleDelete,
		"Stale unlock":               staleUnlock,
		"Lock is kept":               lockIsKept,
	} {
		tests[name] = func(t *testing.T, open func() tokencache.Cache) { test(t, open, lease) }
	}
	run(t, open, tests)
}

// lostLockEnds tests that a holder learns of its loss, and cannot write any
// more even if nobody else has the lock.
func lostLockEnds(t *testing.T, open func() tokencache.Cache, lease Lease) {
	c, k := open(), key(t, open, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	held, unlock, err := c.(tokencache.Locker).Lock(ctx, k)
	if err != nil {
		t.Fatalf("Lock: %v", err)
	}
	defer unlock()
	if err := c.Put(held, k, []byte("held")); err != nil {
		t.Errorf("Put: %v", err)
	}
	lease.Lose(k)
	select {
	case <-held.Done():
	case <-time.After(patience):
		t.Fatal("the context of the holder did not end with the lock")
	}
	if cause := context.Cause(held); cause == nil || cause == held.Err() {
		t.Errorf("the cause is %v; want the reason of the loss", cause)
	}
	wantStale(t, c, held, k)
	want(t, open(), k, "held")
}

// wantStale checks that a context is of no use to write with.
func wantStale(t *testing.T, c tokencache.Cache, held context.Context, key string) {
	t.Helper()
	for _, ctx := range []context.Context{held, context.WithoutCancel(held)} {
		if c.Put(ctx, key, []byte("stale")) == nil {
			t.Error("Put succeeded without the lock")
		}
		if c.Delete(ctx, key) == nil {
			t.Error("Delete succeeded without the lock")
		}
	}
}

// lostLockIsFree tests that a lock can be had again, by the one that has lost
// it, too.
func lostLockIsFree(t *testing.T, open func() tokencache.Cache, lease Lease) {
	c, k := open(), key(t, open, 1)
	for _, next := range []tokencache.Cache{open(), c} {
		_, unlock := mustLock(t, c, k)
		lease.Lose(k)
		held, unlockNext := mustLock(t, next, k)
		if err := next.Put(held, k, []byte("next")); err != nil {
			t.Errorf("Put: %v", err)
		}
		unlockNext()
		unlock()
	}
}

// stolen returns the context of a holder who has lost the lock to another one,
// who has stored a value, and may not know it yet.
func stolen(t *testing.T, open func() tokencache.Cache, lease Lease, k string) (c tokencache.Cache, held context.Context, unlock func()) {
	t.Helper()
	c = open()
	held, unlock = mustLock(t, c, k)
	lease.Lose(k)
	other := open()
	others, unlockOther := mustLock(t, other, k)
	t.Cleanup(unlockOther)
	if err := other.Put(others, k, []byte("new")); err != nil {
		t.Fatalf("Put: %v", err)
	}
	return c, held, unlock
}

// stalePut tests that a holder without the lock replaces nothing.
func stalePut(t *testing.T, open func() tokencache.Cache, lease Lease) {
	k := key(t, open, 1)
	c, held, unlock := stolen(t, open, lease, k)
	defer unlock()
	for _, ctx := range []context.Context{context.WithoutCancel(held), held} {
		if c.Put(ctx, k, []byte("stale")) == nil {
			t.Error("Put succeeded without the lock")
		}
		want(t, open(), k, "new")
	}
}

// staleDelete tests that a holder without the lock removes nothing.
func staleDelete(t *testing.T, open func() tokencache.Cache, lease Lease) {
	k := key(t, open, 1)
	c, held, unlock := stolen(t, open, lease, k)
	defer unlock()
	for _, ctx := range []context.Context{context.WithoutCancel(held), held} {
		if c.Delete(ctx, k) == nil {
			t.Error("Delete succeeded without the lock")
		}
		want(t, open(), k, "new")
	}
}

// staleUnlock tests that a holder without the lock does not free it.
func staleUnlock(t *testing.T, open func() tokencache.Cache, lease Lease) {
	k := key(t, open, 1)
	_, _, unlock := stolen(t, open, lease, k)
	unlock()
	wantLocked(t, open(), k)
}

// lockIsKept tests that a holder who lives keeps the lock beyond its lease.
func lockIsKept(t *testing.T, open func() tokencache.Cache, lease Lease) {
	c, k := open(), key(t, open, 1)
	held, unlock := mustLock(t, c, k)
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 3*lease.Time)
	defer cancel()
	if _, unlock, err := open().(tokencache.Locker).Lock(ctx, k); err == nil {
		unlock()
		t.Error("the lock was given to another one after its time")
	}
	if err := c.Put(held, k, []byte("long")); err != nil {
		t.Errorf("Put, after the time of the lease: %v", err)
	}
}
