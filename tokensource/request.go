package tokensource

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBody bounds what is read of an answer. A token is a few KiB.
const (
	maxBody  = 1 << 20
	maxFirst = 16 << 10 // of which no more than this is set aside before it is there
)

var (
	errTimeout = fmt.Errorf("no answer within the time limit: %w", context.DeadlineExceeded)
	errTooLong = errors.New("the answer is longer than 1 MiB")
)

// request makes a token request. Whatever fails is an *Error. The form is added
// to.
func (c *client) request(ctx context.Context, form url.Values) (*grant, error) {
	var g *grant
	e := c.signed(ctx, func(s signer) (e *Error) {
		own := form
		if len(c.signers) > 1 { // the next one may be of another kind
			own = maps.Clone(form)
		}
		g, e = c.once(ctx, s, own)
		return e
	})
	if e != nil {
		return nil, e
	}
	return g, nil
}

// once makes one request and reads the answer. The credential goes into the
// body, which is the one way that Entra ID takes for all of them, and is never
// tried in another.
func (c *client) once(ctx context.Context, s signer, form url.Values) (*grant, *Error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.limit, errTimeout)
	defer cancel()
	e := c.failed(nil)
	form.Set("client_id", c.clientID)
	if s.sign != nil {
		if err := s.sign(ctx, form); err != nil {
			e.Err = &credentialError{unwrapped(ctx, err)}
			return nil, e
		}
	}
	r := secretsOf(form)
	e.CorrelationID = newGUID()
	asked := time.Now()
	a, err := c.post(ctx, c.endpoint("token"), form, e.CorrelationID)
	if err != nil {
		e.Err = r.Err(err)
		return nil, e
	}
	a.describe(e, r)
	g, err := a.grant(e, asked)
	if err != nil {
		e.secretIsGUID = guidPattern.MatchString(form.Get("client_secret"))
		if err != errRefused {
			e.Err = r.Err(err)
		}
		return nil, e
	}
	logToken(ctx, c, g, e.CorrelationID)
	return g, nil
}

func logToken(ctx context.Context, o owner, g *grant, id string) {
	if log := o.logger(); log.Enabled(ctx, slog.LevelDebug) {
		log.DebugContext(ctx, "tokensource: got a token", "client", o.String(), "lifetime", g.lifetime, "correlation_id", id)
	}
}

// post sends the form.
func (c *client) post(ctx context.Context, address string, form url.Values, id string) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header = http.Header{
		"Content-Type":      {"application/x-www-form-urlencoded"},
		"Client-Request-Id": {id},
	}
	return exchange(&c.http, req)
}

// exchange sends a request and reads the answer. An error means that there is
// none: of one that broke off, the status and the beginning tell something.
func exchange(hc *http.Client, req *http.Request) (*answer, error) {
	ctx := req.Context()
	resp, err := hc.Do(req)
	if err != nil {
		return nil, unwrapped(ctx, err)
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, header: resp.Header}
	a.body, err = readBody(resp)
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

// readBody reads at most a byte more than maxBody, in one piece where the
// server has said how long that is.
func readBody(resp *http.Response) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(int(min(max(resp.ContentLength, 0), maxFirst)) + bytes.MinRead)
	_, err := b.ReadFrom(io.LimitReader(resp.Body, maxBody+1))
	return b.Bytes(), err
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

// redirected tells where the server would have the request repeated. Of the
// address only the host is shown, for the rest may hold what was sent.
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
	text := make([]byte, 0, 36)
	for i, part := range [][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			text = append(text, '-')
		}
		text = hex.AppendEncode(text, part)
	}
	return string(text)
}
