package mailtest

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// NoLeaks fails t when it ends with goroutines of this module, or of a client
// library, that were not there when NoLeaks was called. It gives them a
// second to end. For tests outside of testing/synctest, which finds leaks by
// itself; not for parallel tests.
func NoLeaks(t testing.TB) {
	t.Helper()
	before := goroutines()
	t.Cleanup(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		var left []string
		for range 200 {
			left = nil
			for id, stack := range goroutines() {
				if _, old := before[id]; !old {
					left = append(left, stack)
				}
			}
			if len(left) == 0 {
				return
			}
			<-tick.C
		}
		t.Errorf("%d goroutines left over:\n%s", len(left), strings.Join(left, "\n\n"))
	})
}

// goroutines returns the stacks of all goroutines but the caller's, by id,
// leaving out those of package testing.
func goroutines() map[string]string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	all := strings.Split(string(buf), "\n\n")
	found := make(map[string]string)
	for _, stack := range all[1:] {
		id, _, _ := strings.Cut(stack, " [")
		if !strings.Contains(stack, "testing.") || strings.Contains(stack, "exoauth") {
			found[id] = stack
		}
	}
	return found
}
