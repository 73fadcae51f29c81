package dial

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
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

// strict is a client that refuses what it is asked twice.
type strict struct {
	asked  int
	cannot error // be sent
}

func (s *strict) Start() (string, []byte, error) { return "X", nil, s.cannot }
func (s *strict) Next(challenge []byte) ([]byte, error) {
	if s.asked++; len(challenge) > 0 || s.asked > 1 {
		return nil, errors.New("refused")
	}
	return nil, nil
}

func TestOAuthBearer(t *testing.T) {
	for name, test := range map[string]struct{ user, addr, want string }{
		"host and port": {"a@contoso.com", "mail.example.com:993", "n,a=a@contoso.com,\x01host=mail.example.com\x01port=993\x01auth=Bearer secret\x01\x01"},
		"IPv6":          {"a@contoso.com", "[::1]:993", "n,a=a@contoso.com,\x01host=::1\x01port=993\x01auth=Bearer secret\x01\x01"},
		"no address":    {"a@contoso.com", "", "n,a=a@contoso.com,\x01auth=Bearer secret\x01\x01"},
		"escapes":       {"a,b=c", "", "n,a=a=2Cb=3Dc,\x01auth=Bearer secret\x01\x01"},
	} {
		t.Run(name, func(t *testing.T) {
			c := NewOAuthBearer(new(strict), test.user, "secret", test.addr)
			mech, ir, err := c.Start()
			if mech != sasl.OAuthBearer || string(ir) != test.want || err != nil {
				t.Errorf("got %q, %q, %v; want %q", mech, ir, err, test.want)
			}
			if again, err := c.Next(nil); string(again) != test.want || err != nil {
				t.Errorf("asked again: %q, %v", again, err)
			}
			if answer, err := c.Next([]byte("{}")); string(answer) != "\x01" || err == nil {
				t.Errorf("acknowledgement %q, %v; want ^A and the refusal", answer, err)
			}
			if s := fmt.Sprintf("%v %+v %#v %s", c, c, c, c); strings.Contains(s, "secret") {
				t.Errorf("the token is in %q", s)
			}
		})
	}
}

// RFC 7628 §3.2.3 has a client acknowledge a refusal with ^A. An empty challenge
// asks for the initial response, once.
func TestOAuthBearerIsAskedAgain(t *testing.T) {
	c := NewOAuthBearer(new(strict), "a@contoso.com", "secret", "")
	if _, _, err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(nil); err != nil {
		t.Errorf("the first empty challenge: %v", err)
	}
	if answer, err := c.Next(nil); err == nil || string(answer) != "\x01" {
		t.Errorf("the second empty challenge: %q, %v; want ^A and a refusal", answer, err)
	}
	impatient := NewOAuthBearer(&strict{asked: 1}, "a@contoso.com", "secret", "")
	impatient.Start()
	if _, err := impatient.Next(nil); err == nil {
		t.Error("the empty challenges were not counted")
	}
	cannot := errors.New("the user name is empty")
	if _, ir, err := NewOAuthBearer(&strict{cannot: cannot}, "", "secret", "").Start(); err != cannot || ir != nil {
		t.Errorf("%q, %v; want the error of the client for the same user", ir, err)
	}
}
