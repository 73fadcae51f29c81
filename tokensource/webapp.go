package tokensource

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/url"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/internal/journal"
	"github.com/exoauth/exoauth/internal/loopback"
	"github.com/exoauth/exoauth/internal/plain"
)

// A SignIn is a sign-in that a web application has begun. Keep it in the
// browser's session, encrypted or on the server; it can be stored as JSON. Its
// formatted value shows none of its fields.
type SignIn struct {
	State       string // ties the answer to the browser (RFC 6749 §10.12)
	Verifier    string // ties the code to this sign-in (RFC 7636)
	RedirectURL string // of the request
}

const redactedSignIn = "tokensource.SignIn(…)"

// Format shows that it is a SignIn, for every verb.
func (SignIn) Format(f fmt.State, _ rune) { io.WriteString(f, redactedSignIn) }

// LogValue shows that it is a SignIn.
func (SignIn) LogValue() slog.Value { return slog.StringValue(redactedSignIn) }

// AuthCodeURL begins a sign-in in a web application. Store the SignIn in the
// browser's session and redirect the browser to the address. When the browser
// comes back to [AuthCodeOptions.RedirectURL], pass the SignIn and the query to
// [Config.Exchange].
//
// The answer comes in the query of a GET request, because browsers send a
// SameSite=Lax cookie with that, and not with a POST from another site.
// AuthCodeURL itself sends nothing. Its error is a [*ConfigError].
func (c *Config) AuthCodeURL(o AuthCodeOptions) (address string, signIn SignIn, err error) {
	cl, bad := c.userClient()
	if bad == nil {
		bad = checkRedirect(o.RedirectURL)
	}
	if bad != nil {
		return "", SignIn{}, bad
	}
	address, signIn = cl.beginSignIn(o, "query")
	return address, signIn, nil
}

// Exchange completes a sign-in. The answer is the query or form with which the
// browser came back. Exchange redeems the authorization code in it and returns
// the user's Source, which has its first token and renews it with refresh
// tokens. Exchange rejects an answer whose state does not match signIn.
//
// A code can be redeemed only once, even if that fails, so Exchange does not
// repeat its request: after an error, begin a new sign-in. Exchange stores the
// tokens even if ctx has ended meanwhile. The errors are those of
// [Source.TokenContext]. If the user or Entra ID declined, an [*Error] has the
// reason; its Code is "access_denied" if the user did.
//
// Each user has a Source of their own. With a [Config.Cache], each user also
// needs a Config with their own [Config.CacheKey]; after a restart,
// [Config.Resume] with the same Config returns their Source. If your program
// keeps Sources, replace the user's older one: it may return its last failure
// for up to a minute. To learn who has signed in, add "openid" and "profile" to
// the Scopes and read the token's id_token; see [Source.TokenContext].
func (c *Config) Exchange(ctx context.Context, signIn SignIn, answer url.Values) (*Source, error) {
	cl, bad := c.userClient()
	if bad == nil {
		bad = c.checkCacheKey()
	}
	if bad != nil {
		return nil, bad
	}
	ctx, release := journal.Hold(ctx)
	defer release()
	t, err := cl.exchange(ctx, signIn, answer)
	if err != nil {
		return nil, err
	}
	s := newUserSession(cl, cl.keyOf(keyPerson), nil)
	if t, err = s.begin(context.WithoutCancel(ctx), t); err != nil {
		return nil, err
	}
	s.store.gave(t.AccessToken)
	source := s.source()
	source.cached.Store(t)
	return source, nil
}

// Resume returns a source of tokens for a user who has signed in before, perhaps
// in another run of the program. It never prompts, so it suits the handlers of a
// web application, and jobs that run unattended. If no sign-in is stored, or the
// user has to sign in again, the error is [ErrInteractionRequired].
//
// Resume finds a sign-in by [Config.Exchange], by [Config.DeviceCode], or by
// [Config.AuthCode] without a LoginHint. Only AuthCode with the same LoginHint
// finds one with a LoginHint. [Config.Cache] and [Config.CacheKey] are
// required. Both, and Cloud, Tenant, ClientID and Scopes, must be the same as
// at the sign-in. The Config needs a Credential if it had one then, and none
// otherwise.
func (c *Config) Resume() *Source {
	cl, err := c.userClient()
	switch {
	case err != nil:
	case c.Cache == nil:
		err = &ConfigError{Field: "Cache", Problem: "nil, so nobody's sign-in is stored", Remedy: "set it to the one that was set when the user signed in"}
	default:
		err = c.checkCacheKey()
	}
	if err != nil {
		return &Source{broken: err}
	}
	return newUserSession(cl, cl.keyOf(keyPerson), nil).source()
}

// checkCacheKey is for web applications, whose users are many.
func (c *Config) checkCacheKey() *ConfigError {
	if c.Cache == nil || c.CacheKey != "" {
		return nil
	}
	return &ConfigError{
		Field: "CacheKey", Problem: "empty, so that all users of the application would share what is in the Cache",
		Remedy: "copy the Config for each user, and set it to what the application knows the user by",
	}
}

// beginSignIn returns the address to send the browser to.
func (c *client) beginSignIn(o AuthCodeOptions, mode string) (address string, signIn SignIn) {
	signIn = SignIn{State: rand.Text(), Verifier: oauth2.GenerateVerifier(), RedirectURL: o.RedirectURL}
	query := url.Values{
		"client_id":             {c.clientID},
		"response_type":         {"code"},
		"response_mode":         {mode},
		"redirect_uri":          {signIn.RedirectURL},
		"scope":                 {c.scope},
		"state":                 {signIn.State},
		"code_challenge":        {oauth2.S256ChallengeFromVerifier(signIn.Verifier)},
		"code_challenge_method": {"S256"},
	}
	for name, value := range map[string]string{"login_hint": o.LoginHint, "prompt": o.Prompt, "claims": o.Claims} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return c.endpoint("authorize") + "?" + query.Encode(), signIn
}

// endpoint returns the address of the endpoint of that name.
func (c *client) endpoint(name string) string {
	return c.authority + "/" + c.tenant + "/oauth2/v2.0/" + name
}

// exchange redeems the code in an answer. It is not retried: a try that
// failed may have used up the code. (AADSTS54005)
func (c *client) exchange(ctx context.Context, signIn SignIn, answer url.Values) (*token, error) {
	code, err := c.code(signIn, answer)
	if err != nil {
		return nil, err
	}
	return c.request(ctx, url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"code_verifier": {signIn.Verifier},
		"redirect_uri":  {signIn.RedirectURL},
		"scope":         {c.scope},
	})
}

// code returns the code in an answer, or the error in it.
func (c *client) code(signIn SignIn, answer url.Values) (string, error) {
	code := answer.Get("code")
	switch {
	case !loopback.SameState(signIn.State, answer.Get("state")):
		return "", c.failed(&ownError{"the answer belongs to another sign-in: its state differs; begin a new one in this browser", nil})
	case answer.Has("error"):
		return "", c.declined(signIn, answer)
	case code == "":
		return "", c.failed(&ownError{"the answer has neither a code nor an error", nil})
	}
	return code, nil
}

// declined is the Error that came in an address rather than in JSON. Its text
// may echo the parameters of the sign-in.
func (c *client) declined(signIn SignIn, answer url.Values) *Error {
	secrets := new(plain.Secrets)
	secrets.Add(signIn.State, signIn.Verifier, answer.Get("code"))
	e := c.failed(nil)
	e.read(answer.Get, nil, secrets)
	e.Code = cmp.Or(e.Code, "unknown")
	return e
}

// checkRedirect is for web applications.
func checkRedirect(address string) *ConfigError {
	u, err := url.Parse(address)
	if err == nil && u.Fragment == "" && u.User == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && loopback.IsLocalhost(u.Hostname())) {
		return nil
	}
	return &ConfigError{
		Field: "AuthCodeOptions.RedirectURL", Value: unlessSecret(address), Problem: "not an https:// address",
		Remedy: "set it to the address of the handler that calls Exchange, as it is registered in Entra ID under the platform Web; http:// is allowed for localhost alone",
	}
}
