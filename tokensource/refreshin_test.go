package tokensource

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/trace"
)

// halfADay answers the first request with a token of a day that is to be
// renewed after half of it, and the others with answer.
func halfADay(answer func(int, *http.Request) (*http.Response, error)) func(int, *http.Request) (*http.Response, error) {
	return func(n int, r *http.Request) (*http.Response, error) {
		if n == 1 {
			return response(200, fmt.Sprintf(`{"expires_in":86400,"refresh_in":43200,"access_token":"%s"}`, tokenNumber(n))), nil
		}
		return answer(n, r)
	}
}

func TestRefreshInMakesNobodyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: halfADay(slowly(5*time.Second, succeed))}
		source := server.source()
		want(t, source, 1)
		pass(12*time.Hour - 1)
		want(t, source, 1)
		synctest.Wait()
		wantRequests(t, server, 1)
		pass(1)
		began := time.Now()
		for range 64 {
			want(t, source, 1)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("callers waited %v", took)
		}
		pass(5 * time.Second)
		want(t, source, 2)
		wantRequests(t, server, 2)
	})
}

// The hooks tell a renewal in advance from others.
func TestTraceOfRenewals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := new(mailtest.Events)
		config := (&fakeEntra{answer: halfADay(succeed)}).config()
		config.Trace = events.Hooks()
		source := config.ClientCredentials()
		for _, row := range []struct {
			passes time.Duration
			served int // so far
			want   []bool
		}{
			{0, 1, []bool{false}},
			{12*time.Hour - 1, 2, []bool{false}},
			{1, 3, []bool{false, true}},                      // refresh_in
			{54 * time.Minute, 4, []bool{false, true}},       // six minutes before it expires
			{time.Minute, 5, []bool{false, true, true}},      // five
			{time.Hour, 6, []bool{false, true, true, false}}, // too late
		} {
			pass(row.passes)
			if _, err := source.TokenContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			var got []bool
			for _, fetch := range mailtest.EventsOf[trace.TokenFetch](events, "TokenFetch") {
				got = append(got, fetch.Renewal)
			}
			if !slices.Equal(got, row.want) || events.Count("TokenServed") != row.served || events.Count("TokenRequest") != len(got) {
				t.Errorf("%v later: in advance %v, want %v", row.passes, got, row.want)
			}
		}
	})
}

// The renewal in the background belongs to nobody, so nobody ends it.
func TestBackgroundRenewalOutlivesItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: halfADay(slowly(5*time.Second, succeed))}
		source := server.source()
		token := want(t, source, 1)
		pass(12 * time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := source.TokenContext(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		pass(time.Second)
		source.Invalidate(&oauth2.Token{AccessToken: token.AccessToken})
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if r := <-ask(hasty, source); r.err == nil {
			t.Error("a token that was refused")
		}
		want(t, source, 2)
		wantRequests(t, server, 2)
	})
}

func TestTokenDueForRenewalIsReturnedWhateverTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: halfADay(succeed)}
		source := server.source()
		want(t, source, 1)
		pass(12 * time.Hour)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if token, err := source.TokenContext(ended); err != nil || token.AccessToken != tokenNumber(1) {
			t.Errorf("%v, %v", token, err)
		}
		synctest.Wait()
		want(t, source, 2)
	})
}

func TestFailedBackgroundRenewalIsNotNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: halfADay(refuse)}
		source := server.source()
		want(t, source, 1)
		pass(12 * time.Hour)
		for range 8 * 60 {
			want(t, source, 1)
			pass(time.Second)
		}
		if n := server.requests(); n < 8 || n > 14 {
			t.Errorf("%d requests in eight minutes; want one a minute at last", n)
		}
	})
}

func TestBackgroundRenewalThatHangsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: halfADay(slowly(time.Hour, succeed))}
		source := server.source()
		want(t, source, 1)
		pass(12 * time.Hour)
		want(t, source, 1)
		pass(renewalLimit)
		if source.call != nil {
			t.Error("the renewal still goes on")
		}
	})
}

func TestRefreshInThatMakesNoSense(t *testing.T) {
	tests := []struct {
		name, value string
		due         time.Duration
	}{
		{"none", `null`, 55 * time.Minute},
		{"zero", `0`, 55 * time.Minute},
		{"negative", `-1`, 55 * time.Minute},
		{"after the expiry", `7200`, 55 * time.Minute},
		{"words", `"soon"`, 55 * time.Minute},
		{"quoted", `"1800"`, 30 * time.Minute},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			server := &fakeEntra{answer: answering(200, `{"expires_in":3600,"refresh_in":`+test.value+`,"access_token":"`+tokenNumber(1)+`"}`)}
			source := server.source()
			want(t, source, 1)
			if due := source.cached.Load().due(); due != test.due {
				t.Errorf("%s: due after %v; want %v", test.name, due, test.due)
			}
		})
	}
}
