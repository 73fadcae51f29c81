package tokensource

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// sequence answers the first requests with these, and the later ones with
// tokens.
func sequence(answers ...func(int, *http.Request) (*http.Response, error)) func(int, *http.Request) (*http.Response, error) {
	return func(n int, r *http.Request) (*http.Response, error) {
		if n <= len(answers) {
			return answers[n-1](n, r)
		}
		return ok(n, 3600), nil
	}
}

func answering(status int, body string, header ...string) func(int, *http.Request) (*http.Response, error) {
	return func(int, *http.Request) (*http.Response, error) { return response(status, body, header...), nil }
}

func TestRetries(t *testing.T) {
	reset := func(int, *http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	tests := []struct {
		name     string
		answer   func(int, *http.Request) (*http.Response, error)
		requests int
		err      string
	}{
		{"503", sequence(unavailable), 2, ""},
		{"408", sequence(answering(408, "")), 2, ""},
		{"429 in plain text", sequence(answering(429, "Too Many Requests", "Retry-After", "1")), 2, ""},
		{"network", sequence(reset, reset), 3, ""},
		{"temporarily_unavailable", sequence(answering(400, `{"error":"temporarily_unavailable"}`)), 2, ""},
		{"server_error", sequence(answering(400, `{"error":"server_error"}`)), 2, ""},
		{"AADSTS90033", sequence(answering(400, `{"error":"invalid_request","error_codes":[90033]}`)), 2, ""},
		{"AADSTS90033 in the description", sequence(answering(400, `{"error":"x","error_description":"AADSTS90033: A transient error"}`)), 2, ""},
		{"three times", sequence(unavailable, unavailable, unavailable), 3, "503"},
		{"then refused", sequence(unavailable, refuse), 2, "7000222"},
		{"refused", refuse, 1, "7000222"},
		{"loop detected", answering(400, `{"error":"invalid_request","error_codes":[50196]}`), 1, "50196"},
		{"locked out, which retries prolong", answering(400, `{"error":"invalid_grant","error_codes":[50053]}`), 1, "50053"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: test.answer}
				_, err := server.source().Token()
				wantError(t, err, test.err)
				wantRequests(t, server, test.requests)
			})
		})
	}
}

func TestWaitsBetweenTries(t *testing.T) {
	date := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	value := func(v string) func() []string { return func() []string { return []string{"Retry-After", v} } }
	tests := []struct {
		name     string
		header   func() []string
		min, max time.Duration
	}{
		{"not told", func() []string { return nil }, 500 * time.Millisecond, time.Second},
		{"seconds", value("3"), 3 * time.Second, 3250 * time.Millisecond},
		{"as long as is waited for", value("10"), 10 * time.Second, 10250 * time.Millisecond},
		{"date", func() []string { return []string{"Retry-After", date(4 * time.Second)} }, 4 * time.Second, 4250 * time.Millisecond},
		{"date by a clock that is wrong", func() []string {
			return []string{"Retry-After", date(time.Hour + 4*time.Second), "Date", date(time.Hour)}
		}, 4 * time.Second, 4250 * time.Millisecond},
		{"date gone by", func() []string { return []string{"Retry-After", date(-time.Hour)} }, 500 * time.Millisecond, time.Second},
		{"zero", value("0"), 500 * time.Millisecond, time.Second},
		{"negative", value("-5"), 500 * time.Millisecond, time.Second},
		{"words", value("soon"), 500 * time.Millisecond, time.Second},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			server := &fakeEntra{answer: sequence(answering(503, "", test.header()...))}
			want(t, server.source(), 2)
			if waited := server.times[1].Sub(server.times[0]); waited < test.min || waited >= test.max {
				t.Errorf("%s: waited %v; want %v to %v", test.name, waited, test.min, test.max)
			}
		})
	}
}

func TestWaitsGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: sequence(unavailable, unavailable)}
		want(t, server.source(), 3)
		if second := server.times[2].Sub(server.times[1]); second < time.Second || second >= 2*time.Second {
			t.Errorf("waited %v before the third try", second)
		}
	})
}

// How long is waited is drawn anew each time, within bounds.
func TestSpread(t *testing.T) {
	for name, row := range map[string]struct {
		err         error
		least, most time.Duration
	}{
		"not told":          {errors.New("busy"), 5 * time.Second, 10 * time.Second},
		"told nothing":      {new(Error), 5 * time.Second, 10 * time.Second},
		"told for how long": {&Error{RetryAfter: 3 * time.Second}, 3 * time.Second, 3250 * time.Millisecond},
	} {
		lowest, highest := time.Hour, time.Duration(0)
		for range 2000 {
			wait := spread(10*time.Second, row.err)
			lowest, highest = min(lowest, wait), max(highest, wait)
		}
		// One draw in 2000 that comes this near is as good as certain.
		if near := (row.most - row.least) / 20; lowest < row.least || lowest > row.least+near || highest >= row.most || highest < row.most-near {
			t.Errorf("%s: %v to %v; want %v to %v", name, lowest, highest, row.least, row.most)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name, value string
		want        time.Duration
	}{
		{"none", "", 0},
		{"seconds", "120", 2 * time.Minute},
		{"a day and a second", "86401", 24 * time.Hour},
		{"all of 31 bits", "2147483647", 24 * time.Hour},
		{"32 bits", "2147483648", 0},
		{"beyond 31 bits", "4294967296", 0},
		{"fraction", "1.5", 0},
		{"date", "Tue, 24 Nov 2026 12:00:30 GMT", 30 * time.Second},
		{"date of 1850", "Sunday, 24-Nov-99 12:00:30 GMT", 0},
		{"date far off", "Wed, 24 Nov 2027 12:00:30 GMT", 24 * time.Hour},
	}
	for _, test := range tests {
		if got := retryAfter(http.Header{"Retry-After": {test.value}}, now); got != test.want {
			t.Errorf("%s: %v; want %v", test.name, got, test.want)
		}
	}
}

// Nobody is made to wait for what cannot come in time.
func TestNoWaitBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := answering(503, "", "Retry-After", "5")
		server := &fakeEntra{answer: sequence(busy, busy)}
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := server.source().TokenContext(ctx)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.RetryAfter != 5*time.Second || time.Since(began) != 0 {
			t.Fatalf("error %v after %v", err, time.Since(began))
		}
		wantRequests(t, server, 1)
	})
}

func TestOneWhoCanWaitIsEnough(t *testing.T) {
	for _, patience := range []time.Duration{time.Minute, 0} {
		synctest.Test(t, func(t *testing.T) {
			server := &fakeEntra{answer: sequence(slowly(time.Second, answering(503, "", "Retry-After", "5")))}
			source := server.source()
			hasty, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			first := ask(hasty, source)
			synctest.Wait()
			ctx := t.Context()
			if patience > 0 {
				ctx, cancel = context.WithTimeout(ctx, patience)
				defer cancel()
			}
			second := ask(ctx, source)
			if r := <-first; !errors.Is(r.err, context.DeadlineExceeded) {
				t.Errorf("hasty: %v", r.err)
			}
			if r := <-second; r.err != nil || r.token.AccessToken != tokenNumber(2) {
				t.Errorf("patient: %v", r.err)
			}
		})
	}
}

func TestCancelledWhilePausing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: answering(503, "", "Retry-After", "9")}
		ctx, cancel := context.WithCancel(t.Context())
		r := ask(ctx, server.source())
		synctest.Wait()
		cancel()
		if r := <-r; !errors.Is(r.err, context.Canceled) {
			t.Errorf("error %v", r.err)
		}
		pass(time.Minute)
		wantRequests(t, server, 1)
	})
}

// A Retry-After is obeyed for an hour if it is Entra ID's, and for five minutes
// if it may be that of what stands between.
func TestRetryAfterIsObeyedForSomeTime(t *testing.T) {
	for _, row := range []struct {
		name string
		err  error
		want time.Duration
	}{
		{"a proxy's page", &Error{StatusCode: 503}, 5 * time.Minute},
		{"throttling without a word", &Error{StatusCode: 429}, time.Hour},
		{"Entra ID's", &Error{StatusCode: 503, Code: "temporarily_unavailable"}, time.Hour},
		{"within another error", fmt.Errorf("no token: %w", &Error{StatusCode: 503}), 5 * time.Minute},
		{"no answer's", errors.New("no route to host"), time.Hour},
	} {
		if got := obeyAtMost(row.err); got != row.want {
			t.Errorf("%s: %v; want %v", row.name, got, row.want)
		}
	}
}
