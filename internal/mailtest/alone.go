package mailtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A Report is the result of a test in a process of its own.
type Report struct {
	// Heap is by how many octets the process has grown at the most since
	// [Measure]: the peak of its memory, which Linux keeps (VmHWM of
	// /proc/self/status), and not what one sees by looking from time to time.
	// It has the heap and a little more, such as stacks and pages of the
	// program that were not needed before. Elsewhere it is 0.
	Heap int64
	// Late is by how much calls came back after they should have, see [Late].
	Late map[string]time.Duration
	Err  string // what a call said
}

const (
	roleVariable = "EXOAUTH_TEST_ALONE"
	reportMark   = "EXOAUTH_TEST_REPORT "
)

// Alone runs the test t in a process of its own, in which [Role] returns role,
// and returns what that reports. It reports false if the process has not ended
// after limit.
func Alone(t *testing.T, role string, limit time.Duration) (Report, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	top, _, _ := strings.Cut(t.Name(), "/")
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+regexp.QuoteMeta(top)+"$", "-test.count=1")
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return Report{}, false
	}
	_, text, ok := bytes.Cut(out, []byte(reportMark))
	var r Report
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&r); !ok || err != nil {
		t.Fatalf("%s reported nothing: %v\n%s", role, err, out)
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", role, err, out)
	}
	return r, true
}

// Role returns the role of this process, "" if it has none.
func Role() string { return os.Getenv(roleVariable) }

// Measure begins a report.
func Measure() *Report {
	return &Report{Heap: -memory("VmRSS"), Late: make(map[string]time.Duration)}
}

// Grown returns the current value for Heap.
func (r *Report) Grown() int64 { return r.Heap + memory("VmHWM") }

// Latest is the most of Late.
func (r *Report) Latest() (most time.Duration) {
	for _, late := range r.Late {
		most = max(most, late)
	}
	return most
}

// memory returns a field of /proc/self/status in octets, 0 where there is none.
func memory(field string) int64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, text, _ := strings.Cut(string(status), "\n"+field+":")
	var kb int64
	fmt.Sscan(text, &kb)
	return kb << 10
}

// Send completes r, reports it and ends the process.
func (r *Report) Send() {
	r.Heap = r.Grown()
	text, _ := json.Marshal(r)
	fmt.Printf("\n%s%s\n", reportMark, text)
	os.Exit(0)
}

// Late returns by how much call outlives its end, which is control's: what
// control takes longer because the machine has other things to do, call may
// take longer, too. Both begin at the same time.
func Late(call, control func()) time.Duration {
	start := time.Now()
	allowed := make(chan time.Duration, 1)
	go func() {
		control()
		allowed <- time.Since(start)
	}()
	call()
	took := time.Since(start)
	return max(0, took-<-allowed)
}
