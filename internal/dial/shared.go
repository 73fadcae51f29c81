package dial

import (
	"context"
	"crypto/tls"
	"io"
	"sync"
)

// Shared has the things that the dials of one dialer share: TLS settings with a
// cache of sessions, the number of dials that may be under way at a time, and a
// debug writer. The zero Shared is ready for use; it must not be copied after
// that.
type Shared struct {
	slotsOnce sync.Once
	slots     chan struct{}

	configOnce sync.Once
	config     *tls.Config

	debug sync.Mutex // held while a debug writer is written to
}

// DebugWriter returns a writer for w that makes one Write at a time, whatever
// the number of connections. It returns nil if w is nil.
func (s *Shared) DebugWriter(w io.Writer) io.Writer {
	if w == nil {
		return nil
	}
	return &debugWriter{&s.debug, w}
}

type debugWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

// Write implements io.Writer.
func (d *debugWriter) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.w.Write(p)
}

// Enter waits for its turn among limit dials. The first call sets the limit.
// Leave must be called when the dial is over.
func (s *Shared) Enter(ctx context.Context, limit int) (leave func(), err error) {
	s.slotsOnce.Do(func() { s.slots = make(chan struct{}, limit) })
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

// ClientTLS is the function ClientTLS, with a cache of sessions if base has
// none. The first call decides; one copy serves all connections, which keep it
// for as long as they live.
func (s *Shared) ClientTLS(base *tls.Config, addr string) *tls.Config {
	s.configOnce.Do(func() {
		s.config = ClientTLS(base, addr)
		if s.config.ClientSessionCache == nil {
			s.config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
		}
	})
	return s.config
}
