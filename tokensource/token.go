package tokensource

import (
	"errors"
	"strings"
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
	// maxLifetime is the longest that is believed. Entra ID's tokens live for a
	// day or so at most; years are milliseconds, or a date, in the wrong field.
	maxLifetime = 10 * 365 * 24 * time.Hour
)

// A token is an access token and the refresh token that came with it, as a
// server sent them and as a Cache keeps them. It is not modified. A nil token
// is neither fresh nor usable.
//
// Its age is told by the monotonic clock, which nobody sets. That clock stands
// still while the machine sleeps, so the one on the wall is asked too.
type token struct {
	AccessToken  string         `json:"access_token,omitempty"`
	RefreshToken string         `json:"refresh_token,omitempty"`
	Asked        time.Time      `json:"asked,omitzero"`       // when the request was sent, by the clock on the wall
	Lifetime     time.Duration  `json:"lifetime,omitempty"`   // from then on
	RefreshIn    time.Duration  `json:"refresh_in,omitempty"` // when the server wants it renewed; zero if it did not say
	Extra        map[string]any `json:"extra,omitempty"`      // strings
	expiry       time.Time      // by the clock on the wall
	asked        time.Time      // when the request was sent, by the monotonic clock
	fetched      time.Time      // when it came, by the monotonic clock
	last         bool           // a renewal is of no use
	checked      atomic.Bool    // the clocks were looked at moments ago, and the token was fresh
}

// newToken returns a token that was asked for at that time and has come now.
func newToken(accessToken string, asked time.Time, lifetime time.Duration) *token {
	wall := asked.Round(0).UTC()
	return &token{AccessToken: accessToken, Asked: wall, Lifetime: lifetime, expiry: wall.Add(lifetime), asked: asked, fetched: time.Now()}
}

// check returns an error for a token that cannot be one, or a lifetime.
func (t *token) check() error {
	switch {
	case t.AccessToken == "":
		return errors.New("there is no access token")
	case strings.ContainsFunc(t.AccessToken, func(r rune) bool { return r < ' ' || r > '~' }):
		return errors.New("the access token has characters that no token has (RFC 6749 appendix A.12)")
	case t.Lifetime <= 0:
		return errors.New("the access token has expired already")
	case t.Lifetime > maxLifetime:
		return errors.New("the access token would be valid for more than ten years, which is not believed")
	}
	return nil
}

// until returns t if it expires before end, or end is zero. Otherwise it returns
// a token that expires at end and is the last.
func (t *token) until(end time.Time) *token {
	left := end.Sub(t.Asked)
	if end.IsZero() || t.Lifetime < left {
		return t
	}
	cut := newToken(t.AccessToken, t.asked, left)
	cut.Asked, cut.expiry, cut.Extra, cut.fetched, cut.last = t.Asked, end, t.Extra, t.fetched, true
	return cut
}

// early is the end of the lifetime in which callers wait for the renewal.
func (t *token) early() time.Duration {
	if t.last {
		return 0
	}
	return min(earlyRenewal, t.Lifetime/4)
}

// due is the part of the lifetime after which a renewal begins.
func (t *token) due() time.Duration {
	due := t.Lifetime - t.early()
	if t.RefreshIn > 0 && !t.last {
		due = min(due, t.RefreshIn)
	}
	return due
}

// fresh reports whether the token needs no renewal yet.
func (t *token) fresh() bool { return t != nil && (t.checked.Load() || t.lookAtClocks()) }

// lookAtClocks sets a timer after which the clocks count as not looked at. The
// next look comes when the token is handed out again, so a source that nobody
// uses costs nothing.
func (t *token) lookAtClocks() bool {
	left := t.left(t.due())
	if left <= 0 {
		return false
	}
	if t.checked.CompareAndSwap(false, true) {
		time.AfterFunc(min(left, checkInterval), func() { t.checked.Store(false) })
	}
	return true
}

// left returns the rest of the first part of the lifetime, by the clock that
// shows less.
func (t *token) left(part time.Duration) time.Duration {
	return part - max(time.Since(t.asked), time.Since(t.Asked))
}

// good reports whether the token can be handed out while it is renewed.
func (t *token) good() bool { return t != nil && t.left(t.Lifetime-t.early()) > 0 }

// usable reports whether the token has not expired.
func (t *token) usable() bool { return t != nil && t.left(t.Lifetime) > 0 }

// valid reports whether the token is valid for d, or another one would be no
// better.
func (t *token) valid(d time.Duration) bool {
	return t.usable() && (t.left(t.Lifetime) >= d || t.last || !t.old(renewAfter))
}

// old reports whether the token was fetched that long ago, by either clock.
func (t *token) old(d time.Duration) bool {
	byWall := time.Since(t.Asked) - t.fetched.Sub(t.asked)
	return max(time.Since(t.fetched), byWall) >= d
}

// oauth2 returns a new oauth2.Token, since x/oauth2's wrappers write into the
// one they get. It is one allocation. Without Extra it is a literal: to copy a
// whole token takes longer while the garbage collector is at work.
func (t *token) oauth2() *oauth2.Token {
	if t.Extra == nil {
		return &oauth2.Token{AccessToken: t.AccessToken, TokenType: "Bearer", Expiry: t.expiry}
	}
	copied := oauth2.Token{AccessToken: t.AccessToken, TokenType: "Bearer", Expiry: t.expiry}
	return copied.WithExtra(t.Extra)
}
