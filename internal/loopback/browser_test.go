package loopback

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth/internal/mailtest"
)

func TestBrowserCommands(t *testing.T) {
	for _, row := range []struct{ name, goos, env, want string }{
		{"Windows", "windows", "", "rundll32 url.dll,FileProtocolHandler"},
		{"macOS", "darwin", "", "open"},
		{"X11", "linux", "DISPLAY", "xdg-open|x-www-browser"},
		{"Wayland", "freebsd", "WAYLAND_DISPLAY", "xdg-open|x-www-browser"},
		{"WSL", "linux", "WSL_DISTRO_NAME", "wslview|xdg-open"},
		{"no desktop", "linux", "TERM", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got []string
			for _, c := range browserCommands(row.goos, func(name string) string { return map[string]string{row.env: ":0"}[name] }) {
				got = append(got, strings.Join(c, " "))
			}
			if text := strings.Join(got, "|"); text != row.want {
				t.Errorf("%q; want %q", text, row.want)
			}
		})
	}
}

// desktop puts scripts in the place of the programs that open a browser.
func desktop(t *testing.T, scripts map[string]string) {
	t.Helper()
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("opens browsers in another way")
	}
	dir := t.TempDir()
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	t.Setenv("DISPLAY", ":0")
	t.Setenv("WSL_DISTRO_NAME", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	t.Setenv("OPENED", filepath.Join(dir, "opened"))
}

const noteAddress = `printf %s "$1" >"$OPENED"`

func TestOpenBrowser(t *testing.T) {
	address := "https://login.example.com/authorize?a=b&c=d%20;'e"
	for name, scripts := range map[string]map[string]string{
		"the first":            {"xdg-open": noteAddress},
		"the second":           {"x-www-browser": noteAddress},
		"the first knows none": {"xdg-open": "exit 3", "x-www-browser": noteAddress},
		"without TLS":          {"xdg-open": noteAddress},
	} {
		t.Run(name, func(t *testing.T) {
			desktop(t, scripts)
			address := address
			if name == "without TLS" {
				address = strings.Replace(address, "https:", "http:", 1)
			}
			if shown := mailtest.Stderr(t, func() { Open(t.Context(), address) }); shown != "" {
				t.Errorf("shown: %s", shown)
			}
			if b, err := os.ReadFile(os.Getenv("OPENED")); string(b) != address {
				t.Errorf("opened %q, %v", b, err)
			}
		})
	}
}

func TestOpenBrowserFails(t *testing.T) {
	desktop(t, map[string]string{"xdg-open": noteAddress})
	for _, address := range []string{"", "file:///etc/passwd", "-help", "javascript:alert(1)", "https:", "http:/"} {
		if err := openBrowser(t.Context(), address); err == nil || !strings.Contains(err.Error(), "not an http") {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := os.Stat(os.Getenv("OPENED")); err == nil {
		t.Error("a browser was opened")
	}
	desktop(t, map[string]string{"xdg-open": "exit 3"})
	if err := openBrowser(t.Context(), "https://example.com/"); err == nil || !strings.Contains(err.Error(), "no browser opens") {
		t.Errorf("error %v", err)
	}
	t.Setenv("DISPLAY", "")
	if err := openBrowser(t.Context(), "https://example.com/"); err == nil || !strings.Contains(err.Error(), "no desktop") {
		t.Errorf("error %v", err)
	}
}

// A program that neither exits nor is left is taken for the browser.
func TestBrowserThatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := opened(t.Context(), nil); err != nil || time.Since(began) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// The end of the context ends the waiting, not the browser.
func TestOpenBrowserWhileContextEnds(t *testing.T) {
	desktop(t, map[string]string{"xdg-open": noteAddress + `; while [ ! -e "$RELEASE" ]; do :; done; printf done >"$OPENED"`})
	release, opened := filepath.Join(t.TempDir(), "release"), os.Getenv("OPENED")
	t.Setenv("RELEASE", release)
	await := func(want string) {
		for text := ""; text != want && t.Context().Err() == nil; runtime.Gosched() {
			b, _ := os.ReadFile(opened)
			text = string(b)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- openBrowser(ctx, "https://example.com/") }()
	await("https://example.com/")
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := os.WriteFile(release, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	await("done")
}

// Where no browser opens, the address is shown.
func TestAddressIsShown(t *testing.T) {
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	t.Setenv("WSL_DISTRO_NAME", "")
	if browserCommands(runtime.GOOS, os.Getenv) != nil {
		t.Skip("there is always a browser here")
	}
	var err error
	shown := mailtest.Stderr(t, func() { err = Open(t.Context(), "https://login.example.com/authorize?state=x") })
	if err != nil || !strings.Contains(shown, "\nhttps://login.example.com/authorize?state=x\n") {
		t.Errorf("%v, shown: %s", err, shown)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if shown := mailtest.Stderr(t, func() { Open(ctx, "https://login.example.com/authorize?state=x") }); shown != "" {
		t.Errorf("shown to nobody: %s", shown)
	}
}
