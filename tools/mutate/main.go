// Mutate tells which faults no test would find. It makes small faults in the
// packages given, one at a time, and runs the tests that reach each:
//
//	go -C tools run ./mutate [flags] xoauth2 imapdial internal/...
//
// The tests are those of the packages given, so name packages together whose
// tests check each other. A fault that a test finds is killed, one that no test
// finds survives, and one that no test reaches is uncovered. Survivors and
// uncovered faults are printed: write a test for them. The faults are a
// condition that is negated, a boundary moved by one, an operator swapped, a
// statement left out, a number changed, a result turned round.
//
// All faults are compiled into one test binary per package, each behind a
// switch, so that a fault costs only the tests that reach it, not a build.
//
// A fault that behaves as the original does is listed with its reason in
// equivalent.txt. It is not tried, and does not count.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	root     string
	since    string
	sample   int
	seed     uint64
	parallel int
	only     string
	least    float64
	limit    time.Duration
}

// parse returns the settings, and the rooms to try.
func parse(args []string) (s settings, rooms []string, err error) {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.StringVar(&s.root, "root", "..", "the `folder` of the module")
	flags.StringVar(&s.since, "since", "", "only files that have changed since this `revision`")
	flags.IntVar(&s.sample, "sample", 0, "try only `n` faults of each package, drawn by -seed; 0 is all")
	flags.Uint64Var(&s.seed, "seed", 1, "what -sample draws by")
	flags.IntVar(&s.parallel, "parallel", runtime.NumCPU(), "how many tests run at a time")
	flags.StringVar(&s.only, "only", "", "only faults whose line in the report contains this `text`")
	flags.Float64Var(&s.least, "least", 0, "fail if a package kills less than this `percentage`")
	flags.DurationVar(&s.limit, "limit", 0, "stop after this `time`, with what was tried until then; 0 is no limit")
	if err = flags.Parse(args); err == nil {
		s.root, err = filepath.Abs(s.root)
	}
	return s, flags.Args(), err
}

func run(ctx context.Context, args []string) error {
	s, rooms, err := parse(args)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if s.limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.limit)
		defer cancel()
	}

	began := time.Now()
	mutants, overlay, err := instrument(s.root, work, rooms)
	if err != nil {
		return err
	}
	equivalent, err := readEquivalent(filepath.Join(s.root, "tools", "mutate", "equivalent.txt"), mutants)
	if err != nil {
		return err
	}
	suites, err := build(ctx, s.root, work, overlay)
	if tooLate(ctx) {
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Printf("%d faults in %d files, %d packages with tests, built in %v\n", len(mutants), len(overlay.Replace), len(suites), time.Since(began).Round(time.Second))
	err = trace(ctx, suites, s.parallel)
	if tooLate(ctx) {
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Printf("which test reaches which fault is known after %v\n", time.Since(began).Round(time.Second))

	chosen, err := choose(s, mutants)
	if err != nil {
		return err
	}
	var different []*mutant
	for _, m := range chosen {
		if _, known := equivalent[m.key()]; !known {
			different = append(different, m)
		}
	}
	var done atomic.Int64
	try(ctx, suites, different, s.parallel, func(m *mutant) {
		show(os.Stdout, m)
		if n := done.Add(1); n%200 == 0 {
			fmt.Printf("%d of %d are tried after %v\n", n, len(different), time.Since(began).Round(time.Second))
		}
	})
	return report(os.Stdout, chosen, equivalent, s.least)
}

// tooLate reports whether the time is over before the first fault was tried.
func tooLate(ctx context.Context) bool {
	if ctx.Err() != context.DeadlineExceeded {
		return false
	}
	fmt.Println("the time was over before the first fault was tried")
	return true
}

// choose returns the mutants to try. Those that the time is too short for are
// to be of all files.
func choose(s settings, mutants []*mutant) ([]*mutant, error) {
	changed, err := changedSince(s.root, s.since)
	if err != nil {
		return nil, err
	}
	mutants = slices.DeleteFunc(mutants, func(m *mutant) bool {
		return s.since != "" && !changed[m.file] || !strings.Contains(m.String(), s.only)
	})
	if s.sample == 0 && s.limit == 0 {
		return mutants, nil
	}
	draw := rand.New(rand.NewPCG(s.seed, s.seed))
	draw.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
	if s.sample == 0 {
		return mutants, nil
	}
	drawn := map[string]int{}
	mutants = slices.DeleteFunc(mutants, func(m *mutant) bool {
		drawn[m.room()]++
		return drawn[m.room()] > s.sample
	})
	slices.SortFunc(mutants, func(a, b *mutant) int { return cmp.Compare(a.id, b.id) })
	return mutants, nil
}

// try tells of each mutant whether a test finds it, and calls tried with it.
func try(ctx context.Context, suites []*suite, mutants []*mutant, parallel int, tried func(*mutant)) {
	queue := make(chan *mutant)
	found := &findings{last: make(map[string]finding)}
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for m := range queue {
				m.fate = attempt(ctx, suites, m, found)
				tried(m)
			}
		})
	}
	for i, m := range mutants {
		if ctx.Err() != nil {
			break
		}
		queue <- m
		if (i+1)%500 == 0 {
			fmt.Printf("%d of %d tried\n", i+1, len(mutants))
		}
	}
	close(queue)
	wg.Wait()
}
