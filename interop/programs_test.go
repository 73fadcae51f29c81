package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"
)

// need skips the test where a program is missing, or fails it under CI.
func need(t *testing.T, what string, found bool) {
	t.Helper()
	switch {
	case found:
	case os.Getenv("CI") != "":
		t.Fatalf("%s is missing: see doc.go", what)
	default:
		t.Skipf("%s is missing: see doc.go", what)
	}
}

func needNode(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("node")
	need(t, "Node.js", err == nil)
	_, err = os.Stat("node_modules/oidc-provider")
	need(t, "node_modules", err == nil)
}

func needChromium(t *testing.T) string {
	t.Helper()
	needNode(t)
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	need(t, "Chromium", false)
	return ""
}

// A person is who sits at a browser. See browser.mjs for the fields.
type person struct {
	Chromium   string `json:"chromium"`
	Address    string `json:"address"`
	User       string `json:"user"`
	Password   string `json:"password"`
	Code       string `json:"code,omitempty"`
	Decline    bool   `json:"decline,omitempty"`  // to consent
	Keyboard   bool   `json:"keyboard,omitempty"` // no mouse
	Screenshot string `json:"screenshot,omitempty"`
	Scheme     string `json:"scheme,omitempty"`
}

// screen is what a person sees in the end.
type screen struct{ Title, Text, URL string }

// visit opens the page and goes on until nothing is asked any more.
func (p person) visit(ctx context.Context) (screen, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	settings, err := json.Marshal(p)
	if err != nil {
		return screen{}, err
	}
	var seen screen
	cmd := exec.CommandContext(ctx, "node", "browser.mjs")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(settings), os.Stderr
	output, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(output, &seen)
	}
	return seen, err
}
