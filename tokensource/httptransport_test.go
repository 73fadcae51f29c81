package tokensource

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/verdict"
)

// roundTripFunc is a transport that cannot be compared.
type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// withDefaultTransport sets http.DefaultTransport for a test.
func withDefaultTransport(t *testing.T, rt http.RoundTripper) {
	standard := http.DefaultTransport
	http.DefaultTransport = rt
	t.Cleanup(func() { http.DefaultTransport = standard })
}

// A server whose status line or headers do not end is given up.
func TestHeadersAreBounded(t *testing.T) {
	endless := strings.Repeat("a", 1<<10)
	for name, begin := range map[string]string{
		"status line": "HTTP/1.1 200 O", "header": "HTTP/1.1 200 OK\r\nX: ", "headers": "HTTP/1.1 200 OK\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			const most = 32 << 20
			sent := 0
			done := make(chan struct{})
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(done)
				io.Copy(io.Discard, r.Body)
				conn, buffer, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				buffer.WriteString(begin)
				sent = fill(buffer.Writer, endless, name == "headers", most)
			}))
			srv.StartTLS()
			defer srv.Close()
			withDefaultTransport(t, &http.Transport{TLSClientConfig: srv.Client().Transport.(*http.Transport).TLSClientConfig})
			for _, hc := range []*http.Client{nil, {}} {
				done, sent = make(chan struct{}), 0
				config := &Config{Cloud: exoauth.Cloud{Authority: srv.URL}, Tenant: testTenant, ClientID: testClientID, Credential: Secret(testSecret), HTTPClient: hc}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_, err := config.ClientCredentials().TokenContext(t.Context())
				runtime.ReadMemStats(&after)
				if e, ok := errors.AsType[*Error](err); !ok || e.StatusCode != 0 {
					t.Errorf("error %v", err)
				}
				<-done
				if taken := after.TotalAlloc - before.TotalAlloc; sent >= most || taken > 16<<20 {
					t.Errorf("%d octets sent, %d allocated", sent, taken)
				}
			}
		})
	}
}

// fill writes lines, or one without an end, until the other side has gone.
func fill(w *bufio.Writer, text string, lines bool, most int) (sent int) {
	for sent < most {
		if lines {
			w.WriteString("X: ")
		}
		n, err := w.WriteString(text)
		if lines {
			w.WriteString("\r\n")
		}
		if sent += n; err != nil {
			break
		}
	}
	return sent
}

func TestDefaultTransportOfTheProgram(t *testing.T) {
	answered := false
	withDefaultTransport(t, roundTripFunc(func(*http.Request) (*http.Response, error) {
		answered = true
		return response(200, `{"expires_in":3600,"access_token":"t"}`), nil
	}))
	config := new(fakeEntra).config()
	config.HTTPClient = nil
	for range 2 {
		if _, err := config.ClientCredentials().Token(); err != nil || !answered {
			t.Errorf("%v", err)
		}
	}
}

// A proxy that wants a name and a password is to be given them; no time mends
// it.
func TestProxyThatRefuses(t *testing.T) {
	requests := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	config := new(fakeEntra).config()
	config.HTTPClient.Transport = &http.Transport{Proxy: http.ProxyURL(address)}
	_, err = config.ClientCredentials().TokenContext(t.Context())
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Retryable() || verdict.Retryable(err) || requests != 1 {
		t.Errorf("%d requests, error %v", requests, err)
	}
	wantError(t, err, http.StatusText(http.StatusProxyAuthRequired))
}
