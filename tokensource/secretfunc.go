package tokensource

import (
	"context"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/exoauth/exoauth/internal/plain"
)

// SecretFunc is [Secret] for a value that changes while the program runs, such
// as one in a file or a vault, or for one with a known expiry.
//
// The Source calls f for each request. f must be safe for concurrent use and
// return when its context ends. If f fails, the [*Error] wraps its error, which
// also decides whether the failure is [Error.Retryable].
//
// expires is when the secret expires in Entra ID; zero means that this is
// unknown. In the thirty days before, the Source logs a warning with a request
// for a token, once a day at most. After expires it still sends the secret:
// Entra ID decides.
func SecretFunc(f func(ctx context.Context) (secret string, expires time.Time, err error)) Credential {
	return secretFunc{"tokensource.SecretFunc(…)", f}
}

type secretFunc struct {
	plain.Kind
	get func(context.Context) (string, time.Time, error)
}

func (s secretFunc) check() *ConfigError {
	if s.get == nil {
		return &ConfigError{Problem: "a secret without a source", Remedy: "pass a function that returns one"}
	}
	return nil
}

// secretWarning is how long before its end a secret is warned about.
const secretWarning = 30 * 24 * time.Hour

func (s secretFunc) authenticator(cl *client) authenticator {
	var warned atomic.Int64 // the time of the last warning, in seconds of Unix
	warn := func(ctx context.Context, expires time.Time) {
		now, last := time.Now(), warned.Load()
		if !expires.IsZero() && expires.Sub(now) < secretWarning && now.Unix()-last >= 24*60*60 && warned.CompareAndSwap(last, now.Unix()) {
			cl.log.WarnContext(ctx, "tokensource: the client secret expires soon", "expires", expires, "client", cl.name)
		}
	}
	return func(_ context.Context, send func(proof) *Error) *Error {
		return send(func(ctx context.Context) (url.Values, error) {
			value, expires, err := s.get(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.Kind, err)
			}
			if bad := checkCredential(Secret(value)); bad != nil {
				return nil, bad
			}
			warn(ctx, expires)
			return url.Values{"client_secret": {value}}, nil
		})
	}
}
