package xoauth2

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/smtp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
)

var tlsServer = &smtp.ServerInfo{Name: "smtp.example.com", TLS: true}

// sourceFunc is a token source that tells whether it was asked.
type sourceFunc func() (*oauth2.Token, error)

func (f sourceFunc) Token() (*oauth2.Token, error) { return f() }

func TestSMTPAuthWithoutTLS(t *testing.T) {
	tests := []struct {
		name, host string
		sends      bool
	}{
		{"localhost", "localhost", true},
		{"localhost in upper case", "LOCALHOST", true},
		{"localhost with its root dot", "localhost.", true},
		{"first IPv4 loopback address", "127.0.0.1", true},
		{"last IPv4 loopback address", "127.255.255.255", true},
		{"IPv6 loopback address", "::1", true},
		{"IPv4 loopback address in IPv6 form", "::ffff:127.0.0.1", true},
		{"no name", "", false},
		{"Exchange Online", "smtp.office365.com", false},
		{"a name below localhost", "mail.localhost", false},
		{"localhost below another name", "localhost.example.com", false},
		{"a name that begins like an address", "127.0.0.1.example.com", false},
		{"short form, which only some resolvers read", "127.1", false},
		{"below the loopback block", "126.255.255.255", false},
		{"above the loopback block", "128.0.0.0", false},
		{"any IPv4 address", "0.0.0.0", false},
		{"any IPv6 address", "::", false},
		{"private address", "192.168.0.1", false},
		{"two dots", "localhost..", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			asked := false
			auth := SMTPAuth(vectorUser, sourceFunc(func() (*oauth2.Token, error) {
				asked = true
				return &oauth2.Token{AccessToken: vectorToken}, nil
			}))
			_, ir, err := auth.Start(&smtp.ServerInfo{Name: test.host, Auth: []string{Mechanism}})
			switch {
			case test.sends && (err != nil || !bytes.Equal(ir, initialResponse(vectorUser, vectorToken))):
				t.Errorf("Start = %q, %v; want the initial response", ir, err)
			case !test.sends && (!errors.Is(err, ErrUnencrypted) || ir != nil):
				t.Errorf("Start = %q, %v; want ErrUnencrypted and nothing to send", ir, err)
			}
			if asked != test.sends {
				t.Errorf("source asked for a token: %t, want %t", asked, test.sends)
			}
		})
	}
}

func TestSMTPAuthStartErrors(t *testing.T) {
	down := errors.New("token endpoint is down")
	answer := func(token *oauth2.Token, err error) oauth2.TokenSource {
		return sourceFunc(func() (*oauth2.Token, error) { return token, err })
	}
	tests := []struct {
		name     string
		username string
		source   oauth2.TokenSource
		is       error
		want     string
	}{
		{"nil source", vectorUser, nil, nil, "SMTPAuth has a nil token source"},
		{"source fails", vectorUser, answer(nil, down), down, `no token for "test@contoso.onmicrosoft.com": token endpoint is down`},
		{"source answers with nothing", vectorUser, answer(nil, nil), nil, "neither a token nor an error"},
		{"source answers with an empty token", vectorUser, answer(&oauth2.Token{}, nil), ErrInvalidCredentials, "the access token is empty"},
		{"source answers with a line", vectorUser, answer(&oauth2.Token{AccessToken: vectorToken + "\r\n"}, nil), ErrInvalidCredentials, "0x0d at offset 40"},
		{"no user name", "", answer(&oauth2.Token{AccessToken: vectorToken}, nil), ErrInvalidCredentials, "the user name is empty"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			mech, ir, err := SMTPAuth(test.username, test.source).Start(tlsServer)
			if err == nil || mech != "" || ir != nil {
				t.Fatalf("Start = %q, %q, %v; want only an error", mech, ir, err)
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("error %v is not %v", err, test.is)
			}
			if !strings.HasPrefix(err.Error(), "xoauth2: ") || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), vectorToken) {
				t.Errorf("error %q, want %q in it and no token", err, test.want)
			}
		})
	}
}

func TestSMTPAuthNext(t *testing.T) {
	auth := SMTPAuth(vectorUser, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: vectorToken}))
	if _, _, err := auth.Start(tlsServer); err != nil {
		t.Fatal(err)
	}
	for _, empty := range [][]byte{nil, {}} {
		if resp, err := auth.Next(empty, true); resp != nil || !errors.Is(err, ErrTooManyChallenges) {
			t.Errorf("empty challenge: %q, %v; want ErrTooManyChallenges", resp, err)
		}
	}
	if resp, err := auth.Next([]byte(jsonRefusal), true); resp != nil || !isRefusal(err) {
		t.Errorf("refusal: %q, %v; want an *Error", resp, err)
	}
	if resp, err := auth.Next([]byte("2.7.0 Authentication successful"), false); resp != nil || err != nil {
		t.Errorf("after success: %q, %v; want nothing", resp, err)
	}
}

// A challenge belongs to any of the exchanges that are under way.
func TestSMTPAuthHidesTheTokenOfEachExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const exchanges = 64
		token := func(i int) string { return strings.Repeat(fmt.Sprintf("%02d~", i), 12) }
		asked := 0
		auth := SMTPAuth(vectorUser, sourceFunc(func() (*oauth2.Token, error) {
			asked++
			return &oauth2.Token{AccessToken: token(asked - 1)}, nil
		}))
		for range exchanges {
			time.Sleep(time.Minute / 2)
			if _, _, err := auth.Start(tlsServer); err != nil {
				t.Fatal(err)
			}
		}
		for _, i := range []int{0, exchanges / 2, exchanges - 1} {
			for _, echo := range []string{token(i), base64.StdEncoding.EncodeToString(initialResponse(vectorUser, token(i)))} {
				_, err := auth.Next([]byte(`{"status":"401 `+echo+`"}`), true)
				refusal, ok := errors.AsType[*Error](err)
				if !ok || !strings.HasPrefix(refusal.Status, "401 ") {
					t.Fatalf("exchange %d: error %v, want an *Error", i, err)
				}
				if text := fmt.Sprintf("%s %s", err, refusal.Raw); strings.Contains(text, echo[len(echo)/3:]) {
					t.Errorf("exchange %d: the token is in %s", i, text)
				}
			}
		}
	})
}

// What is kept so as to be hidden does not grow with the life of a program.
func TestSentTokens(t *testing.T) {
	for name, row := range map[string]struct {
		distinct, sent int
		apart          time.Duration
		want           int
	}{
		"the same one for all":         {1, 1000, time.Second, 1},
		"two that take turns":          {2, 1000, time.Minute, 2},
		"as many as are kept":          {maxSent, 1000, time.Second, maxSent},
		"one more":                     {maxSent + 1, 1000, time.Second, maxSent},
		"one more, for the first time": {maxSent + 1, maxSent + 1, time.Second, maxSent},
		"at the end of an exchange":    {1000, 1000, maxExchange, 2},
		"just after the exchange's":    {1000, 1000, maxExchange + 1, 1},
		"before the first one is sent": {1, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s sentTokens
				for i := range row.sent {
					time.Sleep(row.apart)
					s.add(fmt.Sprint("token ", i%row.distinct))
				}
				recent := s.recent()
				if len(recent) != row.want {
					t.Errorf("%d tokens kept, want %d", len(recent), row.want)
				}
				if last := fmt.Sprint("token ", (row.sent-1)%row.distinct); row.sent > 0 && !slices.Contains(recent, last) {
					t.Errorf("%s is not among them", last)
				}
			})
		})
	}
}

func TestSMTPAuthAsksForATokenEachTime(t *testing.T) {
	tokens := []string{"first-token", "second-token"}
	auth := SMTPAuth(vectorUser, sourceFunc(func() (*oauth2.Token, error) {
		token := &oauth2.Token{AccessToken: tokens[0]}
		tokens = tokens[1:]
		return token, nil
	}))
	for _, want := range []string{"first-token", "second-token"} {
		_, ir, err := auth.Start(tlsServer)
		if err != nil || !bytes.Equal(ir, initialResponse(vectorUser, want)) {
			t.Errorf("Start = %q, %v; want %s in it", ir, err, want)
		}
	}
}

// asked is a source that can be asked under a context, and for a time.
type asked struct {
	ctx      context.Context
	validFor time.Duration
	token    *oauth2.Token
}

func (s *asked) Token() (*oauth2.Token, error) { return nil, errors.New("asked without a context") }

func (s *asked) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	return s.TokenValidFor(ctx, 0)
}

func (s *asked) TokenValidFor(ctx context.Context, d time.Duration) (*oauth2.Token, error) {
	s.ctx, s.validFor = ctx, d
	return s.token, ctx.Err()
}

func TestSMTPAuthAsksUnderItsContext(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "of the message")
	for host, want := range map[string]time.Duration{
		"smtp.office365.com":     0,
		"localhost":              0,
		"smtp.hve.mx.microsoft":  10 * time.Minute,
		"smtp-hve.office365.com": 10 * time.Minute,
	} {
		src := &asked{token: &oauth2.Token{AccessToken: vectorToken, Expiry: time.Now().Add(time.Minute)}}
		_, ir, err := SMTPAuthContext(ctx, vectorUser, src).Start(&smtp.ServerInfo{Name: host, TLS: true})
		if err != nil || !bytes.Equal(ir, initialResponse(vectorUser, vectorToken)) {
			t.Errorf("%s: Start = %q, %v; want the initial response", host, ir, err)
		}
		if src.ctx == nil || src.ctx.Value(key{}) == nil || src.validFor != want {
			t.Errorf("%s: asked under %v for %v; want %v", host, src.ctx, src.validFor, want)
		}
	}
}

func TestSMTPAuthEndsWithItsContext(t *testing.T) {
	over := errors.New("the message is withdrawn")
	for name, row := range map[string]struct {
		src    oauth2.TokenSource
		before bool // the context has ended before Start
	}{
		"before the start":           {&asked{token: &oauth2.Token{AccessToken: vectorToken}}, true},
		"before the start, plain":    {oauth2.StaticTokenSource(&oauth2.Token{AccessToken: vectorToken}), true},
		"a source without a context": {sourceFunc(func() (*oauth2.Token, error) { time.Sleep(time.Hour); return nil, nil }), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				if row.before {
					cancel(over)
				}
				time.AfterFunc(time.Minute, func() { cancel(over) })
				start := time.Now()
				_, ir, err := SMTPAuthContext(ctx, vectorUser, row.src).Start(tlsServer)
				if !errors.Is(err, context.Canceled) || !errors.Is(err, over) || ir != nil || time.Since(start) > time.Minute {
					t.Errorf("Start = %q, %v after %v; want the error of the context and its cause", ir, err, time.Since(start))
				}
				time.Sleep(time.Hour) // until the source has answered
			})
		})
	}
}
