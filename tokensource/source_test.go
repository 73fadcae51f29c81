package tokensource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
)

var _ oauth2.TokenSource = (*Source)(nil)

func TestTokenIsKeptUntilItsEarlyRenewal(t *testing.T) {
	tests := []struct {
		name     string
		lifetime int
		renewed  time.Duration
	}{
		{"an hour: five minutes early", 3600, 55 * time.Minute},
		{"twenty minutes: five minutes early", 1200, 15 * time.Minute},
		{"ten minutes, the shortest of Entra ID: a quarter early", 600, 450 * time.Second},
		{"one second: a quarter early", 1, 750 * time.Millisecond},
		{"a day: five minutes early", 86400, 24*time.Hour - 5*time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: func(n int, _ *http.Request) (*http.Response, error) { return ok(n, test.lifetime), nil }}
				source := server.source()
				want(t, source, 1)
				pass(test.renewed - 1)
				want(t, source, 1)
				pass(1)
				want(t, source, 2)
				wantRequests(t, server, 2)
			})
		})
	}
}

// The lifetime counts from when the request was sent, not from when the
// answer came.
func TestExpiryIsMeasuredFromTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: slowly(8*time.Second, succeed)}
		source := server.source()
		sent := time.Now()
		token := want(t, source, 1)
		if got := token.Expiry.Sub(sent); got != time.Hour {
			t.Errorf("Expiry is %v after the request; want 1h", got)
		}
		pass(55*time.Minute - 8*time.Second)
		want(t, source, 2)
	})
}

func TestTokensAreCopies(t *testing.T) {
	server := new(fakeEntra)
	source := server.source()
	first := want(t, source, 1)
	first.AccessToken, first.Expiry = "changed", time.Time{}
	second := want(t, source, 1)
	if second.Expiry.IsZero() || second == first {
		t.Error("callers share one token")
	}
	if second.Expiry != second.Expiry.Round(0) {
		t.Error("Expiry carries a monotonic reading")
	}
	// Two wrappers of x/oauth2 over one source, which the race detector sees
	// writing into one token otherwise.
	for range 2 {
		go oauth2.ReuseTokenSourceWithExpiry(nil, source, time.Second).Token()
	}
	want(t, source, 1)
}

func TestHerd(t *testing.T) {
	const callers = 64
	tests := []struct {
		name     string
		answer   func(int, *http.Request) (*http.Response, error)
		ctx      func(*testing.T) context.Context
		requests int
		code     string // of the error; "" for success
	}{
		{"cold", slowly(time.Second, succeed), (*testing.T).Context, 1, ""},
		{"cold, nobody can leave", slowly(time.Second, succeed), forGood, 1, ""},
		{"expired secret", slowly(time.Second, refuse), (*testing.T).Context, 1, "invalid_client"},
		{"expired secret, nobody can leave", slowly(time.Second, refuse), forGood, 1, "invalid_client"},
		{"answered at once", succeed, (*testing.T).Context, 1, ""},
		{"refused at once", refuse, (*testing.T).Context, 1, "invalid_client"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: test.answer}
				for _, r := range herd(test.ctx(t), server.source(), callers) {
					e, _ := errors.AsType[*Error](r.err)
					switch {
					case test.code == "" && (r.err != nil || r.token.AccessToken != tokenNumber(1)):
						t.Fatalf("%v, %v", r.token, r.err)
					case test.code != "" && (e == nil || e.Code != test.code):
						t.Fatalf("error %v; want %s", r.err, test.code)
					}
				}
				wantRequests(t, server, test.requests)
			})
		})
	}
}

func TestFailureIsRemembered(t *testing.T) {
	throttled := func(seconds string) func(int, *http.Request) (*http.Response, error) {
		return func(int, *http.Request) (*http.Response, error) {
			return response(http.StatusTooManyRequests, "Too Many Requests", "Retry-After", seconds), nil
		}
	}
	tests := []struct {
		name   string
		answer func(int, *http.Request) (*http.Response, error)
		tries  int // in one call
		holds  []time.Duration
	}{
		{"terminal: doubled up to a minute", refuse, 1,
			[]time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute}},
		{"temporary: starts lower", unavailable, maxTries,
			[]time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute}},
		{"Retry-After beyond what is waited for in the call", throttled("90"), 1, []time.Duration{90 * time.Second, 90 * time.Second}},
		{"Retry-After of something else than Entra ID", func(int, *http.Request) (*http.Response, error) {
			return response(http.StatusServiceUnavailable, "<html>maintenance</html>", "Retry-After", "3600"), nil
		}, 1, []time.Duration{5 * time.Minute}},
		{"Retry-After of an hour", throttled("3600"), 1, []time.Duration{time.Hour}},
		{"Retry-After beyond what is obeyed", throttled("3601"), 1, []time.Duration{time.Hour}},
		{"loop detected", func(int, *http.Request) (*http.Response, error) {
			return response(400, `{"error":"invalid_request","error_codes":[50196]}`), nil
		}, 1, []time.Duration{2 * time.Minute}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: test.answer}
				source := server.source()
				for i, hold := range test.holds {
					if _, err := source.Token(); err == nil {
						t.Fatal("a token")
					}
					wantRequests(t, server, (i+1)*test.tries)
					pass(hold - 1)
					if _, err := source.Token(); err == nil {
						t.Fatal("a token")
					}
					wantRequests(t, server, (i+1)*test.tries)
					pass(1)
				}
				source.Token()
				wantRequests(t, server, (len(test.holds)+1)*test.tries)
			})
		})
	}
}

func TestRememberedErrorTellsWhatIsLeftToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: func(int, *http.Request) (*http.Response, error) {
			return response(http.StatusTooManyRequests, "", "Retry-After", "60"), nil
		}}
		source := server.source()
		for _, left := range []time.Duration{60 * time.Second, 20 * time.Second} {
			_, err := source.Token()
			if e, _ := errors.AsType[*Error](err); e == nil || e.RetryAfter != left {
				t.Fatalf("%v; want RetryAfter %v", err, left)
			}
			pass(40 * time.Second)
		}
		wantRequests(t, server, 1)
	})
}

func TestSuccessForgetsFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: func(n int, r *http.Request) (*http.Response, error) {
			if n == 3 {
				return ok(n, 3600), nil
			}
			return refuse(n, r)
		}}
		source := server.source()
		source.Token()
		pass(5 * time.Second)
		source.Token()
		pass(10 * time.Second)
		want(t, source, 3)
		pass(2 * time.Hour)
		source.Token()
		pass(5 * time.Second)
		source.Token()
		wantRequests(t, server, 5)
	})
}

func TestOldTokenBridgesAFailedRenewal(t *testing.T) {
	hang := slowly(time.Hour, succeed)
	tests := []struct {
		name    string
		renewal func(int, *http.Request) (*http.Response, error)
		ctx     func(*testing.T) context.Context
		takes   time.Duration // at most
	}{
		{"temporary", unavailable, (*testing.T).Context, 3 * time.Second},
		{"terminal", refuse, (*testing.T).Context, 0},
		{"no answer", hang, (*testing.T).Context, renewalLimit},
		{"no answer, nobody can leave", hang, forGood, renewalLimit},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: func(n int, r *http.Request) (*http.Response, error) {
					if n == 1 {
						return ok(n, 3600), nil
					}
					return test.renewal(n, r)
				}}
				source := server.source()
				expiry := want(t, source, 1).Expiry
				pass(56 * time.Minute)
				began := time.Now()
				if token, err := source.TokenContext(test.ctx(t)); err != nil || token.AccessToken != tokenNumber(1) {
					t.Errorf("%v, %v; want the old token", token, err)
				}
				if took := time.Since(began); took > test.takes {
					t.Errorf("the call took %v; want %v at most", took, test.takes)
				}
				before := server.requests()
				want(t, source, 1) // the failure is remembered
				wantRequests(t, server, before)
				pass(time.Until(expiry))
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if token, err := source.TokenContext(ctx); err == nil {
					t.Errorf("an expired token: %v", token.Expiry)
				}
			})
		})
	}
}

func TestWaiterLeavesWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: slowly(10*time.Second, succeed)}
		source := server.source()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		first := ask(ctx, source) // whose context started the request
		synctest.Wait()
		second := ask(t.Context(), source)
		r := <-first
		if !errors.Is(r.err, context.DeadlineExceeded) || r.at.Sub(began) != time.Second {
			t.Errorf("first: %v after %v", r.err, r.at.Sub(began))
		}
		if r := <-second; r.err != nil || r.at.Sub(began) != 10*time.Second {
			t.Errorf("second: %v after %v", r.err, r.at.Sub(began))
		}
		wantRequests(t, server, 1)
	})
}

func TestRequestIsCancelledWithTheLastWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		server := &fakeEntra{answer: func(n int, r *http.Request) (*http.Response, error) {
			if n > 1 {
				return ok(n, 3600), nil
			}
			<-r.Context().Done()
			ended <- r.Context().Err()
			return nil, r.Context().Err()
		}}
		source := server.source()
		gone := errors.New("the user has gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		a, b := ask(ctx, source), ask(ctx, source)
		synctest.Wait()
		cancel(gone)
		for _, c := range []<-chan result{a, b} {
			if r := <-c; !errors.Is(r.err, context.Canceled) || !errors.Is(r.err, gone) {
				t.Errorf("%v", r.err)
			}
		}
		synctest.Wait()
		select {
		case <-ended:
		default:
			t.Fatal("the request goes on")
		}
		// What nobody waited for is not remembered as a failure.
		want(t, source, 2)
	})
}

func TestEndedContext(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	server := new(fakeEntra)
	source := server.source()
	if _, err := source.TokenContext(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("cold: %v", err)
	}
	wantRequests(t, server, 0)
	want(t, source, 1)
	if _, err := source.TokenContext(ended); err != nil {
		t.Errorf("warm: %v", err)
	}
}

type valueKey struct{}

func TestRequestSeesTheValuesOfTheContext(t *testing.T) {
	var got any
	server := &fakeEntra{answer: func(n int, r *http.Request) (*http.Response, error) {
		got = r.Context().Value(valueKey{})
		return ok(n, 3600), nil
	}}
	if _, err := server.source().TokenContext(context.WithValue(t.Context(), valueKey{}, "v")); err != nil || got != "v" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestInvalidate(t *testing.T) {
	tests := []struct {
		name    string
		age     time.Duration
		refused func(*oauth2.Token) *oauth2.Token
		renewed bool
	}{
		{"a minute old", time.Minute, nil, true},
		{"not quite a minute old", time.Minute - 1, nil, false},
		{"nil", time.Hour / 2, func(*oauth2.Token) *oauth2.Token { return nil }, false},
		{"another token", time.Hour / 2, func(*oauth2.Token) *oauth2.Token { return &oauth2.Token{AccessToken: "other"} }, false},
		{"a token made of the same string", time.Hour / 2, func(t *oauth2.Token) *oauth2.Token { return &oauth2.Token{AccessToken: t.AccessToken} }, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := new(fakeEntra)
				source := server.source()
				source.Invalidate(&oauth2.Token{AccessToken: tokenNumber(1)}) // nothing there yet
				token := want(t, source, 1)
				if test.refused != nil {
					token = test.refused(token)
				}
				pass(test.age)
				source.Invalidate(token)
				if test.renewed {
					want(t, source, 2)
				} else {
					want(t, source, 1)
				}
			})
		})
	}
}

func TestRefusalsOfOneTokenMakeOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: slowly(time.Second, succeed)}
		source := server.source()
		refused := want(t, source, 1)
		pass(10 * time.Minute)
		for range 64 {
			go func() {
				source.Invalidate(refused)
				if token, err := source.Token(); err != nil || token.AccessToken != tokenNumber(2) {
					t.Errorf("%v, %v", token, err)
				}
				source.Invalidate(refused) // too late: it is gone
			}()
		}
		pass(time.Minute)
		want(t, source, 2)
		wantRequests(t, server, 2)
	})
}

// One mailbox that is refused again and again costs a request a minute.
func TestRefusedMailboxDoesNotRunIntoLoopDetection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := new(fakeEntra)
		source := server.source()
		for range 600 {
			token, err := source.Token()
			if err != nil {
				t.Fatal(err)
			}
			source.Invalidate(token)
			pass(time.Second)
		}
		wantRequests(t, server, 10)
	})
}

func TestInvalidatedTokenDoesNotBridgeAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: func(n int, r *http.Request) (*http.Response, error) {
			if n == 1 {
				return ok(n, 3600), nil
			}
			return refuse(n, r)
		}}
		source := server.source()
		token := want(t, source, 1)
		pass(2 * time.Minute)
		source.Invalidate(token)
		if token, err := source.Token(); err == nil {
			t.Errorf("got %s, which the server had refused", token.AccessToken)
		}
	})
}

func TestFunc(t *testing.T) {
	failed := errors.New("the vault is sealed")
	soon := func() time.Time { return time.Now().Add(time.Hour) }
	tests := []struct {
		name string
		f    func(context.Context) (string, time.Time, error)
		want string // in the error
	}{
		{"good", func(context.Context) (string, time.Time, error) { return "t", soon(), nil }, ""},
		{"nil", nil, "Func: nil"},
		{"failing", func(context.Context) (string, time.Time, error) { return "", time.Time{}, failed }, "sealed"},
		{"no token", func(context.Context) (string, time.Time, error) { return "", soon(), nil }, "no access token"},
		{"line end in token", func(context.Context) (string, time.Time, error) { return "t\n", soon(), nil }, "characters"},
		{"no expiry", func(context.Context) (string, time.Time, error) { return "t", time.Time{}, nil }, "expired"},
		{"expired now", func(context.Context) (string, time.Time, error) { return "t", time.Now(), nil }, "expired"},
		{"for ever", func(context.Context) (string, time.Time, error) { return "t", time.Now().AddDate(11, 0, 0), nil }, "ten years"},
		{"ends its goroutine", func(context.Context) (string, time.Time, error) { runtime.Goexit(); panic("") }, "without a result"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				token, err := Func(test.f).TokenContext(t.Context())
				wantError(t, err, test.want)
				if err == nil && (token.AccessToken != "t" || !token.Valid()) {
					t.Errorf("token %+v", token)
				}
				if test.name == "failing" && !errors.Is(err, failed) {
					t.Error("the function's error is not wrapped")
				}
			})
		})
	}
}

func TestFuncIsCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		source := Func(func(context.Context) (string, time.Time, error) {
			calls++
			return tokenNumber(calls), time.Now().Add(time.Hour), nil
		})
		want(t, source, 1)
		pass(54 * time.Minute)
		want(t, source, 1)
		pass(time.Minute)
		want(t, source, 2)
	})
}

func TestZeroSource(t *testing.T) {
	var source Source
	for _, s := range []*Source{nil, &source} {
		s.Invalidate(nil)
		s.Invalidate(&oauth2.Token{AccessToken: "a"})
		_, err := s.Token()
		if e, ok := errors.AsType[*ConfigError](err); !ok || e.Field != "Source" {
			t.Errorf("%v: error %v; want a *ConfigError", s, err)
		}
	}
	if got := fmt.Sprintf("%v %+v", (*Source)(nil), &source); got != "tokensource.Source(nil) tokensource.Source()" {
		t.Error(got)
	}
}
