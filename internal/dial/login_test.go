package dial

import (
	"context"
	"errors"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// source is one that knows contexts and can be told.
type source struct {
	token *oauth2.Token
	err   error
	told  []*oauth2.Token
}

func (s *source) Token() (*oauth2.Token, error) { return nil, errors.New("asked without a context") }
func (s *source) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	return s.token, errors.Join(ctx.Err(), s.err)
}
func (s *source) Invalidate(t *oauth2.Token) { s.told = append(s.told, t) }

func TestRemembering(t *testing.T) {
	first := &oauth2.Token{AccessToken: "first", Expiry: time.Unix(1, 0)}
	inner := &source{token: first}
	r := &Remembering{Source: inner}
	if !r.Expiry().IsZero() {
		t.Error("an expiry without a token")
	}
	r.Expire(t.Context()) // of no token yet
	if got, err := r.Token(); got != first || err != nil {
		t.Fatalf("got %v, %v", got, err)
	}
	inner.token, inner.err = nil, errors.New("no more")
	if _, err := r.Token(); !errors.Is(err, inner.err) {
		t.Errorf("error %v, want the source's", err)
	}
	if got := r.Expiry(); !got.Equal(first.Expiry) {
		t.Errorf("expiry %v, want that of the last token", got)
	}
	if r.Expire(t.Context()); len(inner.told) != 1 || inner.told[0] != first {
		t.Errorf("told of %v, want the last token", inner.told)
	}
}

func TestRememberingAPlainSource(t *testing.T) {
	r := &Remembering{Source: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "x"})}
	if _, err := r.TokenContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Expire(t.Context()) // the source does not want to know
	if _, err := (&Remembering{}).Token(); !errors.Is(err, errNoSource) {
		t.Errorf("error %v, want that for a nil source", err)
	}
}
