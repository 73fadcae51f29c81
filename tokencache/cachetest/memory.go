package cachetest

import (
	"bytes"
	"context"
	"sync"

	"github.com/exoauth/exoauth/tokencache"
)

// Memory returns a [tokencache.Cache], with locks, that keeps its values in
// memory. It is for tests: nothing but Delete removes a value.
func Memory() tokencache.Cache {
	return &memory{values: make(map[string][]byte), locks: make(map[string]chan struct{})}
}

type memory struct {
	mu     sync.Mutex
	values map[string][]byte
	locks  map[string]chan struct{}
}

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
	m.values[key] = bytes.Clone(value)
	return nil
}

func (m *memory) Delete(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.values, key)
	return nil
}

func (m *memory) Lock(ctx context.Context, key string) (held context.Context, unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	lock := m.lock(key)
	select {
	case lock <- struct{}{}:
		return ctx, func() { <-lock }, nil
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

func (m *memory) lock(key string) chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[key] == nil {
		m.locks[key] = make(chan struct{}, 1)
	}
	return m.locks[key]
}
