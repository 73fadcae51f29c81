package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The tests in other languages start the emulator themselves, as those of a
// program in that language would.
func TestOtherLanguages(t *testing.T) {
	emulator := filepath.Join(t.TempDir(), "emulator")
	if out, err := exec.Command("go", "build", "-o", emulator, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, row := range map[string]struct {
		folder  string
		command []string
		want    string
	}{
		"Python": {"python", []string{"python3", "-B", "-m", "unittest", "-v"}, "Ran 6 tests"},
		"Node":   {"node", []string{"node", "--test", "--test-reporter=tap"}, "# pass 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(row.command[0]); err != nil {
				if os.Getenv("CI") != "" {
					t.Fatal(err)
				}
				t.Skip(err)
			}
			cmd := exec.CommandContext(t.Context(), row.command[0], row.command[1:]...)
			cmd.Dir = row.folder
			cmd.Env = append(os.Environ(), "EMULATOR="+emulator)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), row.want) {
				t.Errorf("%v, want %q in\n%s", err, row.want, out)
			}
		})
	}
}

// The container is built where there is something to build it with.
func TestContainerfile(t *testing.T) {
	for _, builder := range []string{"podman", "buildah", "docker"} {
		if exec.Command(builder, "info").Run() != nil {
			continue // it is not installed, or its daemon does not run
		}
		out, err := exec.CommandContext(t.Context(), builder, "build", "-f", "Containerfile", "../..").CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", builder, err, out)
		}
		return
	}
	t.Skip("neither podman nor buildah nor docker is here and runs, so the Containerfile was not built")
}
