package tokensource

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/exoauth/exoauth/internal/plain"
)

// maxBody bounds what is read of an answer. A token is a few KiB.
const maxBody = 1 << 20

var (
	errTimeout = fmt.Errorf("no answer within the time limit: %w", context.DeadlineExceeded)
	errTooLong = errors.New("the answer is longer than 1 MiB")
)

// request makes a token request. Any error is an *Error. It adds to the form.
func (c *client) request(ctx context.Context, form url.Values) (t *token, err error) {
	e := c.post(ctx, "token", form, func(a *answer, asked time.Time) (err error) {
		if t, err = a.token(asked); err == nil {
			c.gotToken(ctx, t, a)
		}
		return err
	})
	if e != nil {
		return nil, e
	}
	return t, nil
}

// post sends a form to an endpoint, with the application's credential, and
// passes the answer to read. The credential goes into the body, which is the
// one way that Entra ID accepts for all kinds.
func (c *client) post(ctx context.Context, endpoint string, form url.Values, read func(a *answer, asked time.Time) error) *Error {
	form.Set("client_id", c.clientID)
	return c.authenticate(ctx, func(prove proof) *Error {
		ctx, cancel := context.WithTimeoutCause(ctx, c.limit, errTimeout)
		defer cancel()
		e := c.failed(nil)
		own, err := prove(ctx)
		if err != nil {
			e.Err = &credentialError{unwrapped(ctx, err)}
			return e
		}
		full := maps.Clone(form)
		maps.Copy(full, own)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint(endpoint), strings.NewReader(full.Encode()))
		if err != nil {
			e.Err = err
			return e
		}
		e.CorrelationID = newGUID()
		req.Header = http.Header{
			"Content-Type":      {"application/x-www-form-urlencoded"},
			"Client-Request-Id": {e.CorrelationID},
		}
		e.secretIsGUID = plain.IsGUID(full.Get("client_secret"))
		begun := time.Now()
		e = roundTrip(&c.http, req, e, secretsOf(full), read)
		if endpoint == "token" {
			c.requested(ctx, begun, e)
		}
		return e
	})
}

// requested tells the hooks of a request that was answered or has failed.
func (c *client) requested(ctx context.Context, begun time.Time, e *Error) {
	if e == nil {
		c.hooks.Request(ctx, begun, nil, nil)
		return
	}
	c.hooks.Request(ctx, begun, e, e.AADSTS)
}

// roundTrip sends a request and passes the answer to read. It returns nil, or e
// with what is wrong. No secret is in it.
func roundTrip(hc *http.Client, req *http.Request, e *Error, secrets *plain.Secrets, read func(a *answer, asked time.Time) error) *Error {
	asked := time.Now()
	a, err := exchange(hc, req)
	if err == nil {
		a.id, a.secrets = e.CorrelationID, secrets
		a.describe(e)
		err = read(a, asked)
	}
	switch err {
	case nil:
		return nil
	case errRefused:
		return e
	}
	e.Err = secrets.Err(err)
	return e
}

func (c *client) gotToken(ctx context.Context, t *token, a *answer) {
	c.log.DebugContext(ctx, "tokensource: got a token", "client", c.name, "lifetime", t.Lifetime, "correlation_id", a.id)
}

// exchange sends a request and reads the answer. An error means that there is
// none. An answer that broke off is returned, since its status and beginning
// tell something.
func exchange(hc *http.Client, req *http.Request) (*answer, error) {
	ctx := req.Context()
	resp, err := hc.Do(req)
	if err != nil {
		return nil, unwrapped(ctx, err)
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, header: resp.Header}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case len(a.body) > maxBody:
		a.broken = errTooLong
	case err != nil && ctx.Err() != nil && context.Cause(ctx) != errTimeout:
		return nil, unwrapped(ctx, err)
	case err != nil:
		a.broken = fmt.Errorf("%w: %w", errCutShort, unwrapped(ctx, err))
	}
	return a, nil
}

// unwrapped removes the wrapping of net/http from err. If the time limit was the
// reason, it names that.
func unwrapped(ctx context.Context, err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if context.Cause(ctx) == errTimeout {
		return errTimeout
	}
	return err
}

// redirected returns the error for a redirect. It shows only the host of the
// address, since the rest may hold secrets that were sent.
func redirected(location string) error {
	to := "somewhere"
	if u, err := url.Parse(location); err == nil && u.Host != "" {
		to = "the host " + u.Host
	}
	return fmt.Errorf("redirected to %s, which is not followed because it would be sent the credential: check Cloud.Authority, and for a proxy that asks to log in", to)
}

// newGUID returns a random UUID (RFC 9562 version 4).
func newGUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
