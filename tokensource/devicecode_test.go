package tokensource

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/internal/plain"
)

const (
	testDeviceCode = "PLANTED.device/code+odd=&\"<8Q>"
	deviceMessage  = "To sign in, use a web browser to open the page https://microsoft.com/devicelogin and enter the code F7KQ2XRTN to authenticate."
	deviceAnswer   = `{"user_code":"F7KQ2XRTN","device_code":"PLANTED.device/code+odd=&\"<8Q>","verification_uri":"https://microsoft.com/devicelogin","expires_in":900,"interval":5,"message":"` + deviceMessage + `"}`
	pendingAnswer  = `{"error":"authorization_pending","error_codes":[70016],"error_description":"AADSTS70016: OAuth 2.0 device flow error. Authorization is pending. Continue polling."}`
	slowAnswer     = `{"error":"slow_down"}`
)

// answerWith is a fixed answer. Status 200 says that it is a success.
func answerWith(status int, body string, header ...string) func(int, *http.Request) (*http.Response, error) {
	return func(int, *http.Request) (*http.Response, error) { return response(status, body, header...), nil }
}

var pending = badRequest(pendingAnswer)

// shown is a callback of DeviceCode that keeps what it got.
type shown struct{ codes []DeviceCode }

func (s *shown) show(_ context.Context, code DeviceCode) error {
	s.codes = append(s.codes, code)
	return nil
}

// gaps are the times between the requests.
func (s *fakeEntra) gaps() (gaps []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range len(s.times) - 1 {
		gaps = append(gaps, s.times[i+1].Sub(s.times[i]))
	}
	return gaps
}

func TestDeviceCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(answerWith(200, deviceAnswer), pending, pending, rotate)}
		var s shown
		source := server.public().DeviceCode(s.show)
		began := time.Now()
		want(t, source, 4)
		if want := (DeviceCode{"F7KQ2XRTN", "https://microsoft.com/devicelogin", deviceMessage, began.Add(15 * time.Minute)}); len(s.codes) != 1 || s.codes[0] != want {
			t.Errorf("shown %v; want %v", s.codes, want)
		}
		server.wantForm(t, 1, map[string]string{"client_id": testClientID, "scope": userScope})
		server.wantForm(t, 2, map[string]string{
			"client_id": testClientID, "grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": testDeviceCode,
		})
		pass(hour)
		want(t, source, 5)
		server.wantForm(t, 5, refreshForm(refreshNumber(4)))
		if len(s.codes) != 1 {
			t.Error("the person was asked again")
		}
	})
}

func TestDeviceCodePolls(t *testing.T) {
	const s = time.Second
	device := func(members string) func(int, *http.Request) (*http.Response, error) {
		return answerWith(200, `{"user_code":"A","device_code":"PLANTED","verification_uri":"https://microsoft.com/devicelogin",`+members+`}`)
	}
	rows := []struct {
		name    string
		answers []func(int, *http.Request) (*http.Response, error)
		gaps    []time.Duration
	}{
		{"one per interval", scripted(device(`"expires_in":900,"interval":7`), pending, pending, rotate), []time.Duration{7 * s, 7 * s, 7 * s}},
		{"interval as a string", scripted(device(`"expires_in":"900","interval":"7"`), rotate), []time.Duration{7 * s}},
		{"no interval", scripted(device(`"expires_in":900`), pending, rotate), []time.Duration{5 * s, 5 * s}},
		{"interval zero", scripted(device(`"expires_in":900,"interval":0`), rotate), []time.Duration{5 * s}},
		{"interval negative", scripted(device(`"expires_in":900,"interval":-1`), rotate), []time.Duration{5 * s}},
		{"slow_down", scripted(device(`"expires_in":900,"interval":5`), badRequest(slowAnswer), badRequest(slowAnswer), pending, rotate), []time.Duration{5 * s, 10 * s, 15 * s, 15 * s}},
		{"busy", scripted(device(`"expires_in":900,"interval":5`), unavailable, unavailable, pending, rotate), []time.Duration{5 * s, 10 * s, 20 * s, 20 * s}},
		{"busy for long", scripted(device(`"expires_in":900,"interval":40`), unavailable, unavailable, rotate), []time.Duration{40 * s, 60 * s, 60 * s}},
		{"told to wait", scripted(device(`"expires_in":900,"interval":5`), answerWith(429, "Too Many Requests", "Retry-After", "60"), pending, rotate), []time.Duration{5 * s, 60 * s, 10 * s}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: script(row.answers...)}
				want(t, server.public().DeviceCode(new(shown).show), len(row.answers))
				if gaps := server.gaps(); !slices.Equal(gaps, row.gaps) {
					t.Errorf("polled after %v; want %v", gaps, row.gaps)
				}
			})
		})
	}
}

func scripted(answers ...func(int, *http.Request) (*http.Response, error)) []func(int, *http.Request) (*http.Response, error) {
	return answers
}

func TestDeviceCodeIsRefused(t *testing.T) {
	for _, row := range []struct{ name, answer, code string }{
		{"declined", `{"error":"authorization_declined"}`, "authorization_declined"},
		{"expired by the server", `{"error":"expired_token","error_codes":[70020],"error_description":"AADSTS70020: This device code has expired."}`, "expired_token"},
		{"not known", `{"error":"bad_verification_code"}`, "bad_verification_code"},
		{"forbidden", `{"error":"access_denied","suberror":"message_only","error_codes":[53003],"error_description":"AADSTS53003: Access has been blocked by Conditional Access policies."}`, "access_denied"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: script(answerWith(200, deviceAnswer), pending, badRequest(row.answer))}
				_, err := server.public().DeviceCode(new(shown).show).Token()
				if e, ok := errors.AsType[*Error](err); !ok || e.Code != row.code || e.Retryable() {
					t.Errorf("error %v", err)
				}
				wantRequests(t, server, 3)
			})
		})
	}
}

// When the code expires the calls fail, and the next one begins anew.
func TestDeviceCodeExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: func(n int, r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/devicecode") {
				return response(200, deviceAnswer), nil
			}
			return pending(n, r)
		}}
		var s shown
		source := server.public().DeviceCode(s.show)
		began := time.Now()
		_, err := source.Token()
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != "expired_token" || e.Retryable() || !strings.Contains(err.Error(), "nobody signed in") {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != 15*time.Minute {
			t.Errorf("after %v", took)
		}
		wantRequests(t, server, 1+179) // one per interval
		pass(rememberAtMost)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if r := <-ask(ctx, source); !errors.Is(r.err, context.DeadlineExceeded) || len(s.codes) != 2 {
			t.Errorf("error %v, %d codes", r.err, len(s.codes))
		}
		synctest.Wait()
	})
}

func TestDeviceCodeHerdIsShownOneCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(answerWith(200, deviceAnswer), pending, rotate)}
		var s shown
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		source := server.public().DeviceCode(s.show)
		leaver := ask(impatient, source)
		for _, r := range herd(t.Context(), source, 64) {
			if r.err != nil {
				t.Error(r.err)
			}
		}
		if r := <-leaver; !errors.Is(r.err, context.DeadlineExceeded) {
			t.Errorf("error %v", r.err)
		}
		wantRequests(t, server, 3)
		if len(s.codes) != 1 {
			t.Errorf("%d codes", len(s.codes))
		}
	})
}

// A code is good for as long as a person is given to sign in, whatever the
// server says.
func TestDeviceCodeExpiresInTime(t *testing.T) {
	for lifetime, want := range map[int]time.Duration{60: time.Minute, 900: 15 * time.Minute, 86400: 15 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			answer := fmt.Sprintf(`{"user_code":"A","device_code":"PLANTED","verification_uri":"https://microsoft.com/devicelogin","interval":50,"expires_in":%d}`, lifetime)
			server := &fakeEntra{answer: func(n int, r *http.Request) (*http.Response, error) {
				if n == 1 {
					return response(200, answer), nil
				}
				return pending(n, r)
			}}
			var s shown
			began := time.Now()
			if _, err := server.public().DeviceCode(s.show).Token(); err == nil {
				t.Error("no error")
			}
			if got := s.codes[0].Expires.Sub(began); got != want || time.Since(began) != want {
				t.Errorf("%d s: expires after %v, given up after %v; want %v", lifetime, got, time.Since(began), want)
			}
		})
	}
}

// How the waiting for a person ends other than with the code: what the error
// says, and how many requests were made until then.
func TestDeviceCodeEndsEarly(t *testing.T) {
	hang := func(_ int, r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	for _, row := range []struct {
		name     string
		answers  []func(int, *http.Request) (*http.Response, error)
		leave    time.Duration
		requests int
	}{
		{"between two polls", scripted(answerWith(200, deviceAnswer), pending), 7 * time.Second, 2},
		{"before the first poll", scripted(answerWith(200, deviceAnswer), pending), time.Second, 1},
		{"in a poll", scripted(answerWith(200, deviceAnswer), pending, hang), 11 * time.Second, 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: script(row.answers...)}
				cl, _ := server.public().userClient()
				ctx, cancel := context.WithTimeout(t.Context(), row.leave)
				defer cancel()
				began := time.Now()
				d, err := cl.authorizeDevice(ctx, nil)
				if err != nil {
					t.Fatal(err)
				}
				_, err = cl.poll(ctx, d)
				if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, context.DeadlineExceeded) || e.Code != "" || len(e.also) > 0 {
					t.Errorf("error %v", err)
				}
				if took := time.Since(began); took != row.leave {
					t.Errorf("after %v", took)
				}
				wantRequests(t, server, row.requests)
			})
		})
	}
}

// The error of a code that has expired tells of the trouble that was there in
// the end, and of no other.
func TestExpiredDeviceCodeTellsOfTrouble(t *testing.T) {
	short := answerWith(200, strings.Replace(deviceAnswer, `"expires_in":900`, `"expires_in":22`, 1))
	for _, row := range []struct {
		name    string
		answers []func(int, *http.Request) (*http.Response, error)
		told    bool
	}{
		{"busy until the end", scripted(short, pending, unavailable), true},
		{"busy once", scripted(short, unavailable, pending), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: script(row.answers...)}
				_, err := server.public().DeviceCode(new(shown).show).Token()
				if e, ok := errors.AsType[*Error](err); !ok || e.Code != "expired_token" || strings.Contains(err.Error(), "HTTP status 503") != row.told {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// Each request has an id of its own, by which support finds it.
func TestDeviceRequestsHaveIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ids []string
		server := &fakeEntra{answer: func(n int, r *http.Request) (*http.Response, error) {
			ids = append(ids, r.Header.Get("Client-Request-Id"))
			return badRequest(`{"error":"invalid_client"}`)(n, r)
		}}
		_, err := server.public().DeviceCode(new(shown).show).Token()
		if e, ok := errors.AsType[*Error](err); !ok || len(ids) != 1 || !plain.IsGUID(ids[0]) || e.CorrelationID != ids[0] {
			t.Errorf("error %v after the requests %q", err, ids)
		}
	})
}

// A credential that cannot be used is why there is no code.
func TestDeviceCodeWithoutAnAssertion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := new(fakeEntra)
		gone := errors.New("no such vault")
		config := server.config()
		config.Credential = Assertion(func(context.Context) (string, error) { return "", gone })
		_, err := config.DeviceCode(new(shown).show).Token()
		if !errors.Is(err, gone) || !strings.Contains(err.Error(), "the credential cannot be used") {
			t.Errorf("error %v", err)
		}
		wantRequests(t, server, 0)
	})
}

func TestDeviceCodeIsNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: answerWith(200, deviceAnswer)}
		closed := errors.New("terminal closed")
		_, err := server.public().DeviceCode(func(context.Context, DeviceCode) error { return closed }).Token()
		if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, closed) || e.Retryable() {
			t.Errorf("error %v", err)
		}
		wantRequests(t, server, 1)
	})
}

func TestDeviceCodeIsShownOnStandardError(t *testing.T) {
	text := mailtest.Stderr(t, func() {
		synctest.Test(t, func(t *testing.T) {
			server := &fakeEntra{answer: script(answerWith(200, deviceAnswer), rotate)}
			want(t, server.public().DeviceCode(nil), 2)
		})
	})
	if text != deviceMessage+"\n" {
		t.Errorf("shown: %s", text)
	}
}

func TestDeviceEndpointFails(t *testing.T) {
	const page = `"verification_uri":"https://microsoft.com/devicelogin"`
	rows := []struct {
		name     string
		answer   func(int, *http.Request) (*http.Response, error)
		text     string
		requests int
	}{
		{"refused", badRequest(`{"error":"invalid_client","error_codes":[7000218],"error_description":"AADSTS7000218: The request body must contain client_assertion."}`), "AADSTS7000218", 1},
		{"busy", unavailable, "busy", 3},
		{"redirect", answerWith(307, "", "Location", "https://evil.example.com/x"), "evil.example.com", 1},
		{"HTML", answerWith(200, "<p>hello"), "hello", 1},
		{"empty", answerWith(200, ""), "empty", 1},
		{"an error with 200", answerWith(200, `{"error":"invalid_scope"}`), "invalid_scope", 1},
		{"no device code", answerWith(200, `{"user_code":"A",`+page+`,"expires_in":900}`), "lacks device_code", 1},
		{"no user code", answerWith(200, `{"device_code":"PLANTED",`+page+`,"expires_in":900}`), "lacks device_code or user_code", 1},
		{"no lifetime", answerWith(200, `{"device_code":"PLANTED","user_code":"A",`+page+`}`), "expires_in) is missing", 1},
		{"no page", answerWith(200, `{"device_code":"PLANTED","user_code":"A","expires_in":900}`), "verification_uri", 1},
		{"a page that is none", answerWith(200, `{"device_code":"PLANTED","user_code":"A","expires_in":900,"verification_uri":"javascript:alert(1)"}`), "verification_uri", 1},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: row.answer}
				_, err := server.public().DeviceCode(func(context.Context, DeviceCode) error {
					t.Error("shown")
					return nil
				}).Token()
				if _, ok := errors.AsType[*Error](err); !ok {
					t.Fatalf("error %v", err)
				}
				wantError(t, err, row.text)
				checkAllVerbs(t, "error", err)
				wantRequests(t, server, row.requests)
			})
		})
	}
}

// An answer without a message, as for personal accounts, and one that would
// command a terminal.
func TestDeviceMessage(t *testing.T) {
	for name, row := range map[string]struct{ answer, want string }{
		"none":    {`"verification_url":"https://www.microsoft.com/link"`, "To sign in, open the page https://www.microsoft.com/link in a web browser and enter the code AB12."},
		"control": {`"verification_uri":"https://microsoft.com/devicelogin","message":"a\u001b[2Jb\nc"`, "a\uFFFD[2Jb c"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: script(answerWith(200, `{"user_code":"AB12","device_code":"PLANTED","expires_in":900,`+row.answer+`}`), rotate)}
				var s shown
				want(t, server.public().DeviceCode(s.show), 2)
				if s.codes[0].Message != row.want {
					t.Errorf("message %q; want %q", s.codes[0].Message, row.want)
				}
			})
		})
	}
}

func TestDeviceCodeInEveryCloud(t *testing.T) {
	for _, cloud := range exoauth.Clouds() {
		t.Run(cloud.IMAP, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var urls []string
				server := &fakeEntra{answer: func(n int, r *http.Request) (*http.Response, error) {
					urls = append(urls, r.URL.String())
					return script(answerWith(200, deviceAnswer), rotate)(n, r)
				}}
				config := server.public()
				config.Cloud, config.Tenant = cloud, "organizations"
				want(t, config.DeviceCode(new(shown).show), 2)
				base := cloud.Authority + "/organizations/oauth2/v2.0/"
				if !slices.Equal(urls, []string{base + "devicecode", base + "token"}) {
					t.Errorf("sent to %q", urls)
				}
			})
		})
	}
}

func TestDeviceCodeOfConfidentialClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: script(answerWith(200, deviceAnswer), rotate)}
		want(t, server.config().DeviceCode(new(shown).show), 2)
		for _, form := range server.forms {
			if form.Get("client_secret") != testSecret {
				t.Errorf("%d parameters without the secret", len(form))
			}
		}
	})
}

// What the person is shown is one line of each, and has no secret in it.
func TestDeviceSecretsAreNotShown(t *testing.T) {
	quoting := `you sent ` + testDeviceCode + `\u001b[2J\u202e\r\n` + strings.Repeat("x", 2*maxShown)
	answer := fmt.Sprintf(`{"device_code":%q,"expires_in":900,"user_code":%q,"verification_uri":%q,"message":%q}`,
		testDeviceCode, quoting, "https://example.com/"+quoting, quoting)
	answer = strings.NewReplacer(`\\u`, `\u`, `\\r`, `\r`, `\\n`, `\n`).Replace(answer)
	server := &fakeEntra{answer: answerWith(200, answer)}
	stop := errors.New("seen")
	var s shown
	_, err := server.public().DeviceCode(func(ctx context.Context, code DeviceCode) error {
		s.show(ctx, code)
		return stop
	}).TokenContext(t.Context())
	if !errors.Is(err, stop) || len(s.codes) != 1 {
		t.Fatalf("error %v", err)
	}
	for _, text := range []string{s.codes[0].UserCode, s.codes[0].VerificationURL, s.codes[0].Message} {
		if len(text) > maxShown+100 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("shown: %q", text)
		}
		checkNoSecret(t, "shown", text)
	}
}

func TestDeviceSecretsAreNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{}
		server.answer = func(n int, r *http.Request) (*http.Response, error) {
			if n == 1 {
				return response(200, deviceAnswer), nil
			}
			return response(400, fmt.Sprintf("you sent %s or %s", server.forms[n-1].Get("device_code"), server.forms[n-1].Encode())), nil
		}
		var log logBuffer
		config := server.public()
		config.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		source := config.DeviceCode(new(shown).show)
		_, err := source.Token()
		if err == nil {
			t.Fatal("no error")
		}
		checkAllVerbs(t, "error", err, source)
		checkNoSecret(t, "log", log.String())
	})
}

// The endpoint that gives the code refuses a credential too, and the next one
// is the one that asks for the token.
func TestDeviceCodeGoesOnToTheNextCredential(t *testing.T) {
	rows := []struct {
		name    string
		answer  func(int, *http.Request) (*http.Response, error)
		secrets []string
		ok      bool
	}{
		{"expired", refuse, []string{"old", "new", "new"}, true},
		{"refused for another reason", badRequest(`{"error":"unauthorized_client","error_codes":[700016]}`), []string{"old"}, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: script(row.answer, answerWith(200, deviceAnswer), rotate)}
				var log logBuffer
				config := server.config()
				config.Credential = InOrder(Secret("PLANTED~old"), Secret("PLANTED~new"))
				config.Logger = slog.New(slog.NewTextHandler(&log, nil))
				_, err := config.DeviceCode(new(shown).show).Token()
				if (err == nil) != row.ok {
					t.Errorf("error %v", err)
				}
				wantSecrets(t, server, row.secrets...)
				if next := strings.Contains(log.String(), "trying the next"); next != row.ok {
					t.Errorf("log: %s", &log)
				}
				checkNoSecret(t, "log", log.String())
			})
		})
	}
}
