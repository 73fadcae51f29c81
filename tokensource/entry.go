package tokensource

import (
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

const (
	// earlyRenewal is how long before its expiry a token is renewed, if that
	// is no more than a quarter of its lifetime.
	earlyRenewal = 5 * time.Minute
	// wallInterval is how often the clock on the wall is looked at, which
	// costs as much as all the rest of handing out a token.
	wallInterval = time.Second
)

// entry is a token in the cache. A nil one is neither fresh nor usable.
//
// Its age is told by the monotonic clock, which nobody sets. That clock stands
// still while the machine sleeps, so the one on the wall is asked too, by way
// of the token's Expiry.
type entry struct {
	token           oauth2.Token
	asked, fetched  time.Time
	early, lifetime time.Duration // of which early is the end of lifetime
	wallSeen        atomic.Int64  // age up to which the clock on the wall need not be asked
}

func newEntry(g *grant) *entry {
	return &entry{
		token: g.token(), asked: g.asked, fetched: time.Now(),
		early: min(earlyRenewal, g.lifetime/4), lifetime: g.lifetime,
	}
}

// fresh reports whether the token needs no renewal yet.
func (e *entry) fresh() bool {
	if e == nil {
		return false
	}
	age := time.Since(e.asked)
	return age < e.lifetime-e.early && (age < time.Duration(e.wallSeen.Load()) || e.freshByWall(age))
}

func (e *entry) freshByWall(age time.Duration) bool {
	if time.Until(e.token.Expiry) <= e.early {
		return false
	}
	e.wallSeen.Store(int64(age + wallInterval))
	return true
}

// usable reports whether the token has not expired.
func (e *entry) usable() bool {
	return e != nil && time.Since(e.asked) < e.lifetime && time.Until(e.token.Expiry) > 0
}

// old reports whether the token was fetched that long ago by either clock.
func (e *entry) old(d time.Duration) bool {
	byWall := e.lifetime - time.Until(e.token.Expiry) - e.fetched.Sub(e.asked)
	return max(time.Since(e.fetched), byWall) >= d
}

// copy is there because x/oauth2's wrappers write into the token they get.
func (e *entry) copy() *oauth2.Token {
	t := e.token
	return &t
}
