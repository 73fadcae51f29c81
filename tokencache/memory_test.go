package tokencache

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
)

// memCache is a Cache without locks.
type memCache struct {
	mu     sync.Mutex
	values map[string][]byte
}

func (c *memCache) Get(_ context.Context, key string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if value, ok := c.values[key]; ok {
		return bytes.Clone(value), nil
	}
	return nil, ErrMiss
}

func (c *memCache) Put(_ context.Context, key string, value []byte) error {
	c.replace(key, bytes.Clone(value))
	return nil
}

func (c *memCache) Delete(_ context.Context, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.values, key)
	return nil
}

func (c *memCache) replace(key string, value []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values == nil {
		c.values = make(map[string][]byte)
	}
	c.values[key] = value
}

func (c *memCache) keys() map[string][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.values)
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

// checkAllVerbs looks for a key, as text and as numbers, in whatever fmt makes
// of a value.
func checkAllVerbs(t *testing.T, values ...any) {
	t.Helper()
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p"} {
			text := fmt.Sprintf(verb, value)
			for _, planted := range []string{"PLANTED", fmt.Sprintf("%x", "PLANTED"), fmt.Sprintf("%X", "PLANTED"), "80 76 65 78 84", "0x50, 0x4c"} {
				if strings.Contains(text, planted) {
					t.Errorf("%s: a key is in %s", verb, text)
				}
			}
		}
	}
}

func TestCachesAreNotFormatted(t *testing.T) {
	cache := Encrypted(Dir(t.TempDir()), keyA, keyB)
	type hidden struct{ cache Cache }
	checkAllVerbs(t, cache, hidden{cache}, &hidden{cache})
}
