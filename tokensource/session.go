package tokensource

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/tokencache"
)

// session is what a flow keeps between its requests, in memory and on its
// shelf. Entra ID answers each use of a refresh token with a new one, which
// lives 90 days longer; other servers revoke the old one with that.
// (https://learn.microsoft.com/entra/identity-platform/refresh-tokens)
type session struct {
	owner
	shelf *shelf // nil where nothing is stored
	// redeem makes one request with a refresh token. Nil where there are none:
	// then nothing that cannot be had again is lost with the cache.
	redeem func(ctx context.Context, refreshToken string) (*grant, error)
	// signIn gets a token without a refresh token. Nil where that cannot be.
	signIn tokenFunc
	// interactive is set where signIn asks a person.
	interactive bool
	// ends is when the user's right to tokens ends; zero means never.
	ends time.Time

	// turn is held by the flow that uses what follows: one that nobody waits
	// for any more may not have come to its end when the next one starts.
	turn    chan struct{}
	anew    bool   // a person is to be asked first, whatever is stored
	begun   bool   // unsaved is of a new sign-in, so what is stored is of another
	refresh string // the refresh token in force
	stored  string // the one that the cache is known to have
	rotated bool   // refresh came with an answer, and is not stored
	unsaved *grant // not stored yet
	given   string // the access token that was returned last
	warned  bool   // of the cache, in this turn

	mu      sync.Mutex
	refused string // the access token that was invalidated last
	passed  string // the one that is not valid for long enough
}

// newUserSession returns one of a user. key is that of its tokens.
func newUserSession(cl *client, key func() (string, error), signIn tokenFunc) *session {
	s := newSession(cl, cl.cache, key, signIn)
	s.redeem = func(ctx context.Context, refreshToken string) (*grant, error) {
		// Without the scopes, the resource of the new token would be the
		// server's choice where the user consented to several.
		return cl.request(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}, "scope": {cl.scope}})
	}
	return s
}

var _ keeper = (*session)(nil)

// newSession returns one that gets no refresh tokens.
func newSession(o owner, cache tokencache.Cache, key func() (string, error), signIn tokenFunc) *session {
	return &session{owner: o, shelf: newShelf(o, cache, key), signIn: signIn, turn: make(chan struct{}, 1)}
}

func (s *session) source() *Source { return newSource(s) }

// token makes the session a flow.
func (s *session) token(ctx context.Context, pause pauseFunc) (*grant, error) {
	if !s.ends.IsZero() && !time.Now().Before(s.ends) {
		return nil, s.ended()
	}
	done, err := s.takeTurn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	s.warned = false
	g, err := s.get(ctx, pause)
	if err != nil {
		return nil, err
	}
	s.given = g.accessToken
	if g = g.until(s.ends); g.last && !newEntry(g).usable() {
		return nil, s.ended()
	}
	return g, nil
}

func (s *session) ended() error {
	e := s.failed(&ownError{"the assertion expired at " + s.ends.UTC().Format(time.RFC3339) + ": the calling program has to get a new one", nil})
	e.Code = "invalid_grant" // as Entra ID would say
	return e
}

// takeTurn waits until no other flow uses what the session keeps.
func (s *session) takeTurn(ctx context.Context) (done func(), err error) {
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, s.failed(ctxerr.Of(ctx))
	}
}

// errAsk says that a person has to be asked.
var errAsk = errors.New("a person has to be asked")

// get has others take their turn while a person is asked, who may never answer.
func (s *session) get(ctx context.Context, pause pauseFunc) (g *grant, err error) {
	if s.begun {
		if g, err = s.begin(ctx, s.unsaved); err != nil || newEntry(g).good() {
			return g, err
		}
	}
	err = errAsk
	if !s.anew {
		g, err = s.renew(ctx, pause)
	}
	if err != errAsk {
		return g, err
	}
	if g, err = s.signedIn(ctx, pause); err != nil {
		return nil, err
	}
	s.anew = false
	return s.begin(context.WithoutCancel(ctx), g)
}

// begin stores what a person's sign-in has brought, in the place of whatever
// is there. It is repeated until that is done, and first done without regard to
// who has left meanwhile: the person would have to sign in again.
func (s *session) begin(ctx context.Context, g *grant) (*grant, error) {
	s.take(g)
	s.begun = true
	held, unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return s.save(held)
}

// renew takes the stored token if the Source does not know it yet, or if it is
// fresh. Otherwise it makes a request, under the lock, unless another process
// has made it meanwhile.
func (s *session) renew(ctx context.Context, pause pauseFunc) (*grant, error) {
	r, err := s.look(ctx)
	if g := s.good(ctx, r); g != nil || err != nil {
		return g, err
	}
	ctx, unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if s.locks() {
		r, err = s.look(ctx)
		if g := s.good(ctx, r); g != nil || err != nil {
			return g, err
		}
	}
	if s.unsaved != nil {
		if g, err := s.save(ctx); err != nil || newEntry(g).good() {
			return g, err
		}
	}
	redeems := s.refresh != ""
	if redeems && s.locks() {
		release, err := s.shelf.makeRoom(ctx, r, s.refresh)
		if err != nil {
			return nil, s.trouble(ctx, err)
		}
		defer release()
	}
	g, err := s.obtain(ctx, pause)
	switch {
	case err != nil:
		return nil, err
	case redeems && s.leftMeanwhile(ctx):
		s.reset()
		return nil, s.noRefreshToken()
	}
	s.take(g)
	return s.save(ctx)
}

// obtain uses the refresh token, and signs in where there is none or where it
// is not good any more.
func (s *session) obtain(ctx context.Context, pause pauseFunc) (*grant, error) {
	var refusal error
	if s.refresh != "" {
		g, err := s.redeemed(ctx, pause)
		if !errors.Is(err, ErrInteractionRequired) {
			return g, err
		}
		refusal = err
	}
	switch {
	case s.signIn != nil && !(s.interactive && hurried(ctx)):
		if refusal != nil {
			s.logger().WarnContext(ctx, "tokensource: refresh token refused, signing in anew", "client", s.String(), "error", refusal)
		}
		if s.interactive {
			return nil, errAsk
		}
		return s.signedIn(ctx, pause)
	case refusal != nil:
		return nil, refusal
	}
	return nil, s.noRefreshToken()
}

// signedIn is what signing in brings. A refresh token of the time before may be
// somebody else's, so it is not used again, even where no new one has come.
func (s *session) signedIn(ctx context.Context, pause pauseFunc) (*grant, error) {
	g, err := s.signIn(ctx, pause)
	if err == nil {
		s.refresh, s.rotated, s.begun = "", false, true
	}
	return g, err
}

func (s *session) noRefreshToken() error {
	e := s.failed(&ownError{"there is no refresh token, and nobody is asked to sign in: have the user sign in with Exchange, DeviceCode, or AuthCode without a LoginHint, and the same Config", nil})
	e.Code = "login_required"
	return e
}

// hurried reports whether this is a renewal: only then has the context of a
// flow a deadline, one that is too soon for a person.
func hurried(ctx context.Context) bool {
	_, ok := ctx.Deadline()
	return ok
}

// redeemed is what the refresh token brings. One that is refused may have been
// used by a process that did not take its turn: then its successor is tried.
func (s *session) redeemed(ctx context.Context, pause pauseFunc) (*grant, error) {
	try := func() (*grant, error) {
		return s.retry(ctx, pause, func() (*grant, error) { return s.redeem(ctx, s.refresh) })
	}
	used := s.refresh
	g, err := try()
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.grantEnded() || s.shelf == nil {
		return g, err
	}
	switch r, err := s.look(ctx); {
	case err != nil || r == nil || r.RefreshToken == "":
	case s.refresh != used:
		return try()
	default:
		s.drop(ctx)
	}
	return nil, err
}

func (s *session) retry(ctx context.Context, pause pauseFunc, request func() (*grant, error)) (*grant, error) {
	return retrier{s, entraBackoff}.do(ctx, pause, request)
}

// take takes over what came with an answer. One without a refresh token leaves
// the old one in force. (RFC 6749 §6)
func (s *session) take(g *grant) {
	s.unsaved = g
	if s.redeem != nil && g.refreshToken != "" && g.refreshToken != s.refresh {
		s.refresh, s.rotated = g.refreshToken, true
	}
}

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
