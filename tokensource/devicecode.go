package tokensource

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/exoauth/exoauth/internal/ctxerr"
	"github.com/exoauth/exoauth/internal/plain"
)

// A DeviceCode tells a person how to sign in on another device.
type DeviceCode struct {
	UserCode        string    // the code to enter, such as F7KQ2XRTN
	VerificationURL string    // the page to enter it on, such as https://microsoft.com/devicelogin
	Message         string    // one sentence with both, from the server if it sent one
	Expires         time.Time // by the clock of this machine
}

const (
	// deviceInterval is the time between polls if the server does not say.
	// (RFC 8628 §3.2)
	deviceInterval = 5 * time.Second
	// slowDown is added to the interval each time the server asks for that.
	// (RFC 8628 §3.5)
	slowDown = 5 * time.Second
	// slowestPoll bounds the back-off from a server in trouble.
	slowestPoll = time.Minute
	// maxShown bounds, in bytes, each text that is shown to the person.
	maxShown = 2 << 10
)

// DeviceCode returns a source of tokens for a user who signs in on another
// device: the device authorization grant (RFC 8628). It suits a program without
// a browser. The app registration must allow public client flows (or the error
// is AADSTS7000218). Conditional Access often forbids this flow (AADSTS53003),
// because it is a target of phishing.
//
// The first call for a token calls show with the code. show must return as soon
// as the person can see the code. Its ctx ends when no caller waits for the
// token any more. If show returns an error, the sign-in ends. A nil show writes
// the message to standard error. The callers wait until the person has signed
// in. When the code expires, which takes 15 minutes at most, they get an
// [*Error] with the Code "expired_token", and a later call begins anew. After
// the sign-in, the Source uses refresh tokens.
//
// To sign in once for all runs of a program, set [Config.Cache]. An unattended
// run, such as a nightly job, should use [Config.Resume] instead, which never
// prompts. If several people sign in to one program, set a [Config.CacheKey] for
// each.
//
// Call [Source.TokenContext] before you pass the source to a dialer: a dialer
// gives up after a minute, and the sign-in ends with its last waiter.
//
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code)
func (c *Config) DeviceCode(show func(ctx context.Context, code DeviceCode) error) *Source {
	cl, err := c.userClient()
	if err != nil {
		return &Source{broken: err}
	}
	if show == nil {
		show = func(_ context.Context, code DeviceCode) error {
			_, err := fmt.Fprintln(os.Stderr, code.Message)
			return err
		}
	}
	s := newUserSession(cl, cl.keyOf(keyPerson), func(ctx context.Context, pause pauseFunc) (*token, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		d, err := cl.authorizeDevice(ctx, pause)
		if err != nil {
			return nil, err
		}
		if err := show(ctx, d.DeviceCode); err != nil {
			return nil, cl.failed(&ownError{"the device code was not shown", err})
		}
		return cl.poll(ctx, d)
	})
	s.interactive = true
	return s.source()
}

// device is an answer of the device authorization endpoint.
type device struct {
	DeviceCode
	code     string
	interval time.Duration
}

// authorizeDevice gets a code, and tries again if that can help.
func (c *client) authorizeDevice(ctx context.Context, pause pauseFunc) (d *device, err error) {
	_, err = c.retry(ctx, pause, entraBackoff, func() (*token, error) {
		e := c.post(ctx, "devicecode", url.Values{"scope": {c.scope}}, func(a *answer, asked time.Time) (err error) {
			d, err = a.device(asked)
			return err
		})
		if e != nil {
			return nil, e
		}
		return nil, nil
	})
	return d, err
}

// device returns the codes, or why there are none.
func (a *answer) device(asked time.Time) (*device, error) {
	if err := a.success(); err != nil {
		return nil, err
	}
	lifetime, err := seconds(a.fields["expires_in"])
	if err != nil {
		return nil, fmt.Errorf("the lifetime of the device code (expires_in) %w", err)
	}
	d := &device{code: a.fields.text("device_code"), interval: deviceInterval}
	if interval, err := seconds(a.fields["interval"]); err == nil {
		d.interval = interval
	}
	a.secrets.Add(d.code)
	shown := func(name string) string { return plain.Line(plain.Head(a.secrets.Text(a.fields.text(name)), maxShown)) }
	d.UserCode = shown("user_code")
	d.VerificationURL = cmp.Or(shown("verification_uri"), shown("verification_url"))
	d.Expires = asked.Add(min(lifetime, signInLimit))
	switch {
	case d.code == "" || d.UserCode == "":
		return nil, errors.New("the answer lacks device_code or user_code")
	case !strings.HasPrefix(d.VerificationURL, "https://") && !strings.HasPrefix(d.VerificationURL, "http://"):
		return nil, errors.New("the answer has no verification_uri that a browser opens")
	}
	usual := "To sign in, open the page " + d.VerificationURL + " in a web browser and enter the code " + d.UserCode + "."
	d.Message = cmp.Or(shown("message"), usual)
	return d, nil
}

// poll asks for the token once in each interval, until there is one or the code
// has expired.
func (c *client) poll(ctx context.Context, d *device) (*token, error) {
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {d.code}}
	interval, wait := d.interval, d.interval
	var failed []*Error // the last poll, if it did not come to an answer about the person
	for ctxerr.Sleep(ctx, min(wait, time.Until(d.Expires))) && time.Now().Before(d.Expires) {
		g, err := c.request(ctx, form)
		if err == nil {
			return g, nil
		}
		e, _ := errors.AsType[*Error](err)
		pending := failed
		failed = nil
		switch {
		case e == nil:
			return nil, err
		case ctx.Err() != nil:
			return nil, e.after(pending...)
		case e.Code == "authorization_pending":
		case e.Code == "slow_down":
			interval += slowDown
		case e.Retryable():
			failed = []*Error{e}
			interval = max(interval, min(2*interval, slowestPoll))
		default:
			return nil, err
		}
		wait = max(interval, e.RetryAfter)
	}
	if err := ctxerr.Of(ctx); err != nil {
		return nil, c.failed(err).after(failed...)
	}
	e := c.failed(&ownError{"nobody signed in before the code expired", nil})
	e.Code = "expired_token"
	return nil, e.after(failed...)
}
