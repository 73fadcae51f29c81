package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("boom")
		var out strings.Builder
		err := runSteps(t.Context(), &out, []step{
			{"quick", func(context.Context) (report, error) {
				return report{"noted", []string{"a", strings.Repeat("b", 77)}}, nil
			}},
			{"slow", func(context.Context) (report, error) { time.Sleep(1500 * time.Millisecond); return report{}, nil }},
			{"long", func(context.Context) (report, error) { return report{note: strings.Repeat("x", 31)}, nil }},
			{"bad", func(context.Context) (report, error) { return report{note: "no"}, boom }},
			{"never", func(context.Context) (report, error) { panic("not reached") }},
		})
		if !errors.Is(err, boom) || err.Error() != "bad: boom" {
			t.Errorf("error %q", err)
		}
		name := func(s string) string { return fit(s, 36) }
		want := "✓ " + name("quick") + "    0.0 ms  noted\n    a\n    " + strings.Repeat("b", 75) + "…\n" +
			"✓ " + name("slow") + "    1.50 s\n" +
			"✓ " + name("long") + "    0.0 ms  " + strings.Repeat("x", 29) + "…\n" +
			"✗ " + name("bad") + "    0.0 ms  failed\n"
		if out.String() != want {
			t.Errorf("output\n%s\nwant\n%s", &out, want)
		}
	})
}

// TestStepError checks that the reason for which a step was stopped is told,
// not the error of the connection that was closed for it.
func TestStepError(t *testing.T) {
	closed := errors.New("use of closed network connection")
	wait := func(ctx context.Context) (report, error) { <-ctx.Done(); return report{}, closed }
	for _, tt := range []struct {
		name string
		do   func(context.Context) (report, error)
		stop time.Duration
		want string
	}{
		{"interrupted", wait, time.Second, "step: context canceled"},
		{"limit", wait, 2 * stepLimit, fmt.Sprintf("step: not done after %v", stepLimit)},
		{"done although interrupted", func(ctx context.Context) (report, error) { <-ctx.Done(); return report{}, nil }, time.Second, "<nil>"},
		{"failed by itself", func(context.Context) (report, error) { return report{}, closed }, time.Second, "step: " + closed.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer time.AfterFunc(tt.stop, cancel).Stop()
				defer cancel()
				err := step{"step", tt.do}.run(ctx, new(strings.Builder))
				if got := fmt.Sprint(err); got != tt.want {
					t.Errorf("error %q, want %q", got, tt.want)
				}
			})
		})
	}
}

func TestElapsed(t *testing.T) {
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{0, "   0.0 ms"},
		{49 * time.Microsecond, "   0.0 ms"},
		{1234 * time.Microsecond, "   1.2 ms"},
		{time.Second - 1, "1000.0 ms"},
		{time.Second, "   1.00 s"},
		{90 * time.Second, "  90.00 s"},
	} {
		if got := elapsed(tt.d); got != tt.want {
			t.Errorf("elapsed(%v) = %q, want %q", tt.d, got, tt.want)
		}
	}
}
