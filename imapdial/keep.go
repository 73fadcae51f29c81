package imapdial

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/internal/login"
	"github.com/exoauth/exoauth/internal/transport"
)

// How Keep waits between two sessions. Tests shorten the variables.
var (
	minBackoff = time.Second
	maxBackoff = 5 * time.Minute
	heldLong   = time.Minute // a session that resets the back-off
)

// maxThrottle is the most that Keep waits for a server that throttles.
const maxThrottle = 15 * time.Minute

// maxStale is how many refusals in a row Keep puts up with after a token has
// expired: a TokenSource may go on for a while to give the one that it has.
const maxStale = 8

// ErrDialAgain is for the function given to Keep: an error that wraps it has
// the session replaced, with back-off. It is for what Keep cannot see, such as
// a server that does not answer a command in a time that suits the caller.
var ErrDialAgain = errors.New("imapdial: the session is to be replaced")

// Keep holds a session on the mailbox username for as long as ctx lives: it
// dials, calls f with the client, and when the session ends dials and calls f
// again. The context of f ends with the session, its cause an [*Error] of step
// OpSession with the server's last words; f must return then. Keep closes the
// client when f has returned.
//
// Keep dials again
//
//   - at once where the token had expired, which Exchange says with "* BYE
//     Session invalidated - AccessTokenExpired", and the session had held for a
//     minute; the TokenSource is told of the token first;
//   - when the server's own time is over where it throttles, in a quarter of
//     an hour at most;
//   - otherwise with an exponential back-off from one second to five minutes,
//     each pause shortened by a random part, up to half; a session that held
//     for a minute resets it.
//
// Keep returns what time cannot mend: a token that was refused although it is
// fresh (see [Refused]), a mailbox that is not connected (see [NotConnected]),
// a TokenSource that fails for good because somebody has to sign in, say, and
// before there was a first session an address or a certificate that is wrong.
// That is an *Error. It returns the error of ctx when that ends.
//
// It also returns when f does while the session stands: nil for nil, and the
// error of f as it is, unless that wraps [ErrDialAgain] or is a server's answer,
// an *imap.Error, of those for which Keep dials again.
func (d *Dialer) Keep(ctx context.Context, username string, f func(context.Context, *imapclient.Client) error) error {
	k := newKeeper(d, username)
	for {
		held, done, err := k.session(ctx, f)
		if ended := transport.ContextError(ctx); ended != nil {
			return ended
		}
		if done {
			return err
		}
		wait, again := k.next(err, held)
		if !again {
			return err
		}
		k.log.LogAttrs(ctx, k.level(), "imapdial: session over, dialling again", slog.Duration("held", held),
			slog.Duration("wait", wait), slog.Int("try", k.tries), slog.Any("reason", err))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return transport.ContextError(ctx)
		}
	}
}

// keeper is one call of Keep.
type keeper struct {
	dialer   *Dialer
	username string
	source   *login.Remembering
	log      *slog.Logger

	tries  int  // since a session held
	opened bool // there has been a session
	stale  bool // the last session ended because its token expired
}

func newKeeper(d *Dialer, username string) *keeper {
	return &keeper{
		dialer:   d,
		username: username,
		source:   &login.Remembering{Source: d.TokenSource},
		log:      newAttempt(d, username).log,
	}
}

// level is that of the message before the next try: one session that ends is
// the ordinary course of things.
func (k *keeper) level() slog.Level {
	if k.tries > 1 {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// session is one dial and, where that succeeds, one call of f. It is done where
// f has returned by itself; otherwise err is an *Error.
func (k *keeper) session(ctx context.Context, f func(context.Context, *imapclient.Client) error) (held time.Duration, done bool, err error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	a := newAttempt(k.dialer, k.username)
	a.source = k.source
	a.ended = func(err error) { end(a.fail(context.WithoutCancel(ctx), OpSession, err)) }
	client, err := a.dial(ctx)
	if lost := a.lost(ctx); err != nil && lost == nil {
		return 0, false, err
	} else if err != nil {
		return 0, false, lost
	}
	defer client.Close()
	defer context.AfterFunc(ctx, func() { client.Close() })()
	k.opened = true
	start := time.Now()
	err = f(ctx, client)
	held = time.Since(start)
	if broken := client.Close(); broken != nil && !errors.Is(broken, net.ErrClosed) { // such as words that are no IMAP
		a.ended(broken)
	}
	done, err = a.outcome(ctx, err)
	return held, done, err
}

// lost returns the error with which the session that stood has ended, nil
// where it has not or by the caller's will.
func (a *attempt) lost(ctx context.Context) error {
	if e, ok := errors.AsType[*Error](context.Cause(ctx)); ok && e.Op == OpSession {
		return e
	}
	return nil
}

// outcome makes of what f returned what the session ended with, or finds f
// done.
func (a *attempt) outcome(ctx context.Context, err error) (done bool, _ error) {
	answer, ok := errors.AsType[*imap.Error](err)
	lost := a.lost(ctx)
	switch {
	case lost != nil && ok && answer.Type != imap.StatusResponseTypeBye:
		return false, a.fail(context.WithoutCancel(ctx), OpSession, fmt.Errorf("%w, then %w", err, errors.Unwrap(lost)))
	case lost != nil:
		return false, lost
	case ok && (transient(answer) || NotConnected(err)), errors.Is(err, ErrDialAgain):
		return false, a.fail(context.WithoutCancel(ctx), OpSession, err)
	}
	return true, err
}

// next decides what follows a session or a dial that ended with err, and when.
func (k *keeper) next(err error, held time.Duration) (wait time.Duration, again bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return 0, false
	}
	if held >= heldLong {
		k.tries = 0
	}
	k.tries++
	throttled, ok := Throttled(err)
	switch {
	case NotConnected(err):
		return 0, false
	case ok && throttled > 0:
		return min(max(throttled, minBackoff), maxThrottle), true
	case e.Op == OpSession:
		if k.stale = k.expired(err); k.stale {
			k.source.Expire()
		}
		if k.stale && held >= heldLong {
			return 0, true
		}
	case Refused(err):
		return k.backoff(), k.stale && k.tries <= maxStale
	case e.Temporary():
	case errors.Is(err, ErrProtocol) && !beforeToken(e.Op): // it has greeted well
	default:
		return k.backoff(), k.opened && beforeToken(e.Op)
	}
	return k.backoff(), true
}

// expired reports whether a session ended because of its token's age, or just
// when that was reached, of which a server may say nothing.
func (k *keeper) expired(err error) bool {
	expiry := k.source.Expiry()
	return Expired(err) || !expiry.IsZero() && !time.Now().Before(expiry)
}

// beforeToken reports whether op is a step that depends on the network and the
// server alone. What fails there after it has succeeded may succeed again.
func beforeToken(op string) bool {
	switch op {
	case OpConnect, OpTLS, OpGreeting, OpStartTLS, OpCapability:
		return true
	}
	return false
}

// backoff is exponential; ten thousand mailboxes that one outage cut off do
// not come back in step.
func (k *keeper) backoff() time.Duration {
	most := min(minBackoff<<min(k.tries-1, 20), maxBackoff)
	return most/2 + rand.N(most/2+1)
}
