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
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/dial"
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

// ErrDialAgain is for the function passed to Keep. If the function returns an
// error that wraps it, Keep closes the session and dials again, with back-off.
// Use it for a failure that Keep cannot see, such as a server that is too slow
// for the function.
var ErrDialAgain = errors.New("imapdial: the session is to be replaced")

// Keep keeps a session with the mailbox username until ctx ends. It dials,
// calls f with the client, and does both again when the session has ended. The
// context of f ends with the session, and f must then return. If the session
// failed, the cause of that context is an [*Error] of step OpSession, which
// quotes the server. Keep closes the client after f has returned. Nil options
// mean the zero KeepOptions. A nil f is an error.
//
// Keep gives up only on a failure that a person must fix, and returns it as an
// *Error. Some failures are final at any time:
//
//   - A person has to sign in or consent: the TokenSource returns
//     tokensource.ErrInteractionRequired.
//   - A setting cannot work: the user name cannot be sent, the TokenSource is
//     nil, or it returns a *tokensource.ConfigError.
//   - The server says that the account is blocked, has no mailbox, or may not
//     use a password.
//
// Others are final only if the mailbox has not been open before:
//
//   - The server refuses a fresh token (see [Refused]), or the mailbox does
//     not open (see [NotConnected]).
//   - Addr is malformed, or its host does not exist.
//   - The TLS handshake, the greeting or the capabilities fail in a way that is
//     not [Retryable]: the certificate is not trusted, or the server does not
//     speak IMAP or does not offer XOAUTH2.
//   - A file that the TokenSource needs cannot be read.
//
// With SkipProbe, the mailbox counts as open once a session has lasted a minute
// or has ended with another reason than "not connected".
//
// Keep tries again after any other failure: an outage of the network, of the
// name servers, of Entra ID or of Exchange, a proxy that answers in their
// place, or any other error of the TokenSource. Once the mailbox has been open,
// it also tries again after a refused token or "not connected". Even a wrong
// client secret is an error of the TokenSource, so set Dialer.Logger to see why
// Keep waits.
//
// Keep dials again
//
//   - at once, if the session lasted at least ten seconds and ended because the
//     token expired ("* BYE Session invalidated - AccessTokenExpired"); Keep
//     invalidates the token first;
//   - after the time that the server names if it throttles, but at least one
//     second and at most fifteen minutes;
//   - after three to five minutes, if a mailbox that was open before is "not
//     connected", which too many connections can cause;
//   - otherwise after a pause that doubles with each failure, from one second
//     to five minutes, minus a random part of up to half. A session that lasted
//     at least ten seconds resets the pause.
//
// The number of dials that fail in a second is limited, for all mailboxes of a
// Dialer together; see Dialer.MaxDials.
//
// Keep also ends a session if the server sends nothing for ten minutes while
// the client waits for the end of an answer, or if imapclient closes the
// connection itself, as it does if it cannot parse a response.
//
// When ctx ends, Keep returns the error of ctx, together with the last failure
// if there is no session. If f returns before the session has ended, Keep
// returns the error of f, which may be nil. There are two exceptions, after
// which Keep dials again: the error wraps [ErrDialAgain], or it is an
// *imap.Error that is [Retryable] or says "not connected". If the server has
// echoed a token in the error, Keep masks it.
func (d *Dialer) Keep(ctx context.Context, username string, options *KeepOptions, f func(context.Context, *imapclient.Client) error) error {
	k := newKeeper(d, username, options)
	if f == nil {
		return k.report.Fail(ctx, string(OpSession), errNoFunction)
	}
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
		k.report.Backoff(k.tries, wait, err)
		k.report.Log(ctx, k.level(), "session over, dialing again", "held", held, "wait", wait, "try", k.tries, "reason", err)
		if !ctxerr.Sleep(ctx, wait) {
			return k.ended(ctx)
		}
	}
}

// KeepOptions are the options of [Dialer.Keep] for one mailbox. With them, one
// Dialer and its MaxDials serve mailboxes that have different handlers or
// users. The zero value is usable.
type KeepOptions struct {
	// Options replace Dialer.Options, so that each mailbox can have a
	// UnilateralDataHandler of its own. Nil means Dialer.Options.
	Options *imapclient.Options

	// TokenSource replaces Dialer.TokenSource, for the mailbox of a user who has
	// signed in. Nil means Dialer.TokenSource.
	TokenSource oauth2.TokenSource
}

// keeper is one call of Keep.
type keeper struct {
	dialer  *Dialer
	options KeepOptions
	report  dial.Reporter
	source  oauth2.TokenSource

	token  *oauth2.Token // of the last session
	tries  int           // since a session held
	opened bool          // the mailbox has been open
	last   error         // why there is no session; nil while there is one
}

const errNoFunction = verdict.Setting("f is nil: pass Keep the function to call with the client")

func newKeeper(d *Dialer, username string, options *KeepOptions) *keeper {
	k := &keeper{dialer: d, report: d.reporter(username), source: d.TokenSource}
	if options != nil {
		k.options = *options
	}
	if k.options.TokenSource != nil {
		k.source = k.options.TokenSource
	}
	return k
}

// level is the level of the message before the next try. It is normal that a
// session ends once.
func (k *keeper) level() slog.Level {
	if k.tries > 1 {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// ended returns the error of ctx, with the failure that kept the mailbox closed
// until then.
func (k *keeper) ended(ctx context.Context) error {
	if k.last == nil {
		return ctxerr.Of(ctx)
	}
	return fmt.Errorf("%w, after %w", ctxerr.Of(ctx), k.last)
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
		dial.Expire(ctx, k.source, k.token)
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
	return dial.Backoff(k.tries, minBackoff, maxBackoff), true
}

// final reports whether a person must fix e before another try can succeed.
func (k *keeper) final(e *Error) bool {
	_, file := errors.AsType[*fs.PathError](e)
	answer, answered := reply(e)
	switch {
	case errors.Is(e, verdict.ErrInteraction), xoauth2.Validate(k.report.Username, "-") != nil:
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

// wrongServer reports whether there is no such server, or a different one.
func wrongServer(e *Error) bool {
	switch e.Op {
	case OpConnect:
		name, ok := errors.AsType[*net.DNSError](e)
		_, malformed := errors.AsType[*net.AddrError](e)
		return malformed || ok && name.IsNotFound
	case OpTLS, OpGreeting, OpStartTLS, OpCapability:
		return !e.Retryable()
	}
	return false
}

// expired reports whether a session ended because its token expired, or after
// the token's expiry, which a server need not mention.
func (k *keeper) expired(err error) bool {
	return Expired(err) || k.token != nil && !k.token.Expiry.IsZero() && !time.Now().Before(k.token.Expiry)
}
