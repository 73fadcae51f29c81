package main

import (
	"bytes"
	"slices"
	"testing"
)

func TestContenders(t *testing.T) {
	s := newServer()
	defer s.Close()
	for _, c := range slices.Concat(contenders, cold) {
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
	for _, get := range []func() error{first, second, bare(s, s.Client(), secret, decode), bare(s, s.Client(), secret, discard), func() error { return sign(key) }} {
		if err := get(); err != nil {
			t.Error(err)
		}
	}
	if n := s.requests.Load(); n != 4 {
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

func TestPromise(t *testing.T) {
	var out bytes.Buffer
	r := &report{out: &out}
	r.promise("a", 1, true, "1")
	r.promise("b", 2, false, "1")
	if r.broken != 1 || bytes.Count(out.Bytes(), []byte("NOT KEPT")) != 1 {
		t.Errorf("%d broken: %s", r.broken, &out)
	}
}
