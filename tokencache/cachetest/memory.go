package cachetest

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/exoauth/exoauth/tokencache"
)

// Memory returns a [tokencache.Cache], with locks, that keeps its values in
// memory. It is for tests: nothing but Delete removes a value.
func Memory() tokencache.Cache {
	return &memory{values: make(map[string][]byte), locks: make(map[string]chan struct{}), holders: make(map[string]*holder)}
}

type memory struct {
	mu      sync.Mutex
	values  map[string][]byte
	locks   map[string]chan struct{} // full while somebody holds it
	holders map[string]*holder
}

// A holder has the lock of a key while it is in memory.holders.
type holder struct{ end context.CancelCauseFunc }

// holding is the key of a context's holder.
type holding struct {
	m   *memory
	key string
}

var errLost = errors.New("cachetest: the lock was lost")

var _ tokencache.Locker = (*memory)(nil)

func (m *memory) Get(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.values[key]
	if !ok {
		return nil, tokencache.ErrMiss
	}
	return bytes.Clone(value), nil
}

func (m *memory) Put(ctx context.Context, key string, value []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stale(ctx, key) {
		return errLost
	}
	m.values[key] = bytes.Clone(value)
	return nil
}

func (m *memory) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stale(ctx, key) {
		return errLost
	}
	delete(m.values, key)
	return nil
}

// stale reports whether ctx is that of a holder who is none any more. It is
// called with mu held.
func (m *memory) stale(ctx context.Context, key string) bool {
	h, ok := ctx.Value(holding{m, key}).(*holder)
	return ok && m.holders[key] != h
}

func (m *memory) Lock(ctx context.Context, key string) (held context.Context, unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	select {
	case m.lock(key) <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	h := new(holder)
	held, h.end = context.WithCancelCause(context.WithValue(ctx, holding{m, key}, h))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.holders[key] = h
	return held, func() { m.free(key, h, nil) }, nil
}

// free ends the holding of h, unless it has ended.
func (m *memory) free(key string, h *holder, why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if h != nil && m.holders[key] == h {
		delete(m.holders, key)
		h.end(why)
		<-m.locks[key]
	}
}

// lose takes the lock of a key from its holder.
func (m *memory) lose(key string) {
	m.mu.Lock()
	h := m.holders[key]
	m.mu.Unlock()
	m.free(key, h, errLost)
}

func (m *memory) lock(key string) chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[key] == nil {
		m.locks[key] = make(chan struct{}, 1)
	}
	return m.locks[key]
}
