// Conformance holds the emulator of package exchangetest against a real tenant.
// With an account, anybody can prove it right or wrong.
//
//	EXO_TENANT=… EXO_CLIENT_ID=… EXO_CLIENT_SECRET=… EXO_MAILBOX=… go run ./examples/conformance
//
// It logs in to IMAP, POP3, SMTP and Entra ID in the ways that need no
// administrator, right and wrong, then does the same to an emulator that it has
// brought into the same state, and prints each line that differs. Ids, dates,
// host names and sizes do not count. The settings are those of package settings.
//
// It reads, and changes nothing: no message is fetched, sent or marked. With
// -send it also sends one message from the mailbox to itself.
//
// With -write it writes the dialogues to files, in which each name, id and token
// is replaced, for an issue or for exchangetest's own test of transcripts:
//
//	EXOAUTH_TRANSCRIPTS=directory go test -run Transcripts ./exchangetest
//
// The exit status is 0 if nothing differs, 1 if something does, 2 if the flags or
// the settings make no sense, and 3 if a server could not be asked.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/exoauth/exoauth/settings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// limit bounds all the dialogues with one side.
const limit = 5 * time.Minute

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	set := flag.NewFlagSet("conformance", flag.ContinueOnError)
	set.SetOutput(stderr)
	send := set.Bool("send", false, "also send a message from the mailbox to itself")
	dir := set.String("write", "", "`directory` for the dialogues with the real servers")
	if err := set.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	own := settings.FromEnv(getenv)
	mailbox := getenv("EXO_MAILBOX")
	if own.IsZero() || mailbox == "" || own.ClientSecret == "" {
		fmt.Fprintln(stderr, "conformance: set EXO_TENANT, EXO_CLIENT_ID, EXO_CLIENT_SECRET and EXO_MAILBOX to an application and a mailbox that it may open")
		return 2
	}
	differ, err := compare(ctx, own, mailbox, *send, *dir, stdout)
	switch {
	case err != nil:
		fmt.Fprintln(stderr, "conformance:", err)
		return 3
	case differ > 0:
		return 1
	}
	return 0
}

// compare returns how many lines differ.
func compare(ctx context.Context, own settings.Settings, mailbox string, send bool, dir string, out io.Writer) (differ int, err error) {
	source, err := own.Source()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	token, err := source.TokenContext(ctx)
	if err != nil {
		return 0, err
	}
	cloud, trust := own.Servers()
	real := &side{
		cloud: cloud, trust: trust, tenant: own.Tenant, clientID: own.ClientID, secret: own.ClientSecret,
		mailbox: mailbox, token: token.AccessToken,
	}
	list := dialogues(send)
	theirs := real.hold(ctx, list)
	e, err := emulate(real, theirs)
	if err != nil {
		return 0, err
	}
	defer e.Close()
	ours := e.side.hold(ctx, list)
	for i, d := range list {
		for _, line := range difference(real.plain(theirs[i]), e.side.plain(ours[i])) {
			if differ++; line.step == "" {
				line.step = "the beginning"
			}
			fmt.Fprintf(out, "%s, after %s\n  real      %s\n  emulator  %s\n", d.name, line.step, line.theirs, line.ours)
		}
	}
	fmt.Fprintf(out, "%d dialogues, %d lines differ\n", len(list), differ)
	if dir != "" {
		return differ, write(dir, real, list, theirs, e.scripts)
	}
	return differ, nil
}
