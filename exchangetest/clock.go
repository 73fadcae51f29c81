package exchangetest

import "time"

// Now returns the time on the server's clock, which is the machine's plus what
// [Server.Advance] added.
func (s *Server) Now() time.Time { return s.clock.Now() }

// Advance moves the server's clock forward by d. IMAP sessions whose token has
// expired by then end with "* BYE Session invalidated - AccessTokenExpired", at
// once where they wait for their client, otherwise after the command they are
// at. It panics if d is negative.
func (s *Server) Advance(d time.Duration) {
	if d < 0 {
		panic("exchangetest: Advance by a negative duration")
	}
	s.clock.Advance(d)
	s.records.wakeExpired(s.Now())
}

// SetSkew sets the clock of Entra ID ahead of that of Exchange Online, or
// behind it if d is negative: tokens are issued, and assertions of clients
// judged, by a clock that is wrong by d.
func (s *Server) SetSkew(d time.Duration) { s.skew.Store(int64(d)) }

// entraNow returns the time on the clock of Entra ID.
func (s *Server) entraNow() time.Time { return s.Now().Add(time.Duration(s.skew.Load())) }
