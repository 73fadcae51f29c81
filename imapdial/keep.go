package imapdial

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/internal/login"
	"github.com/exoauth/exoauth/internal/transport"
	"github.com/exoauth/exoauth/internal/verdict"
	"github.com/exoauth/exoauth/xoauth2"
)

// How Keep waits between two sessions. Tests shorten the variables.
var (
	minBackoff = time.Second
	maxBackoff = 5 * time.Minute
	heldLong   = 10 * time.Second // a session that resets the back-off
)

const (
	maxThrottle = 15 * time.Minute // the most that Keep waits for a server that throttles
	proven      = time.Minute      // a session that proves the mailbox without the probe
)

// ErrDialAgain is for the function given to Keep: an error that wraps it makes
// Keep replace the session, with back-off. It is for what Keep cannot see, such
// as a server that does not answer a command in a time that suits the caller.
var ErrDialAgain = errors.New("imapdial: the session is to be replaced")

// Keep holds a session on the mailbox username for as long as ctx lives: it
// dials, calls f with the client, and when the session ends dials and calls f
// again. The context of f ends with the session, its cause an [*Error] of step
// OpSession with the server's last words; f must return then. Keep closes the
// client when f has returned.
//
// Keep gives up only on what a person must mend, and returns it as an *Error:
//
//   - A person has to sign in or to consent: the error of the TokenSource is
//     tokensource.ErrInteractionRequired, by errors.Is.
//   - A setting cannot work: the user name cannot be sent, the TokenSource is
//     nil or returns a *tokensource.ConfigError. A file that cannot be read may
//     be there again later, once there has been a session.
//   - The server says so: the account is blocked or has no mailbox, or the
//     server takes the token for a password.
//   - The mailbox has not been open yet, and the server refuses a token that is
//     fresh (see [Refused]), does not open the mailbox (see [NotConnected]), has
//     no such address, a certificate that is not trusted, or no XOAUTH2, or does
//     not speak IMAP.
//
// Everything else may pass, and Keep tries it again for as long as ctx lives:
// an outage of the network, of the name servers, of Entra ID or of Exchange, a
// proxy that answers for them, any other error of a TokenSource, and, once the
// mailbox has been open, a token that is refused or a mailbox that is not
// connected. An error that nobody knows is not taken for a final one.
//
// Keep dials again
//
//   - at once if the token had expired, which Exchange says with "* BYE Session
//     invalidated - AccessTokenExpired", and the session had held for ten
//     seconds; Keep tells the TokenSource of the token first;
//   - when the server's own time is over if it throttles, within a quarter of
//     an hour at most;
//   - after three to five minutes if a mailbox that has been open is not
//     connected, as it happens with too many connections to it;
//   - otherwise with an exponential back-off from one second to five minutes,
//     each pause shortened by a random part, up to half. A session that held
//     for ten seconds resets it.
//
// Dials that fail are paced for all mailboxes of the Dialer together; see
// MaxDials.
//
// A session also ends if the server sends nothing for ten minutes after the
// client has asked for something, and if imapclient closes the connection by
// itself, as it does on words that it cannot parse.
//
// When ctx ends, Keep returns its error, together with the last failure if the
// mailbox is not open. It also returns when f does while the session stands: nil
// for nil, and the error of f as it is, unless that wraps [ErrDialAgain] or is a
// server's answer, an *imap.Error, that passes or says "not connected". If the
// error has a token in it that a server has echoed, Keep hides that. It refuses
// a nil f.
func (d *Dialer) Keep(ctx context.Context, username string, f func(context.Context, *imapclient.Client) error) error {
	if f == nil {
		return newAttempt(d, username).fail(ctx, OpSession, errNoFunction)
	}
	k := newKeeper(d, username)
	for {
		held, done, err := k.session(ctx, f)
		if ctx.Err() != nil {
			return k.ended(ctx)
		}
		if done {
			return err
		}
		wait, again := k.next(ctx, err.(*Error), held)
		if !again {
			return err
		}
		k.log.LogAttrs(ctx, k.level(), "imapdial: session over, dialling again", slog.Duration("held", held),
			slog.Duration("wait", wait), slog.Int("try", k.tries), slog.Any("reason", err))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return k.ended(ctx)
		}
	}
}

// keeper is one call of Keep.
type keeper struct {
	dialer   *Dialer
	username string
	source   *login.Remembering
	log      *slog.Logger

	tries  int   // since a session held
	opened bool  // the mailbox has been open
	last   error // why there is no session; nil while there is one
}

const errNoFunction = verdict.Setting("Keep has no function to call with the client: f is nil")

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

// ended is the error to return when ctx has ended: with what had kept the
// mailbox closed until then.
func (k *keeper) ended(ctx context.Context) error {
	if k.last == nil {
		return transport.ContextError(ctx)
	}
	return fmt.Errorf("%w, after %w", transport.ContextError(ctx), k.last)
}

// next decides what follows a session or a dial that ended with e, and when.
func (k *keeper) next(ctx context.Context, e *Error, held time.Duration) (wait time.Duration, again bool) {
	k.opened = k.opened || e.Op == OpSession && (!k.dialer.SkipProbe || !NotConnected(e) || held >= proven)
	if k.final(e) {
		return 0, false
	}
	if held >= heldLong {
		k.tries = 0
	}
	k.tries++
	expired := e.Op == OpSession && k.expired(e)
	if expired {
		k.source.Expire(ctx)
	}
	throttled, _ := Throttled(e)
	switch {
	case throttled > 0:
		return min(max(throttled, minBackoff), maxThrottle), true
	case NotConnected(e):
		return verdict.LeastPause + rand.N(verdict.MostPause-verdict.LeastPause), true
	case expired && held >= heldLong:
		return 0, true
	}
	return k.backoff(), true
}

// final reports whether a person must mend e before another try can succeed.
func (k *keeper) final(e *Error) bool {
	_, file := errors.AsType[*fs.PathError](e)
	answer, answered := reply(e)
	switch {
	case errors.Is(e, verdict.ErrInteraction), xoauth2.Validate(k.username, "-") != nil:
		return true
	case errors.Is(e, verdict.ErrSetting):
		return !file || !k.opened
	case answered && verdict.Of(answer.Text).Final():
		return true
	case k.opened:
		return false
	case NotConnected(e), Refused(e):
		return true
	}
	return wrongServer(e)
}

// wrongServer reports whether e says that there is no such server, or another
// one than was meant.
func wrongServer(e *Error) bool {
	switch e.Op {
	case OpConnect:
		name, ok := errors.AsType[*net.DNSError](e)
		_, malformed := errors.AsType[*net.AddrError](e)
		return malformed || ok && name.IsNotFound
	case OpTLS, OpGreeting, OpStartTLS, OpCapability:
		return !e.Temporary()
	}
	return false
}

// expired reports whether a session ended because of its token's age, or just
// when that was reached, of which a server may say nothing.
func (k *keeper) expired(err error) bool {
	expiry := k.source.Expiry()
	return Expired(err) || !expiry.IsZero() && !time.Now().Before(expiry)
}

// backoff is exponential; ten thousand mailboxes that one outage cut off do
// not come back in step.
func (k *keeper) backoff() time.Duration {
	most := min(minBackoff<<min(k.tries-1, 20), maxBackoff)
	return most/2 + rand.N(most/2+1)
}
