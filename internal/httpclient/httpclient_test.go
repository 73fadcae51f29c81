package httpclient

import (
	"crypto/tls"
	"net/http"
	"testing"
	"time"
)

func TestSharedTransport(t *testing.T) {
	program := http.DefaultTransport
	defer func() { http.DefaultTransport = program }()
	standard := &http.Transport{TLSClientConfig: &tls.Config{ServerName: "mail.example.com"}}
	http.DefaultTransport = standard
	first, second := sharedTransport(), sharedTransport()
	bound, ok := first.(*http.Transport)
	if !ok || first != second || bound == standard || bound.MaxResponseHeaderBytes != maxHeader || bound.TLSClientConfig.ServerName != "mail.example.com" {
		t.Errorf("%+v", first)
	}
	http.DefaultTransport = &http.Transport{MaxResponseHeaderBytes: 1}
	if third := sharedTransport().(*http.Transport); third == bound || third.MaxResponseHeaderBytes != 1 {
		t.Errorf("%+v", third)
	}
}

func TestNew(t *testing.T) {
	for name, test := range map[string]struct {
		given *http.Client
		limit time.Duration
	}{
		"nil":      {nil, time.Minute},
		"zero":     {new(http.Client), time.Minute},
		"timeout":  {&http.Client{Timeout: time.Second}, time.Second},
		"negative": {&http.Client{Timeout: -1}, time.Minute},
	} {
		own, limit := New(test.given, time.Minute)
		if limit != test.limit || own.Timeout != 0 || own.Transport == nil {
			t.Errorf("%s: limit %v, client %+v", name, limit, own)
		}
		if err := own.CheckRedirect(nil, nil); err != http.ErrUseLastResponse {
			t.Errorf("%s: a redirect is followed: %v", name, err)
		}
		if test.given != nil && test.given.CheckRedirect != nil {
			t.Errorf("%s: the client of the program was changed", name)
		}
	}
}

func TestLimit(t *testing.T) {
	if maxHeader != 256<<10 {
		t.Errorf("%d octets of headers", maxHeader)
	}
}
