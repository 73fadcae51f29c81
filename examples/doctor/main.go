// Doctor finds out why a program does not get to a mailbox in Exchange Online,
// and prints the command that mends it.
//
//	go run ./examples/doctor                                  # against an Exchange Online on this machine
//	go run ./examples/doctor -break wrong-object-id           # one with a fault in it
//	go run ./examples/doctor -line 'NO AUTHENTICATE failed.'  # a line of another program
//	go run ./examples/doctor -line - <program.log             # a log of one
//	go run ./examples/doctor -token - <token.txt              # an access token
//
// For a real mailbox set EXO_TENANT, EXO_CLIENT_ID, EXO_CLIENT_SECRET and
// EXO_MAILBOX, or give the flags that -help lists. Nothing is sent without
// -send, and nothing is changed.
//
// The exit status is 0 where nothing is wrong, 1 where something is and was
// explained, 2 where the settings make no sense, and 3 where something is wrong
// that no rule knows.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/exoauth/exoauth/diagnose"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills
	io := streams{os.Stdin, os.Stdout, os.Stderr}
	os.Exit(run(ctx, os.Args[1:], io, os.Getenv))
}

// streams are those of the program.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// The exit statuses.
const (
	statusWell = iota
	statusExplained
	statusUsage
	statusUnknown
)

func run(ctx context.Context, args []string, std streams, getenv func(string) string) int {
	s, err := parseSettings(args, getenv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(std.out, usage())
		return statusWell
	case err != nil:
		fmt.Fprintln(std.err, "doctor:", err)
		return statusUsage
	}
	p := newPrinter(std.out, s, getenv)
	switch {
	case s.line != "":
		line, err := readLine(s.line, std.in)
		if err != nil {
			fmt.Fprintln(std.err, "doctor:", err)
			return statusUsage
		}
		return p.findings(diagnose.ExplainLine(line, s.subject()), statusUnknown)
	case s.token != "":
		token, err := readToken(s.token, std.in)
		if err != nil {
			fmt.Fprintln(std.err, "doctor:", err)
			return statusUsage
		}
		findings := diagnose.Token(token, s.subject())
		if len(findings) == 0 && !isJWT(token) {
			return p.opaque()
		}
		return p.findings(findings, statusWell)
	}
	return examine(ctx, s, p)
}

// examine goes the whole way.
func examine(ctx context.Context, s options, p *printer) int {
	check := s.check()
	if s.demo() {
		server := startDemo(&s, &check)
		defer server.Close()
		p.intro(s.fault)
	}
	if check.HTTPClient != nil {
		defer check.HTTPClient.CloseIdleConnections()
	}
	check.Progress = p.step
	report := diagnose.Run(ctx, check)
	p.end(report)
	switch {
	case report.OK() && ctx.Err() == nil:
		return statusWell
	case len(report.Findings()) == 0:
		return statusUnknown
	}
	return statusExplained
}

// maxLine bounds what is read of a log.
const maxLine = 1 << 20

// readLine returns the text itself, or standard input for "-", so that a log need
// not be quoted for a shell.
func readLine(text string, in io.Reader) (string, error) {
	if text != "-" {
		return text, nil
	}
	read, err := io.ReadAll(io.LimitReader(in, maxLine))
	if err == nil && strings.TrimSpace(string(read)) == "" {
		err = errors.New("standard input is empty")
	}
	if err != nil {
		return "", fmt.Errorf("-line: %w", err)
	}
	return string(read), nil
}

// maxToken bounds what is read; access tokens have a few KB.
const maxToken = 64 << 10

// readToken reads a file, or standard input for "-". The token is never an
// argument, for other users of a machine can see those.
func readToken(path string, in io.Reader) (string, error) {
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("-token: %w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxToken))
	if err != nil {
		return "", fmt.Errorf("-token: %w", err)
	}
	return string(text), nil
}

// isJWT tells a token that can be read from one that cannot.
func isJWT(token string) bool { return strings.Count(token, ".") == 2 }

// usage is the text of -help.
func usage() string {
	text := usageText
	for _, name := range faultNames() {
		text += fmt.Sprintf("  %-17s %s\n", name, faults[name].what)
	}
	return text
}

func faultNames() []string {
	names := make([]string, 0, len(faults))
	for name := range faults {
		names = append(names, name)
	}
	slices.SortFunc(names, cmp.Compare)
	return names
}
