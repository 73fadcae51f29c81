package tokensource

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/loopback"
)

// AuthCodeOptions are the settings of a sign-in with a browser. The zero value
// is one for a program on the user's own machine.
type AuthCodeOptions struct {
	// RedirectURL is where Entra ID sends the browser with its answer. It must
	// be registered.
	//
	// In [Config.AuthCode], empty means http://localhost, to be registered
	// under "Mobile and desktop applications". Another path may be given, or
	// the host 127.0.0.1. Without a port, a free one is taken each time: Entra
	// ID compares everything but the port.
	// (https://learn.microsoft.com/entra/identity-platform/reply-url#localhost-exceptions)
	//
	// In [Config.AuthCodeURL] it is the address of the web application's
	// handler, and required.
	RedirectURL string

	// LoginHint is the user name to begin with, such as jane@contoso.com.
	// Empty means that the user is asked, or is signed in already.
	LoginHint string

	// Prompt is "select_account", "login" or "consent" to have the user asked
	// for that in any case. Empty means what is needed.
	Prompt string

	// Claims is an [Error.Claims] that this sign-in is to satisfy. Empty means
	// none.
	Claims string

	// Open has the user visit the address. It may return at once, or stay
	// until ctx ends, which it does when the sign-in is over; an error ends
	// the sign-in. Nil means the browser of this machine or, if none opens, a
	// line on standard error with the address. AuthCodeURL does not use it.
	Open func(ctx context.Context, address string) error
}

// signInLimit bounds the time that a person has to sign in.
const signInLimit = 15 * time.Minute

var errNobodySignedIn error = &ownError{"nobody signed in within 15 minutes", nil}

// AuthCode returns a source of tokens for the user of this machine: the
// authorization code grant with PKCE, through the system's browser and an
// address on this machine that takes the answer (RFC 8252). ClientID is that
// of an application with the redirect address of [AuthCodeOptions] and no
// Credential.
//
// The browser opens when the source is first asked for a token, once however
// many callers ask, and they wait until somebody has signed in or their
// contexts end; after 15 minutes they fail. From then on refresh tokens are used. The
// browser opens again when the refresh token is refused and the last access
// token has expired. To sign in once for all runs of a program, set
// [Config.Cache]. With a Prompt or Claims in the options each Source asks once,
// whatever is in the Cache. Where several people use one program, set the LoginHint
// or a [Config.CacheKey] for each.
//
// Call [Source.TokenContext] before the source is given to a dialer: a dialer
// gives up after a minute, and a sign-in that nobody waits for any more ends.
//
// A machine without a browser cannot take part, unless the address is opened
// in one whose localhost is this machine's, as through a forwarded port. See
// [Config.DeviceCode] for all others.
//
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow)
func (c *Config) AuthCode(o AuthCodeOptions) *Source {
	cl, err := c.userClient()
	if err != nil {
		return &Source{broken: err}
	}
	at, ok := loopback.ParseURL(o.RedirectURL)
	if !ok {
		return &Source{broken: &ConfigError{
			Field: "AuthCodeOptions.RedirectURL", Value: unlessSecret(o.RedirectURL), Problem: "not an address on this machine",
			Remedy: "leave it empty, or set it to http://localhost or http://127.0.0.1, with a path or a port if they are registered",
		}}
	}
	if o.Open == nil {
		o.Open = loopback.Open
	}
	s := newUserSession(cl, cl.keyOf(keyPerson, hinted(o.LoginHint)...), func(ctx context.Context, _ pauseFunc) (*token, error) {
		l, err := loopback.Listen(at)
		if err != nil {
			return nil, cl.failed(&ownError{"cannot wait for the browser", err})
		}
		o := o
		o.RedirectURL = l.Redirect
		return cl.signInHere(ctx, o, l)
	})
	s.interactive = true
	s.anew = o.Prompt != "" || o.Claims != ""
	return s.source()
}

// hinted is the user in the key of a sign-in, none where there is no hint: then
// it is one with the sign-ins by a device code and in a web application.
func hinted(name string) []string {
	if name == "" {
		return nil
	}
	return []string{strings.ToLower(name)}
}

// signInHere takes the answer of one sign-in on this machine, and tells the
// person in front of the browser what came of it.
func (c *client) signInHere(ctx context.Context, o AuthCodeOptions, l *loopback.Server) (g *token, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, signInLimit, errNobodySignedIn)
	defer cancel()
	address, signIn := c.beginSignIn(o, "form_post")
	answers := l.Serve(signIn.State)
	defer func() { l.Finish(outcome(err)) }()

	opened := make(chan error, 1)
	go func() { opened <- o.Open(ctx, address) }()
	for {
		select {
		case answer := <-answers:
			return c.exchange(ctx, signIn, answer)
		case err := <-opened:
			if err != nil && ctx.Err() == nil {
				return nil, c.failed(&ownError{"the page to sign in was not opened", err})
			}
			opened = nil // wait for the answer
		case <-ctx.Done():
			if context.Cause(ctx) == errNobodySignedIn {
				return nil, c.failed(errNobodySignedIn)
			}
			return nil, c.failed(ctxerr.Of(ctx))
		}
	}
}

// outcome is what the person in front of the browser is told.
func outcome(err error) loopback.Outcome {
	if err == nil {
		return loopback.Outcome{SignedIn: true}
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return loopback.Outcome{Reason: e.reason()}
	}
	return loopback.Outcome{Reason: "an error that the program knows about"}
}
