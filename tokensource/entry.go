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
	// checkInterval is how long a look at the clocks counts. Looking costs as
	// much as all the rest of handing out a token.
	checkInterval = time.Second
)

// entry is a token in the cache. A nil one is neither fresh nor usable.
//
// Its age is told by the monotonic clock, which nobody sets. That clock stands
// still while the machine sleeps, so the one on the wall is asked too, by way
// of the expiry.
type entry struct {
	checked        atomic.Bool // the clocks were looked at moments ago, and the token was fresh
	accessToken    string
	expiry         time.Time      // by the wall clock alone, as that of any token that may be stored
	extra          map[string]any // nil where the token has none
	asked, fetched time.Time
	due            time.Duration // of lifetime, after which a renewal may begin while the token is handed out
	early          time.Duration // the end of lifetime, in which the renewal is waited for
	lifetime       time.Duration
	last           bool // a renewal is of no use
}

func newEntry(g *grant) *entry {
	e := &entry{
		accessToken: g.accessToken, expiry: g.asked.Round(0).Add(g.lifetime), extra: g.extra,
		asked: g.asked, fetched: time.Now(),
		early: min(earlyRenewal, g.lifetime/4), lifetime: g.lifetime, last: g.last,
	}
	if g.last {
		e.early = 0
	}
	if !g.fetched.IsZero() {
		e.fetched = g.fetched
	}
	e.due = e.lifetime - e.early
	if g.refreshIn > 0 && !g.last {
		e.due = min(e.due, g.refreshIn)
	}
	return e
}

// fresh reports whether the token needs no renewal yet.
func (e *entry) fresh() bool { return e != nil && (e.checked.Load() || e.check()) }

// check looks at the clocks, and has a timer say when they are to be looked at
// again: not before the token is handed out once more, so that a source that
// nobody uses costs nothing.
func (e *entry) check() bool {
	left := e.left(e.due)
	if left <= 0 {
		return false
	}
	if e.checked.CompareAndSwap(false, true) {
		time.AfterFunc(min(left, checkInterval), func() { e.checked.Store(false) })
	}
	return true
}

// left returns what is left of the first part of the lifetime, by the clock
// that says less.
func (e *entry) left(part time.Duration) time.Duration {
	return min(part-time.Since(e.asked), time.Until(e.expiry)-(e.lifetime-part))
}

// good reports whether the token can be handed out while it is renewed.
func (e *entry) good() bool { return e != nil && e.left(e.lifetime-e.early) > 0 }

// usable reports whether the token has not expired.
func (e *entry) usable() bool { return e != nil && e.left(e.lifetime) > 0 }

// valid reports whether the token is valid for d, or another one would be no
// better.
func (e *entry) valid(d time.Duration) bool {
	return e.usable() && (e.left(e.lifetime) >= d || e.last || !e.old(renewAfter))
}

// old reports whether the token was fetched that long ago by either clock.
func (e *entry) old(d time.Duration) bool {
	byWall := e.lifetime - time.Until(e.expiry) - e.fetched.Sub(e.asked)
	return max(time.Since(e.fetched), byWall) >= d
}

// copy is there because x/oauth2's wrappers write into the token they get. It is
// one allocation. Without Extra it is a literal: to copy a whole token takes
// longer while the garbage collector is at work.
func (e *entry) copy() *oauth2.Token {
	if e.extra == nil {
		return &oauth2.Token{AccessToken: e.accessToken, TokenType: "Bearer", Expiry: e.expiry}
	}
	t := oauth2.Token{AccessToken: e.accessToken, TokenType: "Bearer", Expiry: e.expiry}
	return t.WithExtra(e.extra)
}
