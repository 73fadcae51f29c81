package rediscache_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/internal/engines"
	"github.com/exoauth/exoauth/tokencache"
	"github.com/exoauth/exoauth/tokencache/cachetest"
	"github.com/exoauth/exoauth/tokencache/rediscache"
	"github.com/redis/go-redis/v9"
)

const entryKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// dial returns a client of Redis.
func dial(t *testing.T, options redis.Options) *redis.Client {
	client := redis.NewClient(&options)
	t.Cleanup(func() { client.Close() })
	return client
}

// leased returns a Cache whose locks are leased for so long.
func leased(client redis.UniversalClient, prefix string, lease time.Duration) tokencache.Cache {
	c := rediscache.New(client, prefix)
	rediscache.SetLease(c, lease)
	return c
}

func TestCache(t *testing.T) {
	const lease = 2 * time.Second
	srv := engines.Redis(t)
	admin := dial(t, redis.Options{Addr: srv.Addr})
	for name, wrap := range map[string]func(tokencache.Cache) tokencache.Cache{
		"plain": func(c tokencache.Cache) tokencache.Cache { return c },
		"encrypted": func(c tokencache.Cache) tokencache.Cache {
			return tokencache.Encrypted(c, bytes.Repeat([]byte("k"), 32))
		},
	} {
		for how, lose := range map[string]func(lock string){
			"deleted": func(lock string) { admin.Del(context.Background(), lock) },
			"expired": func(lock string) { admin.PExpire(context.Background(), lock, -1) },
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				prefix := t.Name() + ":"
				cachetest.RunLeased(t, func() tokencache.Cache {
					return wrap(leased(dial(t, redis.Options{Addr: srv.Addr}), prefix, lease))
				}, cachetest.Lease{Time: lease, Lose: func(key string) { lose(prefix + "{" + key + "}:lock") }})
			})
		}
	}
}

// Two prefixes have nothing in common, and an empty one is "exoauth:".
func TestPrefix(t *testing.T) {
	client := dial(t, redis.Options{Addr: engines.Redis(t).Addr})
	first, second := rediscache.New(client, ""), rediscache.New(client, "other:")
	held, unlock, err := first.(tokencache.Locker).Lock(t.Context(), entryKey)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if err := first.Put(held, entryKey, []byte("value")); err != nil {
		t.Fatal(err)
	}
	if value, err := client.Get(t.Context(), "exoauth:{"+entryKey+"}").Result(); err != nil || value != "value" {
		t.Errorf("%q, %v", value, err)
	}
	if left, err := client.PTTL(t.Context(), "exoauth:{"+entryKey+"}:lock").Result(); err != nil || left <= 0 || left > 10*time.Second {
		t.Errorf("the lock expires in %v, %v", left, err)
	}
	if _, err := second.Get(t.Context(), entryKey); !errors.Is(err, tokencache.ErrMiss) {
		t.Errorf("the other one: %v", err)
	}
	_, unlockSecond, err := second.(tokencache.Locker).Lock(t.Context(), entryKey)
	if err != nil {
		t.Fatal(err)
	}
	unlockSecond()
}

// The context of one lock is good for the entry of another, too.
func TestTwoLocks(t *testing.T) {
	c := rediscache.New(dial(t, redis.Options{Addr: engines.Redis(t).Addr}), "")
	other := "f" + entryKey[1:]
	first, unlock, err := c.(tokencache.Locker).Lock(t.Context(), entryKey)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	both, unlockOther, err := c.(tokencache.Locker).Lock(first, other)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{entryKey, other} {
		if err := c.Put(both, key, []byte("value")); err != nil {
			t.Errorf("under both locks: %v", err)
		}
	}
	unlockOther()
	both = context.WithoutCancel(both)
	if err := c.Put(both, entryKey, []byte("value")); err != nil {
		t.Errorf("under the first lock: %v", err)
	}
	if c.Put(both, other, []byte("value")) == nil {
		t.Error("Put succeeded after its unlock")
	}
}

// A Redis that hangs keeps nobody beyond a context, and a lock that it gives
// afterwards is given back.
func TestRedisHangs(t *testing.T) {
	srv := engines.Redis(t)
	admin := dial(t, redis.Options{Addr: srv.Addr})
	c := leased(dial(t, redis.Options{Addr: srv.Addr}), "", time.Hour)
	if err := c.Put(t.Context(), entryKey, []byte("value")); err != nil {
		t.Fatal(err)
	}
	if err := admin.Do(t.Context(), "CLIENT", "PAUSE", (4 * time.Second).Milliseconds()).Err(); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(context.Context) error{
		"Get":    func(ctx context.Context) error { _, err := c.Get(ctx, entryKey); return err },
		"Put":    func(ctx context.Context) error { return c.Put(ctx, entryKey, []byte("value")) },
		"Delete": func(ctx context.Context) error { return c.Delete(ctx, "0"+entryKey[1:]) },
		"Lock": func(ctx context.Context) error {
			_, _, err := c.(tokencache.Locker).Lock(ctx, entryKey)
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		begun := time.Now()
		err := call(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 2*time.Second { // the client's own limit is three
			t.Errorf("%s: %v after %v", name, err, time.Since(begun))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, unlock, err := c.(tokencache.Locker).Lock(ctx, entryKey)
	if err != nil {
		t.Fatalf("the lock of one who gave up: %v", err)
	}
	unlock()
}

// Redis is killed and comes back: the holder has lost the lock, the value is
// there, and the next one gets the lock.
func TestRedisIsKilled(t *testing.T) {
	srv := engines.Redis(t)
	c := leased(dial(t, redis.Options{Addr: srv.Addr, MaxRetries: -1}), "", time.Second)
	held, unlock, err := c.(tokencache.Locker).Lock(t.Context(), entryKey)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if err := c.Put(held, entryKey, []byte("value")); err != nil {
		t.Fatal(err)
	}
	srv.Kill()
	var away *tokencache.Error
	if err := c.Put(held, entryKey, []byte("late")); !errors.As(err, &away) || away.Key != entryKey || !strings.Contains(away.Remedy, "check that Redis runs") {
		t.Errorf("Put: %v", err)
	}
	<-held.Done()
	if cause := context.Cause(held); !errors.As(cause, &away) || !strings.Contains(cause.Error(), entryKey) {
		t.Errorf("cause: %v", cause)
	}
	srv.Start()
	if value, err := c.Get(t.Context(), entryKey); err != nil || string(value) != "value" {
		t.Errorf("%q, %v", value, err)
	}
	_, next, err := c.(tokencache.Locker).Lock(t.Context(), entryKey)
	if err != nil {
		t.Fatal(err)
	}
	next()
}

// Redis is away for less than a lease: the lock is kept.
func TestRedisIsRestarted(t *testing.T) {
	srv := engines.Redis(t)
	c := leased(dial(t, redis.Options{Addr: srv.Addr}), "", time.Minute)
	held, unlock, err := c.(tokencache.Locker).Lock(t.Context(), entryKey)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	srv.Kill()
	srv.Start()
	if err := c.Put(held, entryKey, []byte("value")); err != nil {
		t.Error(err)
	}
}
