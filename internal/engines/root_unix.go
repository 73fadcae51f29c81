//go:build unix

package engines

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// notAsRoot makes a command run as another user than root, which Postgres
// refuses. That user gets the command's folder.
func notAsRoot(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	const nobody = 65534
	if err := os.Chown(cmd.Dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}
