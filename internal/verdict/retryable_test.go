package verdict

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"syscall"
	"testing"

	"golang.org/x/oauth2"
)

type retryable bool

func (retryable) Error() string     { return "of itself" }
func (r retryable) Retryable() bool { return bool(r) }

type temporary bool

func (temporary) Error() string     { return "of itself" }
func (t temporary) Temporary() bool { return bool(t) }

// joined is an error of ours that wraps another one.
type joined struct {
	retryable
	err error
}

func (j joined) Unwrap() error { return j.err }

func TestRetryable(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"nothing":                   {nil, false},
		"unknown":                   {errors.New("something"), false},
		"refused":                   {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		"reset":                     {fmt.Errorf("wrapped: %w", &net.OpError{Op: "read", Err: syscall.ECONNRESET}), true},
		"end of the connection":     {io.EOF, true},
		"cut short":                 {io.ErrUnexpectedEOF, true},
		"no such name":              {&net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}, false},
		"no such name, of a proxy":  {&net.DNSError{IsNotFound: true}, false},
		"name server in trouble":    {&net.DNSError{IsTemporary: true}, true},
		"no address":                {&net.OpError{Op: "dial", Err: &net.AddrError{Err: "missing port"}}, false},
		"alert of the server":       {&net.OpError{Op: "remote error", Err: tls.AlertError(40)}, false},
		"alert of ours":             {&net.OpError{Op: "local error", Err: tls.AlertError(40)}, false},
		"certificate":               {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, false},
		"not TLS":                   {tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, false},
		"time limit of a context":   {fmt.Errorf("no answer: %w", context.DeadlineExceeded), true},
		"time limit of a read":      {os.ErrDeadlineExceeded, true},
		"cancelled":                 {context.Canceled, false},
		"cancelled, of a request":   {&url.Error{Op: "Post", Err: context.Canceled}, false},
		"cancelled, of a dial":      {&net.OpError{Op: "dial", Err: context.Canceled}, false},
		"a file":                    {&fs.PathError{Op: "open", Err: syscall.ENOENT}, false},
		"retryable":                 {retryable(true), true},
		"not retryable":             {retryable(false), false},
		"temporary":                 {temporary(true), true},
		"not temporary":             {temporary(false), false},
		"retryable, though refused": {joined{true, &oauth2.RetrieveError{}}, true},
		"x/oauth2, busy":            {&oauth2.RetrieveError{Response: &http.Response{StatusCode: 503}}, true},
		"x/oauth2, status 500":      {&oauth2.RetrieveError{Response: &http.Response{StatusCode: 500}}, true},
		"x/oauth2, status 499":      {&oauth2.RetrieveError{Response: &http.Response{StatusCode: 499}}, false},
		"x/oauth2, throttled":       {&oauth2.RetrieveError{Response: &http.Response{StatusCode: 429}}, true},
		"x/oauth2, refused":         {&oauth2.RetrieveError{Response: &http.Response{StatusCode: 400}}, false},
		"x/oauth2, without answer":  {&oauth2.RetrieveError{}, false},
		"a proxy that wants a name": {throughProxy(t, http.StatusProxyAuthRequired), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Retryable(test.err); got != test.want {
				t.Errorf("Retryable(%v) = %t, want %t", test.err, got, test.want)
			}
		})
	}
}

// throughProxy returns the error of a request whose proxy answers with status.
func throughProxy(t *testing.T, status int) error {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(proxy.Close)
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(address)}
	t.Cleanup(transport.CloseIdleConnections)
	resp, err := (&http.Client{Transport: transport}).Get("https://login.example.com/")
	if err == nil {
		resp.Body.Close()
		t.Fatal("the proxy was not asked")
	}
	return err
}
