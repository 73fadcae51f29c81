package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A suite is the tests of one package, compiled with all faults.
type suite struct {
	dir    string // relative to the root
	folder string
	binary string
	start  time.Duration // how long it takes to run no test
	tests  []*test
}

// A test is a Test, an Example or the seeds of a Fuzz target.
type test struct {
	name    string
	took    time.Duration
	reaches map[int]bool
}

// build compiles the tests of the packages.
func build(ctx context.Context, root, work string, over *overlay) ([]*suite, error) {
	var suites []*suite
	for _, folder := range over.folders {
		dir, err := filepath.Rel(root, folder)
		if err != nil {
			return nil, err
		}
		s := &suite{dir: filepath.ToSlash(dir), folder: folder, binary: filepath.Join(work, fmt.Sprintf("suite%d", len(suites)))}
		cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", over.file, "-o", s.binary, ".")
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("the tests of %s with the faults: %w\n%s", dir, err, out)
		}
		if _, err := os.Stat(s.binary); err == nil { // else it has no tests
			suites = append(suites, s)
		}
	}
	return suites, nil
}

// command runs tests of s. Long reads of a server in trouble end with the
// limit.
func (s *suite) command(ctx context.Context, env string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.binary, append(args, "-test.short", "-test.count=1")...)
	cmd.Dir = s.folder
	cmd.Env = append(os.Environ(), env, "CI=", "GOMAXPROCS=2")
	cmd.WaitDelay = time.Second
	return cmd
}

// trace runs each test alone and notes what it reaches.
func trace(ctx context.Context, suites []*suite, parallel int) error {
	type job struct {
		s *suite
		t *test
	}
	var jobs []job
	for _, s := range suites {
		began := time.Now()
		out, err := s.command(ctx, "MUTATE_CHOSEN=0", "-test.list", ".").Output()
		if err != nil {
			return fmt.Errorf("the list of the tests of %s: %w", s.dir, err)
		}
		s.start = time.Since(began)
		for _, name := range strings.Fields(string(out)) {
			if !strings.HasPrefix(name, "Benchmark") {
				t := &test{name: name, reaches: map[int]bool{}}
				s.tests = append(s.tests, t)
				jobs = append(jobs, job{s, t})
			}
		}
	}
	queue := make(chan job)
	failed := make(chan error, len(jobs))
	var wg sync.WaitGroup
	for range parallel {
		wg.Go(func() {
			for j := range queue {
				if ctx.Err() != nil {
					continue
				}
				if err := j.s.trace(ctx, j.t); err != nil && ctx.Err() == nil {
					failed <- err
				}
			}
		})
	}
	for _, j := range jobs {
		queue <- j
	}
	close(queue)
	wg.Wait()
	close(failed)
	for err := range failed {
		fmt.Println(err)
	}
	for _, s := range suites {
		slices.SortFunc(s.tests, func(a, b *test) int { return int(a.took - b.took) })
	}
	return ctx.Err()
}

// trace runs one test. A test that fails without a fault tells nothing, and is
// left out.
func (s *suite) trace(ctx context.Context, t *test) error {
	file := s.binary + "." + t.name
	began := time.Now()
	out, err := s.command(ctx, "MUTATE_REACHED="+file, "-test.run", exactly(t.name), "-test.timeout=5m").CombinedOutput()
	t.took = max(time.Since(began)-s.start, 0)
	if err != nil {
		return fmt.Errorf("without a fault, %s of %s fails: %w\n%s", t.name, s.dir, err, tail(out))
	}
	reached, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, line := range strings.Fields(string(reached)) {
		if id, err := strconv.Atoi(line); err == nil {
			t.reaches[id] = true
		}
	}
	return os.Remove(file)
}

func tail(out []byte) []byte { return out[max(0, len(out)-2000):] }

func exactly(names ...string) string {
	for i, name := range names {
		names[i] = regexp.QuoteMeta(name)
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

// fate is what became of a mutant.
type fate int

const (
	untried fate = iota
	killed
	timedOut
	survived
	uncovered
)

// A finding is the test that found the last fault in a function, or in the
// variables of a file. It is the first to be run for the next one there: what
// is in a table of values is reached by every test, and found by one.
type finding struct {
	suite *suite
	test  *test
}

type findings struct {
	mu   sync.Mutex
	last map[string]finding // by file and function
}

func (f *findings) get(m *mutant) (finding, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, ok := f.last[m.file+m.function]
	return last, ok && last.test.reaches[m.id]
}

// note notes that a test, or one below it, has found a mutant.
func (f *findings) note(m *mutant, s *suite, name string) {
	name, _, _ = strings.Cut(name, "/")
	i := slices.IndexFunc(s.tests, func(t *test) bool { return t.name == name })
	if i < 0 {
		return // a panic
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last[m.file+m.function] = finding{s, s.tests[i]}
}

// attempt runs the tests that reach a mutant, those of its own package first
// and the quick ones before the slow ones, until one fails.
func attempt(ctx context.Context, suites []*suite, m *mutant, found *findings) fate {
	if last, ok := found.get(m); ok {
		if fate, _ := last.suite.attempt(ctx, m, []string{last.test.name}, last.test.took); fate != survived {
			return fate
		}
	}
	ordered := slices.Clone(suites)
	slices.SortStableFunc(ordered, func(a, b *suite) int { return distance(a, m) - distance(b, m) })
	reached := false
	for _, s := range ordered {
		var quick, slow []string
		var quickTook, slowTook time.Duration
		for _, t := range s.tests {
			switch {
			case !t.reaches[m.id]:
			case quickTook+t.took < 2*time.Second:
				quick, quickTook = append(quick, t.name), quickTook+t.took
			default:
				slow, slowTook = append(slow, t.name), slowTook+t.took
			}
		}
		for _, part := range []struct {
			names []string
			took  time.Duration
		}{{quick, quickTook}, {slow, slowTook}} {
			if len(part.names) == 0 {
				continue
			}
			reached = true
			if fate, by := s.attempt(ctx, m, part.names, part.took); fate != survived {
				found.note(m, s, by)
				return fate
			}
		}
	}
	if !reached {
		return uncovered
	}
	return survived
}

// distance orders the suites for a mutant.
func distance(s *suite, m *mutant) int {
	if s.dir == m.room() {
		return 0
	}
	return 1
}

// attempt runs tests, and returns the one that found the mutant.
func (s *suite) attempt(ctx context.Context, m *mutant, names []string, took time.Duration) (f fate, by string) {
	limited, cancel := context.WithTimeout(ctx, 10*time.Second+4*took)
	defer cancel()
	out, err := s.command(limited, fmt.Sprintf("MUTATE_CHOSEN=%d", m.id), "-test.failfast", "-test.run", exactly(names...)).CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return untried, ""
	case err == nil:
		return survived, ""
	case limited.Err() != nil:
		return timedOut, ""
	}
	return killed, firstFailure(out)
}

func firstFailure(out []byte) string {
	for line := range strings.Lines(string(out)) {
		if _, name, ok := strings.Cut(line, "--- FAIL: "); ok {
			name, _, _ = strings.Cut(name, " ")
			return name
		}
	}
	return ""
}
