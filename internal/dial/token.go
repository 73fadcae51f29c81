package dial

import (
	"context"
	"errors"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/verdict"
)

// errNoToken is returned for a source that gives neither a token nor an error.
var errNoToken = errors.New("the token source returned neither a token nor an error")

// errNoSource is returned for a nil source.
const errNoSource = verdict.Setting("TokenSource is nil: set it to a tokensource.Source or any oauth2.TokenSource")

// contextSource is what a tokensource.Source is besides an oauth2.TokenSource.
type contextSource interface {
	TokenContext(context.Context) (*oauth2.Token, error)
}

// invalidator is a source that can be told of a refusal.
type invalidator interface {
	Invalidate(*oauth2.Token)
}

// pending is a token that has been asked for. The interface of x/oauth2 has no
// place for a context (golang/oauth2#262), so a plain source goes on in its
// goroutine until it returns, whatever becomes of ctx.
type pending struct {
	done    chan struct{}
	token   *oauth2.Token // set before done is closed
	renewed bool          // likewise: the source gave it when it was told of another
	err     error         // likewise
	took    time.Duration // likewise
}

// askFor asks src for a token that is valid for d and returns at once. If src
// fails, failed is called, unless it is nil.
func askFor(ctx context.Context, src oauth2.TokenSource, d time.Duration, failed func()) *pending {
	return run(func(p *pending) { p.token, p.renewed, p.err = askLasting(ctx, src, d) }, failed)
}

// run sets the answer of a pending token with f, which may end its goroutine,
// as a failing test does.
func run(f func(*pending), failed func()) *pending {
	p := &pending{done: make(chan struct{})}
	begun := time.Now()
	go func() {
		defer func() {
			p.took = time.Since(begun)
			if p.err == nil && p.token == nil {
				p.err = errNoToken
			}
			close(p.done)
			if p.err != nil && failed != nil {
				failed()
			}
		}()
		f(p)
	}()
	return p
}

// Token returns a token of src, which it asks as a Login does for one that is
// valid for d. It returns the error of ctx as soon as that ends.
func Token(ctx context.Context, src oauth2.TokenSource, d time.Duration) (*oauth2.Token, error) {
	if err := ctxerr.Of(ctx); err != nil {
		return nil, err
	}
	return askFor(ctx, src, d, nil).wait(ctx)
}

func ask(ctx context.Context, src oauth2.TokenSource, d time.Duration) (*oauth2.Token, error) {
	if src, ok := src.(lastingSource); ok && d > 0 {
		return src.TokenValidFor(ctx, d)
	}
	switch src := src.(type) {
	case nil:
		return nil, errNoSource
	case contextSource:
		return src.TokenContext(ctx)
	default:
		return src.Token()
	}
}

// wait returns the token, or the error of ctx as soon as that ends.
func (p *pending) wait(ctx context.Context) (*oauth2.Token, error) {
	select {
	case <-p.done:
		return p.token, p.err
	case <-ctx.Done():
		return nil, ctxerr.Of(ctx)
	}
}

// failure returns the error of the source, or nil while there is none.
func (p *pending) failure() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// elapsed returns how long the source took, or zero if it has not answered.
func (p *pending) elapsed() time.Duration {
	select {
	case <-p.done:
		return p.took
	default:
		return 0
	}
}

// renew tells src that a server refused a token and asks for another. It
// returns nil and no error if src has no other. It returns when ctx ends, even
// if Invalidate, which has no context, takes longer.
func renew(ctx context.Context, src oauth2.TokenSource, d time.Duration, refused *oauth2.Token) (*oauth2.Token, error) {
	token, err := run(func(p *pending) {
		if src, ok := src.(invalidator); ok {
			src.Invalidate(refused)
		}
		p.token, p.err = ask(ctx, src, d)
	}, nil).wait(ctx)
	if err != nil {
		return nil, err
	}
	if token.AccessToken == refused.AccessToken {
		return nil, nil
	}
	return token, nil
}

// Expire tells src that a token is of no use any more, if it wants to know. It
// returns when ctx ends, even if Invalidate, which has no context, takes longer.
func Expire(ctx context.Context, src oauth2.TokenSource, token *oauth2.Token) {
	if told, ok := src.(invalidator); ok && token != nil {
		run(func(*pending) { told.Invalidate(token) }, nil).wait(ctx)
	}
}
