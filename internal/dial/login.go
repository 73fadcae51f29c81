// Package dial is what imapdial and smtpdial have in common: it makes a
// connection that lives no longer than its context, gets a token at the same
// time, and authenticates.
package dial

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/wire"
)

// The steps that a Login names in failures.
const (
	OpToken        = "token"
	OpAuthenticate = "authenticate"
)

// Session is a connection on its way to being authenticated.
type Session interface {
	// Authenticate makes one attempt. It may be called again after a refusal.
	Authenticate(username, token string) error
	// Close ends the session at once. It may be called more than once.
	Close() error
}

// Login is one attempt to come to an authenticated session.
type Login[S Session] struct {
	Source   oauth2.TokenSource
	Username string
	// ValidFor is how long a token must still be valid; zero is no minimum.
	ValidFor time.Duration

	// Connect makes a session that lives no longer than ctx. Refusal made the
	// connection necessary; it is nil for the first one. The error is returned
	// as it is, and should include the refusal, by [After].
	Connect func(ctx context.Context, refusal error) (S, error)

	// Try is told each token before it is sent.
	Try func(token string)
	// Refused tells an answer of the server from a connection that broke.
	Refused func(error) bool
	// Renewable reports whether another token may be accepted.
	Renewable func(error) bool

	// Fail makes the error to return for a step. What comes from [After]
	// must stay together.
	Fail   func(ctx context.Context, op string, err error) error
	Logger *slog.Logger
}

// Run fetches the token and connects side by side, so that the caller waits
// for the longer of the two; the failure of the token ends the connecting.
//
// Exchange refuses a stale token in the same words as anything else, so a
// refusal is followed by one attempt with a fresh token, if the source has
// one, on the same connection if that is still open.
//
// What is still under way when Run returns, ends with ctx: the caller must
// cancel it.
func (l Login[S]) Run(ctx context.Context) (S, error) {
	connecting, stop := context.WithCancel(ctx)
	asked := askFor(connecting, l.Source, l.ValidFor, stop)

	s, err := l.Connect(connecting, nil)
	if err != nil {
		if failure := asked.failure(); failure != nil && ctx.Err() == nil {
			return l.fail(ctx, OpToken, failure)
		}
		return s, err
	}
	token, err := asked.wait(ctx)
	if err != nil {
		s.Close()
		return l.fail(ctx, OpToken, err)
	}
	refusal := l.authenticate(s, token)
	switch {
	case refusal == nil:
		return s, nil
	case asked.renewed || !l.Renewable(refusal):
		s.Close()
		return l.fail(ctx, OpAuthenticate, refusal)
	}
	return l.again(ctx, s, token, refusal)
}

func (l Login[S]) authenticate(s S, token *oauth2.Token) error {
	l.Try(token.AccessToken)
	return s.Authenticate(l.Username, token.AccessToken)
}

// again follows a refusal.
func (l Login[S]) again(ctx context.Context, s S, refused *oauth2.Token, refusal error) (S, error) {
	fresh, err := renew(ctx, l.Source, l.ValidFor, refused)
	switch {
	case err != nil:
		s.Close()
		return l.fail(ctx, OpAuthenticate, &Unrenewed{refusal, err})
	case fresh == nil:
		s.Close()
		return l.fail(ctx, OpAuthenticate, refusal)
	}
	l.Logger.InfoContext(ctx, "token refused, trying a fresh one", "refusal", refusal)
	err = l.authenticate(s, fresh)
	if err == nil {
		return s, nil
	}
	s.Close()
	if l.Refused(err) || ctx.Err() != nil {
		return l.fail(ctx, OpAuthenticate, After(err, refusal))
	}
	return l.anew(ctx, fresh, refusal)
}

// anew is for servers that close the connection after a refusal.
func (l Login[S]) anew(ctx context.Context, token *oauth2.Token, refusal error) (S, error) {
	s, err := l.Connect(ctx, refusal)
	if err != nil {
		return s, err
	}
	if err := l.authenticate(s, token); err != nil {
		s.Close()
		return l.fail(ctx, OpAuthenticate, After(err, refusal))
	}
	return s, nil
}

// Reason is the error to report for err. If ctx has ended, that is the reason,
// and the error of the broken connection is noise, unless the server had said
// something itself. A violation of the limits of package wire becomes an error
// that wraps protocol.
func Reason(ctx context.Context, err error, said bool, protocol error) error {
	switch ended := ctxerr.Of(ctx); {
	case ended != nil && said:
		err = fmt.Errorf("%w, after %w", ended, err)
	case ended != nil:
		err = ended
	}
	if _, ok := errors.AsType[wire.Violation](err); ok {
		err = fmt.Errorf("%w: %w", protocol, err)
	}
	return err
}

func (l Login[S]) fail(ctx context.Context, op string, err error) (S, error) {
	var none S
	return none, l.Fail(ctx, op, err)
}
