package exchangetest

import (
	"sync/atomic"
	"time"
)

// A clock is the machine's, moved by a test.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

// Now returns the time on the server's clock, which is the machine's plus what
// [Server.Advance] added.
func (s *Server) Now() time.Time { return s.clock.now() }

// Advance moves the server's clock forward by d. IMAP sessions whose token has
// expired by then end with "* BYE Session invalidated - AccessTokenExpired", at
// once where they wait for their client, otherwise after the command they are
// at. It panics if d is negative.
func (s *Server) Advance(d time.Duration) {
	if d < 0 {
		panic("exchangetest: Advance by a negative duration")
	}
	s.clock.offset.Add(int64(d))
	s.moved.notify()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sess := range s.sessions {
		sess.wakeIfExpired(s.Now())
	}
}
