package dial

import (
	"context"
	"errors"
	"testing"

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

func TestExpire(t *testing.T) {
	token := &oauth2.Token{AccessToken: "first"}
	src := &source{token: token}
	Expire(t.Context(), src, nil) // of no token yet
	if Expire(t.Context(), src, token); len(src.told) != 1 || src.told[0] != token {
		t.Errorf("told of %v, want the token", src.told)
	}
	Expire(t.Context(), oauth2.StaticTokenSource(token), token) // that does not want to know
	Expire(t.Context(), nil, token)
	if _, err := Token(t.Context(), nil, 0); !errors.Is(err, errNoSource) {
		t.Errorf("error %v, want that for a nil source", err)
	}
}
