package diagnose_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain collects less often: most of what the tests make is a server that is
// soon closed.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
