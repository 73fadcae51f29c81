// Package broadcast tells everybody who waits that something happened.
package broadcast

import "sync"

// A Signal is something that happens again and again. The zero Signal is ready
// for use, by several goroutines at once. It must not be copied.
type Signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// Next returns a channel that the next Notify closes. Who takes it before
// looking at what the signal is about misses nothing.
func (s *Signal) Next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

// Notify wakes all who wait.
func (s *Signal) Notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
