package clientcert

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/setting"
)

const (
	// assertionMargin is how long before its end an assertion is made anew.
	assertionMargin = time.Minute
	// expiryWarning is how long before its end a certificate is warned about.
	expiryWarning = 30 * 24 * time.Hour

	// clockTolerance is how far the clocks may be apart before it is thought
	// to matter; what is more than maxSkew is not made up for, as nobody
	// should get an assertion for next year.
	clockTolerance = 30 * time.Second
	maxSkew        = 24 * time.Hour
)

// A Signer makes the assertions of one client, and keeps the last one while it
// is good. It is safe for concurrent use.
type Signer struct {
	pair               *Pair
	options            Options
	clientID, audience string
	log                *slog.Logger
	signing            ctxerr.Calls // the key may be in another machine

	mu     sync.Mutex // guards what follows
	last   string
	made   time.Time     // when last was, by both clocks
	skew   time.Duration // of Entra ID's clock against the one on the wall
	warned time.Time
}

// NewSigner returns the Signer of a client at an authorization server. It warns
// log of a certificate that expires soon.
func NewSigner(p *Pair, o Options, clientID, audience string, log *slog.Logger) *Signer {
	return &Signer{pair: p, options: o, clientID: clientID, audience: audience, log: log, signing: ctxerr.NewCalls()}
}

// Assertion returns the last assertion, or signs a new one, whose claim jti is
// id. It returns what is wrong with the certificate if that is not valid now.
func (a *Signer) Assertion(ctx context.Context, id string) (assertion string, bad *setting.Error, err error) {
	now := time.Now()
	assertion, skew, bad := a.kept(ctx, now)
	if bad != nil || assertion != "" {
		return assertion, bad, nil
	}
	assertion, err = a.make(ctx, id, now.Add(skew), now)
	return assertion, nil, err
}

// kept returns the last assertion if it is still good, or else "", and by how
// much Entra ID's clock is ahead.
func (a *Signer) kept(ctx context.Context, now time.Time) (assertion string, skew time.Duration, bad *setting.Error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if bad := a.checkDates(ctx, now); bad != nil {
		return "", a.skew, bad
	}
	if a.good(now) {
		assertion = a.last
	}
	return assertion, a.skew, nil
}

// make signs an assertion that is valid from a time by the server's clock, and
// keeps it.
func (a *Signer) make(ctx context.Context, id string, from, now time.Time) (string, error) {
	var made string
	err := a.signing.Do(ctx, func() (err error) {
		made, err = a.pair.Assertion(Claims{ClientID: a.clientID, Audience: a.audience, ID: id, Time: from}, a.options)
		return err
	}, nil)
	if err != nil {
		return "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last, a.made = made, now
	return made, nil
}

// good asks both clocks, since the monotonic one stands still while the
// machine sleeps, and the other can be set.
func (a *Signer) good(now time.Time) bool {
	byWall := wall(now).Sub(a.made)
	return a.last != "" && byWall >= 0 && max(byWall, now.Sub(a.made)) < Lifetime-assertionMargin
}

// wall returns a time by the clock on the wall alone.
func wall(t time.Time) time.Time { return t.Round(0) }

// Drop drops the last assertion, which the server has refused.
func (a *Signer) Drop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = ""
}

// SetClock takes the time of a server, by which the last assertion was outside
// of its time range. It reports whether another one may be accepted.
func (a *Signer) SetClock(ctx context.Context, server time.Time) bool {
	if server.IsZero() {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	skew := time.Until(server).Round(time.Second)
	if (skew-a.skew).Abs() < clockTolerance || skew.Abs() > maxSkew {
		return false
	}
	a.skew = skew
	a.log.WarnContext(ctx, "tokensource: this machine's clock differs from that of Entra ID; assertions allow for that", "by", skew, "client_id", a.clientID)
	return true
}

// checkDates refuses a certificate that Entra ID would refuse, and warns of one
// that it soon will. It is called with mu held.
func (a *Signer) checkDates(ctx context.Context, now time.Time) *setting.Error {
	leaf := a.pair.Leaf()
	left := leaf.NotAfter.Sub(now.Add(a.skew))
	switch {
	case left < 0:
		return a.bad("the certificate has expired on "+leaf.NotAfter.Format(time.DateOnly), "make a new one and upload it to the app registration")
	case leaf.NotBefore.After(now.Add(a.skew)):
		return a.bad("the certificate is not valid before "+leaf.NotBefore.Format(time.RFC3339), "check this machine's clock")
	case left < expiryWarning && now.Sub(a.warned) >= 24*time.Hour:
		a.warned = now
		a.log.WarnContext(ctx, "tokensource: the certificate expires soon", "certificate", a.pair.Name(), "not_after", leaf.NotAfter, "client_id", a.clientID)
	}
	return nil
}

func (a *Signer) bad(problem, remedy string) *setting.Error {
	return &setting.Error{Field: "Credential", Value: a.pair.Name(), Problem: problem, Remedy: remedy}
}
