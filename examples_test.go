package exoauth

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// What is there to be copied of an example of a flow is short. Its demo is in a
// file of its own where the two are not.
func TestExamplesOfFlowsAreShort(t *testing.T) {
	for _, name := range []string{
		"browser", "bringyourown/azidentity", "bringyourown/msal", "devicecode", "gmail",
		"onbehalfof", "password", "refreshtoken", "service",
	} {
		text, err := os.ReadFile(filepath.Join("examples", filepath.FromSlash(name), "main.go"))
		if err != nil {
			t.Error(err)
		}
		if lines := bytes.Count(text, []byte("\n")); lines >= 100 {
			t.Errorf("examples/%s/main.go has %d lines", name, lines)
		}
	}
}
