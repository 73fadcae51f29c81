package rediscache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/lease"
)

// holding is the key of a context's name as the owner of a lock.
type holding struct {
	c   *cache
	key string
}

// errTaken is why a lock is lost that has no owner, or another one.
var errTaken = fmt.Errorf("%w: it has no owner any more, or another one", lease.ErrLost)

// Lock takes a lock in Redis, and renews it until unlock.
func (c *cache) Lock(ctx context.Context, key string) (held context.Context, unlock func(), err error) {
	owner := newOwner()
	for {
		taken := time.Now()
		ours, err := c.acquire(ctx, key, owner)
		switch {
		case err != nil:
			return nil, nil, failed(ctx, key, "cannot be locked", err)
		case ours:
			held, unlock := c.hold(ctx, key, owner, taken)
			return held, unlock, nil
		case !ctxerr.Sleep(ctx, lockPoll/2+rand.N(lockPoll)):
			return nil, nil, ctx.Err()
		}
	}
}

// acquire takes a lock unless it has another owner.
func (c *cache) acquire(ctx context.Context, key, owner string) (ours bool, err error) {
	return do(ctx, func() (bool, error) {
		return acquire.Run(ctx, c.client, []string{c.lock(key)}, owner, c.lease.Milliseconds()).Bool()
	}, func() { c.release(key, owner) })
}

// hold renews a lock that was asked for at the time taken.
func (c *cache) hold(ctx context.Context, key, owner string, taken time.Time) (held context.Context, unlock func()) {
	terms := lease.Terms{
		Time: c.lease, Every: c.lease / 3,
		Renew: func(ctx context.Context) error {
			owns, err := do(ctx, func() (bool, error) {
				return renew.Run(ctx, c.client, []string{c.lock(key)}, owner, c.lease.Milliseconds()).Bool()
			}, nil)
			if err == nil && !owns {
				return errTaken
			}
			return err
		},
		Lost: func(err error) error { return lost(key, err) },
	}
	held, end := terms.Hold(context.WithValue(ctx, holding{c, key}, owner), taken)
	return held, func() {
		end()
		c.release(key, owner)
	}
}

// release frees a lock that has this owner. If that cannot be done, the lock
// expires.
func (c *cache) release(key, owner string) {
	ctx, cancel := context.WithTimeout(context.Background(), unlockLimit)
	defer cancel()
	_, _ = do(ctx, func() (bool, error) { return release.Run(ctx, c.client, []string{c.lock(key)}, owner).Bool() }, nil)
}
