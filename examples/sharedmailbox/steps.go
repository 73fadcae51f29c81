package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// stepLimit is how long one step may take. It is longer than a dialer's own
// limit, so that the dialer, which knows more, gets to say what went wrong.
const stepLimit = 2 * time.Minute

// A step is one thing the program does and reports on.
type step struct {
	name string
	do   func(context.Context) (report, error)
}

// report is what a step has found out: a note for its line, and lines to show
// below it.
type report struct {
	note  string
	lines []string
}

// runSteps does the steps one after the other until one fails.
func runSteps(ctx context.Context, out io.Writer, steps []step) error {
	for _, s := range steps {
		if err := s.run(ctx, out); err != nil {
			return err
		}
	}
	return nil
}

func (s step) run(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stepLimit, fmt.Errorf("not done after %v", stepLimit))
	defer cancel()
	start := time.Now()
	var r report
	err := context.Cause(ctx) // between two steps nobody else would notice
	if err == nil {
		r, err = s.do(ctx)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	mark := "✓"
	if err != nil {
		mark, r = "✗", report{note: "failed"}
	}
	line := fmt.Sprintf("%s %s %s  %s", mark, fit(s.name, 36), elapsed(time.Since(start)), fit(r.note, 30))
	fmt.Fprintln(out, strings.TrimRight(line, " "))
	for _, line := range r.lines {
		fmt.Fprintln(out, "    "+strings.TrimRight(fit(line, 76), " "))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}

// elapsed returns d in nine columns.
func elapsed(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%6.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%7.2f s", d.Seconds())
}
