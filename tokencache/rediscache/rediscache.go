// Package rediscache keeps tokens in Redis, so that processes on any number of
// machines share them: one of them makes a request, and the others get its
// token.
//
//	cache := tokencache.Encrypted(rediscache.New(client, ""), key)
//
// # What is in Redis
//
// With the prefix "exoauth:" and a key of the Cache, which is 64 hexadecimal
// digits:
//
//	exoauth:{key}        the value, a string that does not expire
//	exoauth:{key}:lock   the random name of the lock's owner, which expires in ten seconds unless it is renewed
//
// The braces keep both in one slot of a Redis Cluster. Whoever can read the
// values can read the mailboxes: use [tokencache.Encrypted]. A user of Redis who
// may do no more than the Cache needs "~exoauth:* +get +set +del +pexpire +eval
// +evalsha", and "+hello +client +cluster|slots +cluster|shards" for the client. There is no
// schema and no migration.
//
// # What Redis must be set to
//
// A refresh token that Redis forgets may cost a user a sign-in. Entra ID goes on
// accepting the one before it; some servers accept each only once.
//
//   - "appendonly yes" and "appendfsync always", for a Put that survives a crash
//     of the machine. With "appendfsync everysec", a crash loses the last second
//     or two, and without appendonly all since the last snapshot.
//   - "maxmemory-policy noeviction", or one of volatile-*, which spares values,
//     since they do not expire. With allkeys-* Redis drops what was used least.
//   - A replica has what its primary had some moments ago. A failover may lose
//     the last Puts, and gives a lock to a second holder; the Put of the first
//     one then fails. "min-replicas-to-write 1" makes that rare.
//   - The client must read from the primary, as it does unless ReadOnly,
//     RouteByLatency, RouteRandomly or ReplicaOnly is set in its options.
package rediscache

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/exoauth/exoauth/tokencache"
	"github.com/redis/go-redis/v9"
)

// New returns a [tokencache.Cache] in Redis. The caller makes the client, and
// closes it when the Cache is not used any more. Programs that share tokens use
// the same prefix, and those that must not use another; an empty one means
// "exoauth:".
//
// The Cache is a [tokencache.Locker]. A lock is leased for ten seconds and
// renewed while it is held, so that of a process that dies is free ten seconds
// later. A holder loses it if Redis cannot be reached for that long, if the
// process stands still, or if Redis loses it; its context ends then, and
// [context.Cause] is a [*tokencache.Error]. Those who wait look some twenty
// times a second, and any of them may be next.
//
// Each method returns when its context ends, also if Redis hangs. The client's
// own timeouts and retries bound what goes on in the background after that.
func New(client redis.UniversalClient, prefix string) tokencache.Cache {
	if prefix == "" {
		prefix = "exoauth:"
	}
	return &cache{client: client, prefix: prefix, lease: leaseTime}
}

const (
	leaseTime   = 10 * time.Second
	unlockLimit = time.Second
	// lockPoll is how long a waiter pauses on average.
	lockPoll = 50 * time.Millisecond
)

// A cache is a Cache whose entries are as the package's documentation says.
type cache struct {
	client redis.UniversalClient
	prefix string
	lease  time.Duration // how long a lock is good for
}

var _ tokencache.Locker = (*cache)(nil)

// value returns the key of Redis for a value.
func (c *cache) value(key string) string { return c.prefix + "{" + key + "}" }

// lock returns the key of Redis for a lock.
func (c *cache) lock(key string) string { return c.value(key) + ":lock" }

// Get returns the value of a key.
func (c *cache) Get(ctx context.Context, key string) ([]byte, error) {
	value, err := do(ctx, func() ([]byte, error) { return c.client.Get(ctx, c.value(key)).Bytes() }, nil)
	if errors.Is(err, redis.Nil) {
		return nil, tokencache.ErrMiss
	}
	return value, failed(ctx, key, "cannot be read", err)
}

// Each script changes something for the owner of a lock alone, and returns 0 to
// others. All can be repeated, as the client does when an answer is lost.
var (
	acquire = redis.NewScript(`
local owner = redis.call('get', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)
	renew = redis.NewScript(`
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('pexpire', KEYS[1], ARGV[2])`)
	release = redis.NewScript(`
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('del', KEYS[1])`)
	putHeld = redis.NewScript(`
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('set', KEYS[2], ARGV[2])
return 1`)
	deleteHeld = redis.NewScript(`
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('del', KEYS[2])
return 1`)
)

// Put stores a value. Under a lock, it fails if that was lost.
func (c *cache) Put(ctx context.Context, key string, value []byte) error {
	return c.write(ctx, key, func(owner string) (bool, error) {
		if owner == "" {
			return true, c.client.Set(ctx, c.value(key), value, 0).Err()
		}
		return putHeld.Run(ctx, c.client, []string{c.lock(key), c.value(key)}, owner, value).Bool()
	}, "cannot be stored")
}

// Delete removes a value. Under a lock, it fails if that was lost.
func (c *cache) Delete(ctx context.Context, key string) error {
	return c.write(ctx, key, func(owner string) (bool, error) {
		if owner == "" {
			return true, c.client.Del(ctx, c.value(key)).Err()
		}
		return deleteHeld.Run(ctx, c.client, []string{c.lock(key), c.value(key)}, owner).Bool()
	}, "cannot be deleted")
}

// write calls f with the name of ctx as an owner, "" if it has no lock of the
// key. f reports whether it still had it.
func (c *cache) write(ctx context.Context, key string, f func(owner string) (bool, error), problem string) error {
	owner, _ := ctx.Value(holding{c, key}).(string)
	owns, err := do(ctx, func() (bool, error) { return f(owner) }, nil)
	if err == nil && !owns {
		return lost(key, errTaken)
	}
	return failed(ctx, key, problem, err)
}

// do returns the result of f, or the error of ctx if that ends first, which
// go-redis does not look at while it waits for an answer. Then f goes on alone,
// and undo, if it is not nil, is called after it.
func do[T any](ctx context.Context, f func() (T, error), undo func()) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	done := make(chan result) // unbuffered, so that either the caller has the result or undo is called
	go func() {
		value, err := f()
		select {
		case done <- result{value, err}:
		case <-ctx.Done():
			if undo != nil {
				undo()
			}
		}
	}()
	select {
	case r := <-done:
		if r.err != nil && ctx.Err() != nil {
			return none, ctx.Err()
		}
		return r.value, r.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// newOwner returns a name that nobody else has.
func newOwner() string { return rand.Text() }
