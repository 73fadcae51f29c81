package tokensource

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"sync"
	"testing"

	"github.com/exoauth/exoauth/tokencache"
)

// memCache is a Cache without locks.
type memCache struct {
	get, put, delete func(ctx context.Context, key string) error // called first; nil for success

	mu     sync.Mutex
	values map[string][]byte
}

func (c *memCache) hook(ctx context.Context, f func(context.Context, string) error, key string) error {
	if f == nil {
		return ctx.Err()
	}
	return f(ctx, key)
}

func (c *memCache) Get(ctx context.Context, key string) ([]byte, error) {
	if err := c.hook(ctx, c.get, key); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if value, ok := c.values[key]; ok {
		return bytes.Clone(value), nil
	}
	return nil, tokencache.ErrMiss
}

func (c *memCache) Put(ctx context.Context, key string, value []byte) error {
	if err := c.hook(ctx, c.put, key); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values == nil {
		c.values = make(map[string][]byte)
	}
	c.values[key] = bytes.Clone(value)
	return nil
}

func (c *memCache) Delete(ctx context.Context, key string) error {
	if err := c.hook(ctx, c.delete, key); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.values, key)
	return nil
}

func (c *memCache) keys() map[string][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.values)
}

// only returns the one entry there is.
func (c *memCache) only(t *testing.T) *record {
	t.Helper()
	values := c.keys()
	if len(values) != 1 {
		t.Fatalf("%d entries; want one", len(values))
	}
	for key, value := range values {
		r, err := decodeRecord(value, key)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	return nil
}

// change does f to the one entry there is.
func (c *memCache) change(t *testing.T, f func(*record)) {
	t.Helper()
	r := c.only(t)
	f(r)
	value, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for key := range c.keys() {
		c.replace(key, value)
	}
}

func (c *memCache) replace(key string, value []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[key] = value
}

// lockingCache is a memCache with a lock for all keys.
type lockingCache struct {
	memCache
	lock chan struct{}
}

func newLockingCache() *lockingCache { return &lockingCache{lock: make(chan struct{}, 1)} }

func (c *lockingCache) Lock(ctx context.Context, _ string) (context.Context, func(), error) {
	select {
	case c.lock <- struct{}{}:
		return ctx, func() { <-c.lock }, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}
