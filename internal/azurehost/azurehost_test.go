package azurehost

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestWindowsPathsOfArc(t *testing.T) {
	m := Machine{Getenv: func(string) string { return `C:\ProgramData` }, GOOS: "windows"}
	if got := m.arcKeys(); got != filepath.Join(`C:\ProgramData`, "AzureConnectedMachineAgent", "Tokens") {
		t.Error(got)
	}
	if got := filepath.Base(m.arcAgent()); got != "himds.exe" {
		t.Error(got)
	}
}

func TestKeyPathIsAnErrorOfTheFileSystem(t *testing.T) {
	dir := t.TempDir()
	_, err := (&Host{KeyDir: dir}).Key("Basic realm=" + filepath.Join(dir, "a.key"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
