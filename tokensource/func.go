package tokensource

import (
	"context"
	"fmt"
	"time"

	"github.com/exoauth/exoauth/internal/journal"
)

// Func returns a source of tokens that come from f: from MSAL, azidentity, a
// vault, another process. It gives them what every [Source] has: one call at
// a time, shared by all who wait, and renewal before expires. With a credential
// of azidentity:
//
//	tokensource.Func(func(ctx context.Context) (string, time.Time, error) {
//		t, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{exoauth.Global.AppScope()}})
//		return t.Token, t.ExpiresOn, err
//	})
//
// f must return when its context ends: when nobody waits for the token any
// more, or ten seconds after the start of a renewal. The Source does not call f
// again by itself after a failure. A token that is empty or has a character
// outside of printable ASCII, and an expires that is zero, past or more than
// ten years away, are errors of the source. An error of f is wrapped. If it is
// temporary, such as a network error or one whose method Temporary() bool says
// so, it is remembered for a shorter time; see [Source].
func Func(f func(ctx context.Context) (token string, expires time.Time, err error)) *Source {
	if f == nil {
		return &Source{broken: &ConfigError{Field: "Func", Problem: "nil", Remedy: "pass a function that returns a token"}}
	}
	return newAppSource(&owner{name: "Func", log: journal.Silent}, nil, nil, func(ctx context.Context, _ pauseFunc) (*token, error) {
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
