package tokensource

import (
	"net/http"
	"sync"
)

// maxHeader bounds the status line and the headers of an answer, which are a
// few KiB. The default of package net/http is 10 MiB.
const maxHeader = 256 << 10

// boundTransport returns a copy of a transport that reads no more than
// maxHeader octets of headers, unless it has a limit already.
func boundTransport(base *http.Transport) *http.Transport {
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
		shared.of, shared.bound = standard, boundTransport(standard)
	}
	return shared.bound
}
