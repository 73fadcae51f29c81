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
// suits a program on the user's own machine.
type AuthCodeOptions struct {
	// RedirectURL is the address to which Entra ID sends the browser with its
	// answer. It must be registered.
	//
	// [Config.AuthCode]: empty means http://localhost, registered under "Mobile
	// and desktop applications". You may add a path, or use 127.0.0.1 as the
	// host. Without a port, AuthCode takes a free one each time, since Entra ID
	// does not compare the port.
	// (https://learn.microsoft.com/entra/identity-platform/reply-url#localhost-exceptions)
	//
	// [Config.AuthCodeURL]: the address of the web application's handler.
	// Required.
	RedirectURL string

	// LoginHint is the user name to begin with, such as jane@contoso.com.
	// Empty means that Entra ID asks for it, or knows the user already.
	LoginHint string

	// Prompt makes Entra ID ask the user even if it need not: "select_account",
	// "login" or "consent". Empty means that it asks only if necessary.
	Prompt string

	// Claims are the [Error.Claims] that this sign-in has to satisfy. Empty
	// means none.
	Claims string

	// Open shows the address to the user. It may return at once, or block until
	// ctx ends, which it does with the sign-in. An error ends the sign-in. Nil
	// means the browser of this machine or, if none opens, a line on standard
	// error with the address. AuthCodeURL does not use Open.
	Open func(ctx context.Context, address string) error
}

// signInLimit bounds the time that a person has to sign in.
const signInLimit = 15 * time.Minute

var errNobodySignedIn error = &ownError{"nobody signed in within 15 minutes", nil}

// AuthCode returns a source of tokens for the user of this machine: the
// authorization code grant with PKCE, with the system's browser and a redirect
// address on this machine (RFC 8252). The app registration must have the
// redirect address of [AuthCodeOptions]. Leave Credential nil.
//
// The browser opens with the first call for a token, once for all callers. They
// wait until the user has signed in, their contexts end, or 15 minutes have
// passed. After the sign-in, the Source uses refresh tokens. The browser opens
// again if the refresh token is refused and the access token has expired.
//
// To sign in once for all runs of a program, set [Config.Cache]. With a Prompt
// or Claims, each Source asks the user once, even if the Cache has tokens. If
// several people use one program, set the LoginHint or a [Config.CacheKey] for
// each.
//
// Call [Source.TokenContext] before you pass the source to a dialer: a dialer
// gives up after a minute, and the sign-in ends with its last waiter.
//
// For a machine without a browser, see [Config.DeviceCode].
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

// hinted returns the user for the key of a sign-in. Without a hint, AuthCode
// shares its entry with DeviceCode, Exchange and Resume.
func hinted(name string) []string {
	if name == "" {
		return nil
	}
	return []string{strings.ToLower(name)}
}

// signInHere waits for the answer of one sign-in on this machine, and shows the
// outcome in the browser.
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
		case <-ctx.Done():
			if context.Cause(ctx) == errNobodySignedIn {
				return nil, c.failed(errNobodySignedIn)
			}
			return nil, c.failed(ctxerr.Of(ctx))
		}
	}
}

// outcome returns the text for the browser.
func outcome(err error) loopback.Outcome {
	if err == nil {
		return loopback.Outcome{SignedIn: true}
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return loopback.Outcome{Reason: e.reason()}
	}
	return loopback.Outcome{Reason: "an error that the program knows about"}
}
