package dial

import (
	"context"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// Remembering is a source that knows the last token it gave.
type Remembering struct {
	Source oauth2.TokenSource

	mu   sync.Mutex // guards last
	last *oauth2.Token
}

// Token implements oauth2.TokenSource.
func (r *Remembering) Token() (*oauth2.Token, error) { return r.TokenContext(context.Background()) }

// TokenContext asks the source, under ctx where it knows contexts.
func (r *Remembering) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	token, err := ask(ctx, r.Source, 0)
	if err == nil && token != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.last = token
	}
	return token, err
}

// Expiry returns when the last token expires, zero where it does not.
func (r *Remembering) Expiry() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		return time.Time{}
	}
	return r.last.Expiry
}

// Expire tells the source that the last token is of no use any more. It
// returns when ctx ends, even if Invalidate, which has no context, takes
// longer.
func (r *Remembering) Expire(ctx context.Context) {
	r.mu.Lock()
	last := r.last
	r.mu.Unlock()
	if last == nil {
		return
	}
	run(func(*pending) { r.Invalidate(last) }, nil).wait(ctx)
}

// Invalidate tells the source of a token that was refused, if it wants to know.
func (r *Remembering) Invalidate(t *oauth2.Token) {
	if src, ok := r.Source.(invalidator); ok {
		src.Invalidate(t)
	}
}
