// Package httpclient makes the HTTP clients of token requests: they follow no
// redirects, which would be sent the credential, and bound what they read.
package httpclient

import (
	"cmp"
	"net/http"
	"sync"
	"time"
)

// New returns a copy of hc, which may be nil, that follows no redirect,
// and the time limit of a request. The limit goes into the context of each
// request, so that an error can say whose limit it was.
func New(hc *http.Client, limit time.Duration) (http.Client, time.Duration) {
	own := *cmp.Or(hc, new(http.Client))
	if own.Transport == nil {
		own.Transport = sharedTransport()
	}
	limit = cmp.Or(max(own.Timeout, 0), limit)
	own.Timeout = 0
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return own, limit
}

// maxHeader bounds the status line and the headers of an answer, which are a
// few KiB. The default of package net/http is 10 MiB.
const maxHeader = 256 << 10

// Bounded returns a copy of a transport that reads no more than
// maxHeader octets of headers, unless it has a limit already.
func Bounded(base *http.Transport) *http.Transport {
	t := base.Clone()
	if t.MaxResponseHeaderBytes == 0 {
		t.MaxResponseHeaderBytes = maxHeader
	}
	return t
}

// The copy of http.DefaultTransport is one for all Sources, which share its
// connections, until the program sets another one.
var shared struct {
	mu        sync.Mutex
	of, bound *http.Transport
}

// sharedTransport returns http.DefaultTransport with a limit, or as it is if it
// is no http.Transport.
func sharedTransport() http.RoundTripper {
	standard, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.of != standard {
		shared.of, shared.bound = standard, Bounded(standard)
	}
	return shared.bound
}
