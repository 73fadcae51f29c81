package login

import (
	"context"
	"errors"

	"golang.org/x/oauth2"
)

// errNoToken is returned for a source that gives neither a token nor an error.
var errNoToken = errors.New("the token source returned neither a token nor an error")

// errNoSource is returned for a nil source.
var errNoSource = errors.New("TokenSource is nil: set it to a tokensource.Source or any oauth2.TokenSource")

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
	done  chan struct{}
	token *oauth2.Token // set before done is closed
	err   error         // likewise
}

// askFor asks src for a token and returns at once. Where that fails, failed
// is called, unless it is nil.
func askFor(ctx context.Context, src oauth2.TokenSource, failed func()) *pending {
	return run(func() (*oauth2.Token, error) { return ask(ctx, src) }, failed)
}

func run(f func() (*oauth2.Token, error), failed func()) *pending {
	p := &pending{done: make(chan struct{})}
	go func() {
		p.token, p.err = f()
		if p.err == nil && p.token == nil {
			p.err = errNoToken
		}
		close(p.done)
		if p.err != nil && failed != nil {
			failed()
		}
	}()
	return p
}

func ask(ctx context.Context, src oauth2.TokenSource) (*oauth2.Token, error) {
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
		return nil, ctx.Err()
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

// renew tells src that a server refused a token and asks for another. It
// returns nil and no error if src has no other. It returns when ctx ends, even
// if Invalidate, which has no context, takes longer.
func renew(ctx context.Context, src oauth2.TokenSource, refused *oauth2.Token) (*oauth2.Token, error) {
	token, err := run(func() (*oauth2.Token, error) {
		if src, ok := src.(invalidator); ok {
			src.Invalidate(refused)
		}
		return ask(ctx, src)
	}, nil).wait(ctx)
	if err != nil {
		return nil, err
	}
	if token.AccessToken == refused.AccessToken {
		return nil, nil
	}
	return token, nil
}
