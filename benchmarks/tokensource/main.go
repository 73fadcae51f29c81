// Tokensource compares the tokens of exoauth with those of x/oauth2, MSAL Go
// and azidentity, side by side in one process: what a token from the cache
// costs, what a request costs beside the bare HTTP exchange, and how many
// requests a herd of callers makes.
//
//	go -C benchmarks/tokensource run .
//
// Figures are those of the fastest of several rounds, in which the contenders
// take turns, and where goroutines wait for each other of the median round; what
// counts are the ratios, on a machine with nothing else to do.
// A token of exoauth is an allocation, since each caller gets a copy, so the
// garbage collector has a part in the figures: in a program with nothing else
// in its heap it would run a thousand times a second. The heap of a service is
// stood in for by -heap. With -check the exit status is 1 where a ratio is worse
// than the project promises.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

func main() {
	testing.Init()
	rounds := flag.Int("rounds", 20, "how often each contender is measured")
	each := flag.Duration("time", 50*time.Millisecond, "how long each time")
	only := flag.String("only", "", "hits, requests or herds; empty for all")
	heap := flag.Int("heap", 64, "MiB that are in use besides")
	promised := flag.Bool("check", false, "exit with status 1 where a promise is not kept")
	flag.Parse()
	check(flag.Set("test.benchtime", each.String()))
	r := &report{out: os.Stdout, rounds: *rounds}
	fmt.Fprintf(r.out, "%s, %d processors, %d MiB in use besides\n", runtime.Version(), runtime.GOMAXPROCS(0), *heap)
	inUse := make([]byte, *heap<<20)
	for _, section := range []struct {
		name string
		run  func()
	}{
		{"hits", func() { r.hits(1, 100, 10_000) }},
		{"requests", r.requests},
		{"herds", func() { r.herds(64) }},
	} {
		if *only == "" || *only == section.name {
			section.run()
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

// tell prints a ratio without a promise.
func (r *report) tell(what string, ratio float64) {
	fmt.Fprintf(r.out, "  %-58s %6.2f\n", what, ratio)
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
