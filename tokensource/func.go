package tokensource

import (
	"context"
	"fmt"
	"time"

	"github.com/exoauth/exoauth/internal/journal"
)

// Func returns a source of tokens from f, such as those of MSAL, azidentity or a
// vault. Like every [Source], it calls f once for all who wait, and again before
// the token expires. With a credential of azidentity:
//
//	tokensource.Func(func(ctx context.Context) (string, time.Time, error) {
//		t, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{exoauth.Global.AppScope()}})
//		return t.Token, t.ExpiresOn, err
//	})
//
// f must return when its context ends: when nobody waits for the token any
// more, or ten seconds after the start of a renewal. If f fails, the Source
// wraps its error, and calls f again only when it is asked again. It remembers
// the error for a shorter time if that is retryable: a network error, or one
// whose method Retryable() bool or Temporary() bool returns true; see [Source].
// The Source returns an error if the token is empty or has a character outside
// of printable ASCII, or if expires is zero, past or more than ten years away.
func Func(f func(ctx context.Context) (token string, expires time.Time, err error)) *Source {
	if f == nil {
		return &Source{broken: &ConfigError{Field: "Func", Problem: "nil", Remedy: "pass a function that returns a token"}}
	}
	return newAppSource(&client{name: "Func", log: journal.Silent}, nil, func(ctx context.Context, _ pauseFunc) (*token, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		asked := time.Now()
		text, expires, err := f(ctx)
		if err != nil {
			return nil, oneLine{fmt.Errorf("tokensource: Func: %w", err)}
		}
		t := newToken(text, asked, expires.Sub(asked.Round(0)))
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("tokensource: Func: %w", err)
		}
		return t, nil
	})
}
