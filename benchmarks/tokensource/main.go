// Tokensource compares the tokens of exoauth with those of x/oauth2, MSAL Go
// and azidentity, side by side in one process: what a token from the cache
// costs, what a request costs beside the bare HTTP exchange, and how many
// requests a herd of callers makes.
//
//	go -C benchmarks/tokensource run .
//
// Figures are those of the fastest of several rounds, in which the contenders
// take turns; what counts are the ratios. A token of exoauth is an allocation, since each
// caller gets a copy, so the garbage collector has a part in the figures: in a
// program with nothing else in its heap it would run a thousand times a
// second. The heap of a service is stood in for by -heap. The exit status is 1 with -check where one of
// them is worse than the project promises.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func main() {
	testing.Init()
	rounds := flag.Int("rounds", 7, "how often each contender is measured")
	each := flag.Duration("time", 100*time.Millisecond, "how long each time")
	only := flag.String("only", "", "hits, requests or herds; empty for all")
	heap := flag.Int("heap", 64, "MiB that are in use besides")
	promised := flag.Bool("check", false, "exit with status 1 where a promise is not kept")
	flag.Parse()
	check(flag.Set("test.benchtime", each.String()))
	r := &report{out: os.Stdout, rounds: *rounds}
	fmt.Fprintf(r.out, "%s, %d processors, %d MiB in use besides\n", runtime.Version(), runtime.GOMAXPROCS(0), *heap)
	inUse := make([]byte, *heap<<20)
	for name, section := range map[string]func(){
		"hits": func() { r.hits(1, 100, 10_000) }, "requests": r.requests, "herds": func() { r.herds(64) },
	} {
		if *only == "" || *only == name {
			section()
		}
	}
	runtime.KeepAlive(inUse)
	if *promised && r.broken > 0 {
		os.Exit(1)
	}
}

type report struct {
	out    io.Writer
	rounds int
	broken int // promises
}

// promise prints a ratio and what was promised of it.
func (r *report) promise(what string, ratio float64, kept bool, limit string) {
	word := "kept"
	if !kept {
		word = "NOT KEPT"
		r.broken++
	}
	fmt.Fprintf(r.out, "  %-58s %6.2f  (%s: %s)\n", what, ratio, limit, word)
}

// hits are tokens from the cache.
func (r *report) hits(numbers ...int) {
	s := newServer()
	defer s.Close()
	var ours []float64
	for _, tenants := range numbers {
		var one, many []*lane
		for _, c := range contenders {
			get := c.open(s, direct{s}.client(), tenants)
			for n := range tenants {
				check(get(n))
			}
			one = append(one, &lane{name: c.name, run: alone(get, tenants)})
			many = append(many, &lane{name: c.name, run: together(get, tenants)})
		}
		race(r.rounds, append(one[:len(one):len(one)], many...))
		fmt.Fprintf(r.out, "\nFrom the cache, tenants: %d\n  %-28s %14s %14s %8s\n", tenants, "", "1 goroutine", "many", "allocs")
		for n, l := range one {
			fmt.Fprintf(r.out, "  %-28s %11.1f ns %11.1f ns %8d\n", l.name, l.best(), many[n].best(), l.allocs)
		}
		r.promise("exoauth / ReuseTokenSource, 1 goroutine", one[0].best()/one[1].best(), one[0].best() <= one[1].best(), "at most 1")
		ratio := many[1].best() / many[0].best()
		if tenants == 1 {
			r.promise("ReuseTokenSource / exoauth, many", ratio, ratio >= 3, "at least 3")
		} else { // no two of them wait for one lock
			fmt.Fprintf(r.out, "  %-58s %6.2f\n", "ReuseTokenSource / exoauth, many", ratio)
		}
		r.promise("allocations of exoauth", float64(one[0].allocs), one[0].allocs <= 1, "at most 1")
		for n := 2; n < len(one); n++ {
			fmt.Fprintf(r.out, "  %-58s %6.0f\n", one[n].name+" / exoauth, 1 goroutine", one[n].best()/one[0].best())
		}
		ours = append(ours, one[0].best())
	}
	last := len(ours) - 1
	r.promise(fmt.Sprintf("exoauth with %d tenants / with %d", numbers[last], numbers[0]), ours[last]/ours[0], ours[last] <= 3*ours[0], "flat, but for the caches of the processor: at most 3")
}

// requests are tokens from the server, over TLS on loopback.
func (r *report) requests() {
	s := newServer()
	defer s.Close()
	lanes := []*lane{
		{name: "bare HTTP exchange", run: single(bare(s, s.Client(), secret, discard))},
		{name: "and its JSON decoded", run: single(bare(s, s.Client(), secret, decode))},
		{name: "so, with an assertion", run: single(bare(s, s.Client(), strings.Repeat("a", assertionSize), decode))},
	}
	for _, c := range cold[1:] {
		get := c.open(s, s.Client(), 1)
		lanes = append(lanes, &lane{name: c.name, run: alone(get, 1)})
	}
	short := newServer()
	defer short.Close()
	short.lifetime = expired
	first, second, key := withCertificate(short, short.Client())
	lanes = append(lanes,
		&lane{name: "exoauth, secret", run: alone(openOurs(short, short.Client(), 1), 1)},
		&lane{name: "exoauth, certificate, first", run: single(first)},
		&lane{name: "exoauth, certificate, second", run: single(second)},
		&lane{name: "one RSA signature", run: single(func() error { return sign(key) })},
	)
	race(r.rounds, lanes)
	at := func(name string) float64 {
		for _, l := range lanes {
			if l.name == name {
				return l.best()
			}
		}
		panic(name)
	}
	fmt.Fprintf(r.out, "\nFrom the server\n")
	bare, base, long := at("bare HTTP exchange"), at("and its JSON decoded"), at("so, with an assertion")
	for _, l := range lanes {
		fmt.Fprintf(r.out, "  %-28s %11v %8d allocs %8.2f of the bare exchange\n", l.name, l.duration(), l.allocs, l.best()/bare)
	}
	for _, p := range []struct {
		what  string
		ratio float64
	}{
		{"secret / exchange with its JSON", at("exoauth, secret") / base},
		{"certificate, first / the same and a signature", at("exoauth, certificate, first") / (long + at("one RSA signature"))},
		{"certificate, second / exchange with an assertion", at("exoauth, certificate, second") / long},
	} {
		r.promise(p.what, p.ratio, p.ratio <= 1.3, "at most 1.3")
	}
}

// herds are callers who all come at once.
func (r *report) herds(callers int) {
	fmt.Fprintf(r.out, "\nRequests that a herd of %d makes\n  %-28s %14s %14s\n", callers, "", "cold", "expired secret")
	for _, c := range []contender{contenders[0], {"x/oauth2 clientcredentials", openReusing}, contenders[2], contenders[3]} {
		cold, refused := herd(c, callers, false), herd(c, callers, true)
		fmt.Fprintf(r.out, "  %-28s %14d %14d\n", c.name, cold, refused)
		if c.name == contenders[0].name {
			r.promise("requests of a cold herd", float64(cold), cold == 1, "1")
			r.promise("requests of a herd with an expired secret", float64(refused), refused == 1, "1")
		}
	}
}

// herd returns how many requests were made until all had an answer.
func herd(c contender, callers int, refuse bool) int64 {
	s := newServer()
	defer s.Close()
	s.refuse, s.pause = refuse, 20*time.Millisecond
	get := c.open(s, s.Client(), 1)
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if err := get(0); (err != nil) != refuse {
				panic(fmt.Sprint(c.name, ": ", err))
			}
		})
	}
	wg.Wait()
	return s.requests.Load()
}
