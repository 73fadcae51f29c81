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
// as that of a file or a vault, or whose end is known.
//
// f is called for each request. It must be safe for concurrent use and return
// when its context ends. The [*Error] wraps an error of f, which decides whether
// it is [Error.Retryable].
//
// expires is when the secret ends, in Entra ID; zero means that nobody knows. In
// the thirty days before, the Source logs a warning once a day, when it asks for
// a token. It sends the secret after that day, too: Entra ID decides.
func SecretFunc(f func(ctx context.Context) (secret string, expires time.Time, err error)) Credential {
	return secretFunc{"tokensource.SecretFunc(…)", f}
}

type secretFunc struct {
	plain.Kind
	get func(context.Context) (string, time.Time, error)
}

func (s secretFunc) check() *ConfigError {
	if s.get == nil {
		return &ConfigError{Problem: "a secret from nowhere", Remedy: "pass a function that returns one"}
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
