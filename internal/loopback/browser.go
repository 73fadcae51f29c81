package loopback

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// launchTime is how long a program that opens browsers may take to say that
// it cannot. One that still runs then is taken for the browser.
const launchTime = 3 * time.Second

// Open opens an http or https address in the browser of this machine's user. If there is none, as in a container or over SSH, it writes the
// address to standard error. ctx ends the waiting, not the browser.
//
// It uses rundll32 on Windows, open on macOS, and elsewhere wslview, xdg-open
// or x-www-browser, whichever there is.
func Open(ctx context.Context, address string) error {
	if openBrowser(ctx, address) != nil && ctx.Err() == nil {
		fmt.Fprintf(os.Stderr, "To sign in, open this address in a browser on this machine:\n\n%s\n\n", address)
	}
	return nil
}

// openBrowser returns an error if no browser opens. That it is nil does not
// prove that a window is to be seen.
func openBrowser(ctx context.Context, address string) error {
	if !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") {
		return errors.New("not an http or https address")
	}
	err := errors.New("no desktop here")
	for _, command := range browserCommands(runtime.GOOS, os.Getenv) {
		err = launch(ctx, command[0], append(command[1:], address)...)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return fmt.Errorf("no browser opens: %w", err)
}

// browserCommands returns what to try in turn. Without a desktop, xdg-open would
// start a browser for terminals in the middle of the program's own output.
func browserCommands(goos string, getenv func(string) string) [][]string {
	switch {
	case goos == "windows":
		return [][]string{{"rundll32", "url.dll,FileProtocolHandler"}}
	case goos == "darwin":
		return [][]string{{"open"}}
	case getenv("WSL_DISTRO_NAME") != "":
		return [][]string{{"wslview"}, {"xdg-open"}}
	case getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != "":
		return [][]string{{"xdg-open"}, {"x-www-browser"}}
	}
	return nil
}

func launch(ctx context.Context, name string, args ...string) error {
	cmd := exec.Command(name, args...) // not under ctx, which would end the browser too
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	return opened(ctx, exited)
}

// opened returns how a program that opens browsers has exited, or nil for one
// that goes on.
func opened(ctx context.Context, exited <-chan error) error {
	select {
	case err := <-exited:
		return err
	case <-time.After(launchTime):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
