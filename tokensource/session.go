package tokensource

import (
	"context"
	"errors"
	"net/url"

	"github.com/exoauth/exoauth/internal/transport"
)

// session is what a flow with a user keeps between its requests. Entra ID
// answers each use of a refresh token with a new one, which lives 90 days
// longer; other servers revoke the old one with that.
// (https://learn.microsoft.com/entra/identity-platform/refresh-tokens)
type session struct {
	client *client
	// signIn gets a token without a refresh token. Nil where that cannot be.
	signIn flow
	// interactive is set where signIn asks a person.
	interactive bool

	// turn is held by the flow that uses what follows: one that nobody waits
	// for any more may not have come to its end when the next one starts.
	turn    chan struct{}
	refresh string
	unsaved bool
}

func newSession(cl *client, signIn flow) *session {
	return &session{client: cl, signIn: signIn, turn: make(chan struct{}, 1)}
}

func (s *session) source() *Source { return newSource(s.client.name, s.client.log, s.token) }

// token is the flow of a Source.
func (s *session) token(ctx context.Context, pause pauseFunc) (*grant, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, s.client.failed(transport.ContextError(ctx))
	}
	if err := s.save(ctx); err != nil {
		return nil, err
	}
	g, err := s.obtain(ctx, pause)
	if err != nil {
		return nil, err
	}
	if err := s.keep(ctx, g); err != nil {
		return nil, err
	}
	return g, nil
}

// obtain uses the refresh token, and signs in where there is none or where it
// is not good any more.
func (s *session) obtain(ctx context.Context, pause pauseFunc) (*grant, error) {
	canSignIn := s.signIn != nil && !(s.interactive && hurried(ctx))
	if s.refresh != "" {
		g, err := s.redeem(ctx, pause)
		if !canSignIn || !errors.Is(err, ErrInteractionRequired) {
			return g, err
		}
	}
	if !canSignIn {
		e := s.client.failed(&ownError{"there is no refresh token, and nobody is asked to sign in while the old token is good", nil})
		e.Code = "login_required"
		return nil, e
	}
	return s.signIn(ctx, pause)
}

// hurried reports whether this is a renewal: only then has the context of a
// flow a deadline, one that is too soon for a person.
func hurried(ctx context.Context) bool {
	_, ok := ctx.Deadline()
	return ok
}

// redeem sends the scopes too. Without them, the resource of the new token
// would be the server's choice where the user consented to several.
func (s *session) redeem(ctx context.Context, pause pauseFunc) (*grant, error) {
	return s.client.retry(ctx, pause, func() (*grant, error) {
		return s.client.request(ctx, url.Values{
			"grant_type":    {"refresh_token"},
			"refresh_token": {s.refresh},
			"scope":         {s.client.scope},
		})
	})
}

// keep takes over the refresh token that came with g. An answer without one
// leaves the old one in force. (RFC 6749 section 6)
func (s *session) keep(ctx context.Context, g *grant) error {
	if g.refreshToken == "" || g.refreshToken == s.refresh {
		return nil
	}
	s.refresh, s.unsaved = g.refreshToken, true
	return s.save(ctx)
}

// save has the refresh token stored. One that could not be is kept, and stored
// before it is used.
func (s *session) save(ctx context.Context) error {
	if !s.unsaved || s.client.save == nil {
		return nil
	}
	if err := s.client.save(ctx, s.refresh); err != nil {
		err = (&redactor{secrets: []string{s.refresh}}).err(err)
		return s.client.failed(&ownError{"SaveRefreshToken", err})
	}
	s.unsaved = false
	return nil
}

// failed returns the Error for what failed without an answer of the server.
func (c *client) failed(err error) *Error {
	return &Error{Tenant: c.tenant, ClientID: c.clientID, Err: err}
}

// ownError is a failure of neither the network nor the server, but of a
// function that the program gave, or of nobody where err is nil.
type ownError struct {
	what string
	err  error
}

func (e *ownError) Error() string {
	if e.err == nil {
		return e.what
	}
	return e.what + ": " + e.err.Error()
}

func (e *ownError) Unwrap() error { return e.err }
