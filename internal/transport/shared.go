package transport

import (
	"context"
	"crypto/tls"
	"sync"
)

// Shared is what the dials of one dialer share: a cache of TLS sessions and a
// number of dials that may be under way at a time. The zero Shared is ready
// for use; it must not be copied after that.
type Shared struct {
	once  sync.Once
	cache tls.ClientSessionCache
	slots chan struct{}
}

func (s *Shared) init(limit int) {
	s.once.Do(func() {
		s.cache = tls.NewLRUClientSessionCache(0)
		s.slots = make(chan struct{}, limit)
	})
}

// Enter waits for its turn among limit dials, of which the first call decides.
// Leave must be called when the dial is over.
func (s *Shared) Enter(ctx context.Context, limit int) (leave func(), err error) {
	s.init(limit)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case s.slots <- struct{}{}:
		return func() { <-s.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// ClientTLS is the function ClientTLS, with the cache of s where base has
// none. Enter must have been called.
func (s *Shared) ClientTLS(base *tls.Config, addr string) *tls.Config {
	config := ClientTLS(base, addr)
	if config.ClientSessionCache == nil {
		config.ClientSessionCache = s.cache
	}
	return config
}
