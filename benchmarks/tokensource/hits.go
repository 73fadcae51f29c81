package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

// hit is a contender whose tokens come from the cache.
type hit struct {
	contender
	one, hot, spread lane
}

// hits are tokens from the cache. In the first two columns they are of one
// tenant after the other, in the third all of the same one: of many tenants no
// two goroutines happen to ask for the same at a time, so what contention does
// is seen there alone.
func (r *report) hits(numbers ...int) {
	s := newServer()
	defer s.Close()
	for _, tenants := range numbers {
		hits := r.measureHits(s, tenants)
		fmt.Fprintf(r.out, "\nFrom the cache, tenants: %d\n  %-28s %14s %14s %14s %8s\n", tenants, "", "1 goroutine", "many", "many, one hot", "allocs")
		for _, h := range hits {
			fmt.Fprintf(r.out, "  %-28s %11.1f ns %11.1f ns %11.1f ns %8d\n", h.name, h.one.best(), h.spread.best(), h.hot.typical(), h.one.allocs)
		}
		r.promiseHits(hits)
	}
}

// measureHits keeps one contender in memory at a time: each allocation makes the
// garbage collector look at everything.
func (r *report) measureHits(s *server, tenants int) []*hit {
	var hits []*hit
	for _, c := range append(contenders[:len(contenders):len(contenders)], floor) {
		hits = append(hits, &hit{contender: c})
	}
	const turns = 4
	for range turns {
		for _, h := range hits {
			get := h.open(s, direct{s}.client(), tenants)
			for n := range tenants {
				check(get(n))
			}
			h.one.run = alone(get, tenants)
			h.spread.run = together(get, tenants)
			h.hot.run = together(func(int) error { return get(tenants / 2) }, tenants)
			race(max(1, r.rounds/turns), []*lane{&h.one, &h.spread, &h.hot})
			h.one.run, h.spread.run, h.hot.run = nil, nil, nil
		}
	}
	return hits
}

// promiseHits compares with ReuseTokenSource, threefold where goroutines contend
// for one tenant. Where they are spread over many, a lock costs little, and
// ReuseTokenSource hands out one token that all callers share, without an
// allocation.
//
// With 10,000 tenants a token of ours takes a quarter longer than with one, and so
// does one of the floor: it is what the garbage collector takes to look through
// them, each time that as much has been allocated as there is.
func (r *report) promiseHits(hits []*hit) {
	ours, reuse, floor := hits[0], hits[1], hits[len(hits)-1]
	one := ratio(&ours.one, &reuse.one)
	r.promise("exoauth / ReuseTokenSource, 1 goroutine", one, one <= 1, "at most 1")
	hot := reuse.hot.typical() / ours.hot.typical()
	r.promise("ReuseTokenSource / exoauth, many, one hot", hot, hot >= 3, "at least 3")
	many := ratio(&ours.spread, &reuse.spread)
	r.promise("exoauth / ReuseTokenSource, many", many, many <= 1, "at most 1")
	r.promise("allocations of exoauth", float64(ours.one.allocs), ours.one.allocs <= 1, "at most 1")
	above := max(ratio(&ours.one, &floor.one), ratio(&ours.spread, &floor.spread))
	r.promise("exoauth / floor, 1 goroutine or many", above, above <= 1.5, "flat: at most 1.5")
	for _, h := range hits[2 : len(hits)-1] {
		r.tell(h.name+" / exoauth, 1 goroutine", ratio(&h.one, &ours.one))
	}
}

// floor is what nobody can do without who gives each caller a token of their
// own: it reads one pointer and copies what that points at. What this takes
// longer with more tenants is the doing of the processor's caches and of the
// garbage collector, which has our sources to look through here too.
var floor = contender{"floor: a copy", func(s *server, hc *http.Client, tenants int) func(int) error {
	ours := openOurs(s, hc, tenants)
	tokens := make([]atomic.Pointer[oauth2.Token], tenants)
	for n := range tokens {
		check(ours(n))
		tokens[n].Store(&oauth2.Token{AccessToken: accessToken, TokenType: "Bearer", Expiry: time.Now().Add(24 * time.Hour)})
	}
	return func(n int) error {
		if t := clone(tokens[n].Load()); t.AccessToken == "" {
			return ours(n) // never, but keeps them
		}
		return nil
	}
}}

//go:noinline
func clone(t *oauth2.Token) *oauth2.Token {
	return &oauth2.Token{AccessToken: t.AccessToken, TokenType: t.TokenType, Expiry: t.Expiry}
}
