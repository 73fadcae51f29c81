package tokensource

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/plain"
)

// configFor returns a Config for a token endpoint over TLS.
func configFor(t *testing.T, handler http.HandlerFunc) *Config {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return &Config{
		Cloud:  exoauth.Cloud{Authority: server.URL},
		Tenant: testTenant, ClientID: testClientID, Credential: Secret(testSecret),
		HTTPClient: server.Client(),
	}
}

func TestRequestOnTheWire(t *testing.T) {
	var request *http.Request
	config := configFor(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		request = r
		io.WriteString(w, `{"token_type":"Bearer","expires_in":3599,"scope":"s","access_token":"t"}`)
	})
	token, err := config.ClientCredentials().TokenContext(t.Context())
	if err != nil || token.AccessToken != "t" || token.TokenType != "Bearer" || !token.Valid() {
		t.Fatalf("%+v, %v", token, err)
	}
	if got := request.Method + " " + request.URL.String(); got != "POST /"+testTenant+"/oauth2/v2.0/token" {
		t.Error(got)
	}
	form := map[string]string{
		"grant_type": "client_credentials", "client_id": testClientID,
		"client_secret": testSecret, "scope": "https://outlook.office365.com/.default",
	}
	if len(request.PostForm) != len(form) {
		t.Errorf("form %v", request.PostForm)
	}
	for name, value := range form {
		if got := request.PostForm[name]; len(got) != 1 || got[0] != value {
			t.Errorf("%s is %q", name, got)
		}
	}
	if id := request.Header.Get("client-request-id"); !plain.IsGUID(id) {
		t.Errorf("client-request-id %q", id)
	}
	if got := request.Header.Get("Authorization"); got != "" {
		t.Errorf("the credential is in a header: %q", got)
	}
	if got := request.Header.Get("Content-Type"); got != "application/x-www-form-urlencoded" {
		t.Errorf("Content-Type %q", got)
	}
}

func TestScopeOfEachCloud(t *testing.T) {
	for _, cloud := range exoauth.Clouds() {
		server := new(fakeEntra)
		config := server.config()
		config.Cloud = cloud
		want(t, config.ClientCredentials(), 1)
		if got := server.forms[0].Get("scope"); got != cloud.Resource+"/.default" {
			t.Errorf("%s: scope %q", cloud.Authority, got)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			followed := false
			elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
			defer elsewhere.Close()
			config := configFor(t, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, elsewhere.URL+"/login?secret="+testSecret, status)
			})
			// A client that wants to follow does not get its way.
			config.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
			_, err := config.ClientCredentials().TokenContext(t.Context())
			e, ok := errors.AsType[*Error](err)
			if !ok || e.StatusCode != status || followed {
				t.Fatalf("error %v, followed %v", err, followed)
			}
			wantError(t, err, strings.TrimPrefix(elsewhere.URL, "https://"))
			if strings.Contains(err.Error(), "/login") || e.Retryable() {
				t.Errorf("%v, temporary %v", err, e.Retryable())
			}
		})
	}
}

func TestRedirectToNowhere(t *testing.T) {
	server := &fakeEntra{answer: func(int, *http.Request) (*http.Response, error) { return response(302, ""), nil }}
	_, err := server.source().TokenContext(t.Context())
	wantError(t, err, "somewhere")
}

// endless is a body without an end.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.read += int64(len(p))
	return len(p), nil
}

func (*endless) Close() error { return nil }

func TestUnexpectedAnswers(t *testing.T) {
	tests := []struct {
		name   string
		answer *http.Response
		text   string
		tries  int
	}{
		{"empty", response(200, ""), "empty", 1},
		{"HTML", response(200, "<html><body>\r\nSign in to the hotel's <b>Wi-Fi</b>\x1b[2J"), `<b>Wi-Fi</b>\x1b[2J`, 1},
		{"HTML with 502", response(502, "<html>Bad Gateway"), "Bad Gateway", maxTries},
		{"array", response(200, `[1]`), "[1]", 1},
		{"null", response(200, `null`), "null", 1},
		{"truncated JSON", response(200, `{"token_type":"Bearer","access_token":"`+testToken), "Bearer", 1},
		{"truncated JSON, short token", response(200, `{"access_token": "abc`), "redacted", 1},
		{"two objects", response(200, `{"error":"a"}{"error":"b"}`), "not the JSON", 1},
		{"200 with an error", response(200, `{"error":"invalid_grant","access_token":"t","expires_in":1}`), "invalid_grant", 1},
		{"400 with a token", response(400, `{"access_token":"t","expires_in":3600}`), "neither", 1},
		{"201 with a token", response(201, `{"access_token":"t","expires_in":3600}`), "neither", 1},
		{"{}", response(200, `{}`), "missing", 1},
		{"no token", response(200, `{"expires_in":3600}`), "no access token", 1},
		{"empty token", response(200, `{"expires_in":3600,"access_token":""}`), "no access token", 1},
		{"token is an object", response(200, `{"expires_in":3600,"access_token":{}}`), "no access token", 1},
		{"control character in the token", response(200, `{"expires_in":3600,"access_token":"a\u0001b"}`), "characters", 1},
		{"line end in the token", response(200, `{"expires_in":3600,"access_token":"a\r\nb"}`), "characters", 1},
		{"umlaut in the token", response(200, `{"expires_in":3600,"access_token":"ä"}`), "characters", 1},
		{"proof-of-possession token", response(200, `{"token_type":"pop","expires_in":3600,"access_token":"t"}`), `pop`, 1},
		{"type is a number", response(200, `{"token_type":7,"expires_in":3600,"access_token":"t"}`), "type", 1},
		{"bearer in lower case", response(200, `{"token_type":"bearer","expires_in":3600,"access_token":"t"}`), "", 1},
		{"no type", response(200, `{"expires_in":3600,"access_token":"t"}`), "", 1},
		{"type null", response(200, `{"token_type":null,"expires_in":3600,"access_token":"t"}`), "", 1},
		{"members that are odd but do not matter", response(200, `{"expires_in":3600,"access_token":"t","scope":[],"refresh_in":{},"id_token":7}`), "", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				body, _ := io.ReadAll(test.answer.Body)
				server := &fakeEntra{answer: func(int, *http.Request) (*http.Response, error) {
					return response(test.answer.StatusCode, string(body)), nil
				}}
				_, err := server.source().TokenContext(t.Context())
				wantRequests(t, server, test.tries)
				wantError(t, err, test.text)
				if err == nil {
					return
				}
				wantError(t, err, fmt.Sprintf("HTTP status %d", test.answer.StatusCode))
				if strings.Contains(err.Error(), testToken) || len(err.Error()) > 1500 {
					t.Errorf("%d bytes: %v", len(err.Error()), err)
				}
			})
		})
	}
}

func TestEndlessAnswer(t *testing.T) {
	body := new(endless)
	server := &fakeEntra{answer: func(int, *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: body}, nil
	}}
	_, err := server.source().TokenContext(t.Context())
	wantError(t, err, `longer than 1 MiB; it begins with "[redacted]"`)
	if body.read > maxBody+64<<10 {
		t.Errorf("%d bytes were read", body.read)
	}
}

func TestAnswerOfAMegabyteIsRead(t *testing.T) {
	const rest = `{"expires_in":3600,"access_token":"t"}`
	server := &fakeEntra{answer: func(int, *http.Request) (*http.Response, error) {
		return response(200, strings.Repeat(" ", maxBody-len(rest))+rest), nil
	}}
	if _, err := server.source().TokenContext(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: slowly(time.Hour, succeed)}
		began := time.Now()
		_, err := server.source().Token()
		e, ok := errors.AsType[*Error](err)
		if !ok || !e.Retryable() || !errors.Is(err, errTimeout) {
			t.Errorf("error %v", err)
		}
		took := time.Since(began)
		if took < maxTries*requestLimit || took > maxTries*requestLimit+3*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// stall is a body that stops in the middle.
type stall struct{ ctx context.Context }

func (s stall) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }
func (stall) Close() error               { return nil }

func TestStalledBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeEntra{answer: func(_ int, r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: stall{r.Context()}}, nil
		}}
		config := server.config()
		config.HTTPClient.Timeout = time.Second
		_, err := config.ClientCredentials().Token()
		if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, errTimeout) || e.StatusCode != 200 || !e.Retryable() {
			t.Errorf("error %v", err)
		}
	})
}

func TestConnectionBreaksInTheBody(t *testing.T) {
	requests := 0
	config := configFor(t, func(w http.ResponseWriter, r *http.Request) {
		if requests++; requests > 1 {
			io.WriteString(w, `{"expires_in":3600,"access_token":"t"}`)
			return
		}
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, `{"access_token":"`+testToken)
	})
	if _, err := config.ClientCredentials().TokenContext(t.Context()); err != nil || requests != 2 {
		t.Errorf("%v after %d requests", err, requests)
	}
}

func TestAnswerCutShort(t *testing.T) {
	for name, reason := range map[string]error{
		"end of the connection": io.ErrUnexpectedEOF,
		"reset":                 &net.OpError{Op: "read", Err: syscall.ECONNRESET},
		"stream error":          errors.New("stream error: stream ID 1; INTERNAL_ERROR"),
		"not gzip":              gzip.ErrHeader,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &fakeEntra{answer: func(int, *http.Request) (*http.Response, error) {
					start := strings.NewReader(`{"token_type":"Bearer","access_token":"` + testToken)
					body := io.MultiReader(start, iotest.ErrReader(reason))
					return &http.Response{StatusCode: 400, Body: io.NopCloser(body), Header: http.Header{"Retry-After": {"7"}}}, nil
				}}
				_, err := server.source().Token()
				wantError(t, err, `the answer was cut short: `+reason.Error()+`; it begins with "{\"token_type`)
				wantError(t, err, "HTTP status 400")
				if e, ok := errors.AsType[*Error](err); !ok || !e.Retryable() || e.RetryAfter != 7*time.Second {
					t.Errorf("error %#v", err)
				}
				if !errors.Is(err, reason) || strings.Contains(err.Error(), testToken) {
					t.Errorf("error %v", err)
				}
				wantRequests(t, server, maxTries)
			})
		})
	}
}

func TestCertificateIsNotTrusted(t *testing.T) {
	config := configFor(t, func(http.ResponseWriter, *http.Request) { t.Error("a request came through") })
	config.HTTPClient = nil
	_, err := config.ClientCredentials().TokenContext(t.Context())
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Retryable() || e.StatusCode != 0 {
		t.Errorf("error %#v", err)
	}
	wantError(t, err, "certificate")
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	config := (new(fakeEntra)).config()
	config.HTTPClient = nil
	config.Cloud.Authority = "https://" + l.Addr().String()
	c, bad := config.appClient()
	if bad != nil {
		t.Fatal(bad)
	}
	_, err = c.request(t.Context(), make(url.Values))
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.Retryable() {
		t.Fatalf("error %v", err)
	}
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		t.Errorf("%v does not wrap the error of the network", err)
	}
}

// The ids of requests are random UUIDs. (RFC 9562 section 5.4)
func TestNewGUID(t *testing.T) {
	version4 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := make(map[string]bool)
	// All 16 digits stand behind the version and behind the variant, which are
	// not copies of their neighbours.
	version, variant, copies := make(map[byte]bool), make(map[byte]bool), 0
	for range 1000 {
		id := newGUID()
		if !version4.MatchString(id) || seen[id] {
			t.Fatalf("%s, seen before: %t", id, seen[id])
		}
		seen[id] = true
		version[id[15]] = true
		variant[id[20]] = true
		if id[15] == id[17] || id[20] == id[22] {
			copies++
		}
	}
	if len(version) != 16 || len(variant) != 16 || copies > 500 {
		t.Errorf("%d digits behind the version, %d behind the variant, %d copies", len(version), len(variant), copies)
	}
}
