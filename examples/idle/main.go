// Idle waits for mail in a shared mailbox of Exchange Online, for months if
// need be: a line for each message that arrives. Sessions end, with their
// token every hour or so, with the network, with Exchange's own maintenance;
// imapdial's Keep opens the next one, and the program goes on where it was.
//
//	go run ./examples/idle
//
// runs against an Exchange Online that the program starts itself, on this
// machine, and ends by itself. For a real mailbox set EXO_TENANT,
// EXO_CLIENT_ID, EXO_CLIENT_SECRET and EXO_MAILBOX.
//
// The exit status is 0, or 1 where somebody has to mend something.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/settings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills
	if err := run(ctx, os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "idle:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, stdout, stderr io.Writer) error {
	s := settings.FromEnv(getenv)
	if s.IsZero() {
		return demo(ctx, stdout, stderr)
	}
	source, err := s.Source()
	if err != nil {
		return err
	}
	cloud, trust := s.Servers()
	w := &watcher{arrived: func(m message) { fmt.Fprintf(stdout, "%s  %s  %q\n", m.date, m.from, m.subject) }}
	dialer := &imapdial.Dialer{
		TokenSource: source, Addr: cloud.IMAP, TLSConfig: trust,
		Options: w.options(), Logger: slog.New(slog.NewTextHandler(stderr, nil)),
	}
	err = dialer.Keep(ctx, getenv("EXO_MAILBOX"), nil, w.watch)
	if ctx.Err() != nil {
		return nil // Ctrl-C, or the end of the service
	}
	return err
}
