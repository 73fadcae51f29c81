package xoauth2

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

func TestSourceClientAsksAtEachStart(t *testing.T) {
	asked := 0
	c := NewSourceClient(t.Context(), vectorUser, sourceFunc(func() (*oauth2.Token, error) {
		asked++
		return &oauth2.Token{AccessToken: fmt.Sprintf("token-%d", asked)}, nil
	}))
	for n := 1; n <= 2; n++ {
		token := fmt.Sprintf("token-%d", n)
		want := string(initialResponse(vectorUser, token))
		mech, ir, err := c.Start()
		if mech != Mechanism || string(ir) != want || err != nil {
			t.Errorf("Start = %q, %q, %v; want %q", mech, ir, err, want)
		}
		if again, err := c.Next(nil); string(again) != want || err != nil {
			t.Errorf("Next = %q, %v; want the initial response", again, err)
		}
		if _, err := c.Next([]byte(`{"status":"` + token + `"}`)); err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("error %v, want one without the token", err)
		}
		if s := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(s, token) || !strings.Contains(s, vectorUser) {
			t.Errorf("%q, want the user without the token", s)
		}
	}
}

func TestSourceClientErrors(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	failure := errors.New("no network")
	fails := sourceFunc(func() (*oauth2.Token, error) { return nil, failure })
	good := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: vectorToken})
	for name, test := range map[string]struct {
		ctx      context.Context
		username string
		source   oauth2.TokenSource
		want     error
		text     string
	}{
		"the source fails":      {t.Context(), vectorUser, fails, failure, vectorUser},
		"no source":             {t.Context(), vectorUser, nil, nil, "TokenSource is nil"},
		"the context has ended": {ended, vectorUser, good, context.Canceled, vectorUser},
		"no user name":          {t.Context(), "", good, ErrInvalidCredentials, "the user name is empty"},
		"an empty token":        {t.Context(), vectorUser, oauth2.StaticTokenSource(&oauth2.Token{}), ErrInvalidCredentials, "the access token is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			mech, ir, err := NewSourceClient(test.ctx, test.username, test.source).Start()
			if mech != "" || ir != nil || err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("Start = %q, %q, %v; want nothing to send and %q", mech, ir, err, test.text)
			}
		})
	}
}

// The source is asked under the context of the client, as by SMTPAuthContext.
func TestSourceClientAsksUnderItsContext(t *testing.T) {
	type key struct{}
	src := &contextSource{}
	ctx := context.WithValue(t.Context(), key{}, "the client's")
	if _, _, err := NewSourceClient(ctx, vectorUser, src).Start(); err != nil {
		t.Fatal(err)
	}
	if src.got == nil || src.got.Value(key{}) != "the client's" {
		t.Error("the source was asked under another context")
	}
}

type contextSource struct{ got context.Context }

func (s *contextSource) Token() (*oauth2.Token, error) {
	return nil, errors.New("asked without a context")
}
func (s *contextSource) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	s.got = ctx
	return &oauth2.Token{AccessToken: vectorToken}, nil
}
