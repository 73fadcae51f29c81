package tokensource

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	testRefresh   = "PLANTED.refresh/token+odd=&\"<8Q>"
	testPassword  = "PLANTED password=&\"<8Q>"
	testJWT       = "eyJhbGciOiJub25lIn0.eyJQTEFOVEVEIjoiUExBTlRFRCJ9.UExBTlRFRA"           // {"alg":"none"}.{"PLANTED":"PLANTED"}.PLANTED
	testAssertion = "eyJhbGciOiJub25lIn0.eyJleHAiOjQxMDI0NDQ4MDB9.PLANTED-user_assertion8Q" // expires in 2100
	revoked       = `{"error":"invalid_grant","suberror":"bad_token","error_codes":[50173],"error_description":"AADSTS50173: The provided grant has expired due to it being revoked."}`
	mfaNeeded     = `{"error":"interaction_required","suberror":"basic_action","error_codes":[50076],"claims":"{\"access_token\":{\"polids\":{}}}","error_description":"AADSTS50076: You must use multi-factor authentication."}`
)

// rotate answers each request with a refresh token of its own, as Entra ID does.
func rotate(n int, _ *http.Request) (*http.Response, error) {
	return response(http.StatusOK, fmt.Sprintf(`{"token_type":"Bearer","expires_in":3600,"access_token":"%s","refresh_token":"%s"}`, tokenNumber(n), refreshNumber(n))), nil
}

func refreshNumber(n int) string { return fmt.Sprint("PLANTED.next.", n) }

// script answers the requests in turn; the last answer is for all that follow.
func script(answers ...func(int, *http.Request) (*http.Response, error)) func(int, *http.Request) (*http.Response, error) {
	return func(n int, r *http.Request) (*http.Response, error) {
		return answers[min(n, len(answers))-1](n, r)
	}
}

func badRequest(body string) func(int, *http.Request) (*http.Response, error) {
	return func(int, *http.Request) (*http.Response, error) { return response(http.StatusBadRequest, body), nil }
}

// public is the configuration of an application without a credential.
func (s *fakeEntra) public() *Config {
	c := s.config()
	c.Credential = nil
	return c
}

const (
	userScope = "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access"
	hour      = time.Hour
)

// wantForm compares one request, numbered from 1, with what was to be sent.
func (s *fakeEntra) wantForm(t *testing.T, n int, want map[string]string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.forms) < n {
		t.Fatalf("%d requests; want %d", len(s.forms), n)
	}
	form := s.forms[n-1]
	for name, value := range want {
		if got := form.Get(name); got != value {
			t.Errorf("request %d has %s %q; want %q", n, name, got, value)
		}
	}
	if len(form) != len(want) {
		t.Errorf("request %d has the parameters %v; want %v", n, form, want)
	}
}

func refreshForm(token string) map[string]string {
	return map[string]string{"client_id": testClientID, "grant_type": "refresh_token", "refresh_token": token, "scope": userScope}
}

func TestRefreshTokenRotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: rotate}
		source := server.public().RefreshToken(testRefresh)
		for n := 1; n <= 3; n++ {
			token := want(t, source, n)
			if token.RefreshToken != "" {
				t.Error("the caller was given the refresh token")
			}
			pass(hour)
		}
		server.wantForm(t, 1, refreshForm(testRefresh))
		server.wantForm(t, 2, refreshForm(refreshNumber(1)))
		server.wantForm(t, 3, refreshForm(refreshNumber(2)))
	})
}

func TestRefreshTokenThatIsNotRotatedStays(t *testing.T) {
	same := func(n int, _ *http.Request) (*http.Response, error) {
		return response(http.StatusOK, fmt.Sprintf(`{"expires_in":3600,"access_token":"%s","refresh_token":"PLANTED"}`, tokenNumber(n))), nil
	}
	for name, answer := range map[string]func(int, *http.Request) (*http.Response, error){"none comes": nil, "the same comes": same} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: answer}
				cache := new(memCache)
				config := server.public()
				config.Cache = cache
				source := config.RefreshToken("PLANTED")
				for n := 1; n <= 2; n++ {
					want(t, source, n)
					if stored := cache.only(t); stored.RefreshToken != "PLANTED" || stored.AccessToken != tokenNumber(n) {
						t.Errorf("stored %+v", stored)
					}
					pass(hour)
				}
				server.wantForm(t, 2, refreshForm("PLANTED"))
			})
		})
	}
}

func TestRefreshTokenOfConfidentialClient(t *testing.T) {
	server := new(fakeEntra)
	want(t, server.config().RefreshToken(testRefresh), 1)
	form := refreshForm(testRefresh)
	form["client_secret"] = testSecret
	server.wantForm(t, 1, form)
}

func TestRefreshHerdMakesOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: slowly(time.Second, rotate)}
		for _, r := range herd(t.Context(), server.public().RefreshToken(testRefresh), 64) {
			if r.err != nil {
				t.Error(r.err)
			}
		}
		wantRequests(t, server, 1)
	})
}

func TestRefreshIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(unavailable, rotate)}
		want(t, server.public().RefreshToken(testRefresh), 2)
		server.wantForm(t, 2, refreshForm(testRefresh))
	})
}

func TestRefusedRefreshTokenNeedsAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: badRequest(revoked)}
		_, err := server.public().RefreshToken(testRefresh).Token()
		if !errors.Is(err, ErrInteractionRequired) {
			t.Errorf("error %v", err)
		}
		wantRequests(t, server, 1)
	})
}

// A session whose sign-in asks a person: when that may be, and when not.
func TestInteractiveSession(t *testing.T) {
	lifetime := func(refresh string) *token {
		t := newToken("signed in", time.Now(), hour)
		t.RefreshToken = refresh
		return t
	}
	rows := []struct {
		name    string
		refresh string
		after   time.Duration
		answer  func(int, *http.Request) (*http.Response, error)
		asked   int    // sign-ins in all
		logged  string // why there is no renewal
	}{
		{"renewal with a refresh token", testRefresh, 56 * time.Minute, rotate, 1, ""},
		{"renewal refused, old token good", testRefresh, 56 * time.Minute, badRequest(revoked), 1, "AADSTS50173"},
		{"renewal without a refresh token, old token good", "", 56 * time.Minute, rotate, 1, "no refresh token"},
		{"expired, refused", testRefresh, hour, badRequest(revoked), 2, ""},
		{"expired, no refresh token", "", hour, rotate, 2, ""},
		{"expired, refused for another reason", testRefresh, hour, refuse, 1, ""},
		{"expired, server busy", testRefresh, hour, unavailable, 1, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: row.answer}
				config := server.public()
				var log logBuffer
				config.Logger = slog.New(slog.NewTextHandler(&log, nil))
				cl, _ := config.userClient()
				asked := 0
				s := newUserSession(cl, cl.keyOf(keyPerson), func(context.Context, pauseFunc) (*token, error) {
					asked++
					return lifetime(row.refresh), nil
				})
				s.interactive = true
				source := s.source()
				if _, err := source.Token(); err != nil {
					t.Fatal(err)
				}
				pass(row.after)
				if _, err := source.Token(); err != nil && row.after < hour {
					t.Errorf("the old token was good and was not handed out: %v", err)
				}
				if row.logged != "" && !strings.Contains(log.String(), row.logged) {
					t.Errorf("%s is not in the log: %s", row.logged, &log)
				}
				if asked != row.asked {
					t.Errorf("a person was asked %d times; want %d", asked, row.asked)
				}
			})
		})
	}
}

// Another person may have signed in: the refresh token of the one before is not
// used again, although the answer has brought none.
func TestSignInEndsTheSessionBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(badRequest(mfaNeeded), rotate)}
		config := server.public()
		config.Cache = new(memCache)
		cl, _ := config.userClient()
		asked := 0
		s := newUserSession(cl, cl.keyOf(keyPerson), func(context.Context, pauseFunc) (*token, error) {
			asked++
			return newToken(fmt.Sprint("signed in ", asked), time.Now(), hour), nil
		})
		s.interactive = true
		s.have = testRefresh
		source := s.source()
		for n := 1; n <= 2; n++ {
			if token, err := source.Token(); err != nil || token.AccessToken != fmt.Sprint("signed in ", n) {
				t.Errorf("%v, %v", token, err)
			}
			pass(hour)
		}
		wantRequests(t, server, 1)
		if r := config.Cache.(*memCache).only(t); r.RefreshToken != "" {
			t.Errorf("stored %+v", r)
		}
	})
}
