//go:build !unix

package engines

import (
	"os/exec"
	"testing"
)

func notAsRoot(testing.TB, *exec.Cmd) {}
