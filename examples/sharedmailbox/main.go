// Sharedmailbox goes from the secret of an application in Entra ID to a
// shared mailbox in Exchange Online: it opens the mailbox over IMAP, shows
// what is in it, and sends a message from it over SMTP.
//
//	go run ./examples/sharedmailbox
//
// runs against an Exchange Online that the program starts itself, on this
// machine. For a real mailbox set EXO_TENANT, EXO_CLIENT_ID,
// EXO_CLIENT_SECRET and EXO_MAILBOX, or give the flags that -help lists; then
// nothing is sent without -send.
//
// The exit status is 0, or 1 where a step failed, or 2 where the settings
// make no sense.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/smtpdial"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) int {
	s, err := parseSettings(args, getenv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "sharedmailbox:", printable(err.Error()))
		return 2
	}
	if s.demo() {
		fmt.Fprint(stdout, "No settings: this runs against an Exchange Online in this process.\nSee -help for how to open a real mailbox.\n\n")
		emulator := startDemo(&s)
		defer emulator.Close()
	}
	if err := visit(ctx, s, stdout); err != nil {
		fmt.Fprintln(stderr, "sharedmailbox:", printable(err.Error()))
		return 1
	}
	return 0
}

// mailbox is a shared mailbox, with what the steps have found out about it.
type mailbox struct {
	options
	imap imapdial.Dialer
	smtp smtpdial.Dialer

	client    *imapclient.Client
	folders   []string
	count     uint32        // messages in INBOX when it was opened
	uidNext   imap.UID      // of the first message to arrive after that
	news      chan struct{} // has a value when INBOX has changed
	messageID string        // of the message sent
}

// newMailbox goes from settings to dialers: one source of tokens for both,
// since one app-only token serves IMAP, SMTP and every mailbox that the
// application may open. Nothing is dialled yet.
func newMailbox(s options) *mailbox {
	m := &mailbox{options: s, news: make(chan struct{}, 1)}
	cloud, trust := s.account.Servers()
	m.imap = imapdial.Dialer{
		TokenSource: m.source,
		Addr:        cloud.IMAP,
		TLSConfig:   trust,
		Options: &imapclient.Options{
			WordDecoder:           wordDecoder,
			UnilateralDataHandler: &imapclient.UnilateralDataHandler{Mailbox: m.changed},
		},
	}
	m.smtp = smtpdial.Dialer{
		TokenSource: m.source,
		Addr:        cloud.SMTP,
		TLSConfig:   trust,
	}
	return m
}

// changed is called on the client's reading goroutine, where a command would
// wait for itself; so it only leaves a note.
func (m *mailbox) changed(*imapclient.UnilateralDataMailbox) {
	select {
	case m.news <- struct{}{}:
	default:
	}
}

// visit does what the program is for.
func visit(ctx context.Context, s options, out io.Writer) error {
	m := newMailbox(s)
	defer m.close(ctx)
	steps := []step{
		{"LOGIN with a password", m.tryPassword},
		{"access token", m.fetchToken},
		{"XOAUTH2 as " + s.address, m.open},
		{"folders", m.listFolders},
		{"INBOX, read-only", m.examine},
		{"newest ten messages", m.readNewest},
	}
	if s.send {
		steps = append(steps,
			step{"message sent from the mailbox", m.send},
			step{"its arrival in INBOX", m.awaitArrival})
	}
	if err := runSteps(ctx, out, steps); err != nil {
		return err
	}
	if !s.send {
		fmt.Fprintln(out, "\nNothing was sent; -send sends a message from the mailbox to itself.")
	}
	return nil
}
