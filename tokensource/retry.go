package tokensource

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/exoauth/exoauth/internal/verdict"
)

const (
	maxTries  = 3
	firstWait = time.Second // at most, before the second try; doubled after that
	// longestWait is the longest that a server's Retry-After is waited for
	// before an answer is given to the caller.
	longestWait = 10 * time.Second
	// loopPause is how long Entra ID is seen to block an application for
	// AADSTS50196.
	loopPause = 2 * time.Minute
)

// A backoff says how long to wait after the try of that number has failed with
// err, which is temporary, or that there is no use in another one.
type backoff func(try int, err error) (wait time.Duration, again bool)

// entraBackoff is that of a token endpoint.
func entraBackoff(try int, err error) (time.Duration, bool) {
	return spread(firstWait<<(try-1), err), try < maxTries
}

// spread spreads the tries of many clients over time. What the server says is
// the least.
func spread(wait time.Duration, err error) time.Duration {
	if told := toldToWait(err); told > 0 {
		return told + rand.N(firstWait/4)
	}
	return wait/2 + rand.N(wait/2)
}

// retry makes a request, and again after a failure that may pass.
func (c *client) retry(ctx context.Context, pause pauseFunc, next backoff, request func() (*token, error)) (*token, error) {
	var before []*Error // the failure of the try before
	for try := 1; ; try++ {
		t, err := request()
		e, _ := errors.AsType[*Error](err)
		if e != nil && ctx.Err() != nil { // the error says nothing about the server
			return nil, e.after(before...)
		}
		if err == nil || !verdict.Retryable(err) {
			return t, err
		}
		wait, again := next(try, err)
		if !again || toldToWait(err) > longestWait || !pause(ctx, wait, err) {
			return nil, err
		}
		if e != nil {
			before = []*Error{e}
		}
		c.log.DebugContext(ctx, "tokensource: trying again", "client", c.name, "after", wait, "error", err)
	}
}

func toldToWait(err error) time.Duration {
	if e, ok := err.(*Error); ok {
		return e.RetryAfter
	}
	return 0
}

// retryAfter reads the header of that name: seconds, or a date, which it
// compares with the server's own if there is one. (RFC 9110 §10.2.3)
func retryAfter(h http.Header, now time.Time) time.Duration {
	const most = 24 * time.Hour
	value := h.Get("Retry-After")
	if value == "" {
		return 0
	}
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, most)
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(until.Sub(now), 0), most)
}
