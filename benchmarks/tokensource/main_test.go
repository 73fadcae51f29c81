package main

import (
	"bytes"
	"flag"
	"slices"
	"strings"
	"testing"
)

func TestContenders(t *testing.T) {
	s := newServer()
	defer s.Close()
	for _, c := range slices.Concat(contenders, cold, []contender{floor}) {
		for _, hc := range []struct{ name string }{{"loopback"}, {"direct"}} {
			client := s.Client()
			if hc.name == "direct" {
				client = direct{s}.client()
			}
			get := c.open(s, client, 3)
			for n := range 3 {
				if err := get(n); err != nil {
					t.Errorf("%s, %s: %v", c.name, hc.name, err)
				}
			}
		}
	}
}

// What is called cold makes a request each time.
func TestColdIsCold(t *testing.T) {
	for n, c := range cold {
		s := newServer()
		defer s.Close()
		if n == 0 {
			s.lifetime = expired
		}
		get := c.open(s, s.Client(), 1)
		for range 3 {
			if err := get(0); err != nil {
				t.Fatal(err)
			}
		}
		if n := s.requests.Load(); n != 3 {
			t.Errorf("%s: %d requests", c.name, n)
		}
	}
}

func TestOtherLanes(t *testing.T) {
	s := newServer()
	defer s.Close()
	first, second, key := withCertificate(s, s.Client())
	kept := leaving(config(s, s.Client(), 0).ClientCredentials())
	for _, get := range []func() error{kept, kept, first, second, bare(s, s.Client(), secret, decode), bare(s, s.Client(), secret, discard), func() error { return sign(key) }} {
		if err := get(); err != nil {
			t.Error(err)
		}
	}
	if n := s.requests.Load(); n != 5 {
		t.Errorf("%d requests", n)
	}
}

func TestHerdsOfOurs(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		if n := herd(contenders[0], 64, refuse); n != 1 {
			t.Errorf("refused %v: %d requests", refuse, n)
		}
	}
}

// What is measured once says nothing, but it is all there.
func TestReport(t *testing.T) {
	benchtime := flag.Lookup("test.benchtime").Value
	defer benchtime.Set(benchtime.String())
	benchtime.Set("1x")
	var out bytes.Buffer
	r := &report{out: &out, rounds: 2}
	r.hits(1, 3)
	r.requests()
	r.herds(2)
	for line, times := range map[string]int{
		"tenants: 3": 1, "exoauth / ReuseTokenSource, 1 goroutine": 2, "exoauth / ReuseTokenSource, many": 2, "ReuseTokenSource / exoauth, many, one hot": 2,
		"allocations of exoauth": 2, "exoauth / floor": 2, "secret / x/oauth2": 1,
		"certificate, second / exchange": 1, "requests of a cold herd": 1,
	} {
		if n := strings.Count(out.String(), line); n != times {
			t.Errorf("%q is printed %d times; want %d", line, n, times)
		}
	}
}

func TestPromise(t *testing.T) {
	var out bytes.Buffer
	r := &report{out: &out}
	r.promise("a", 1, true, "1")
	r.promise("b", 2, false, "1")
	if r.broken != 1 || bytes.Count(out.Bytes(), []byte("NOT KEPT")) != 1 {
		t.Errorf("%d broken: %s", r.broken, &out)
	}
}
