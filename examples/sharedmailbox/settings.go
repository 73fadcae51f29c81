package main

import (
	"cmp"
	"errors"
	"flag"
	"io"
	"net/mail"
	"strings"

	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/tokensource"
)

// options say which mailbox to open, and with which credential.
type options struct {
	account settings.Settings
	source  *tokensource.Source // of the account
	address string              // of the shared mailbox
	send    bool                // false: only read
}

const usage = `Usage: sharedmailbox [flags]

Opens a shared mailbox over IMAP and shows what is in it. With -send it also
sends a message from the mailbox to itself by SMTP and waits for it.

Without any setting it does all this with an Exchange Online of its own, on
this machine. For a real mailbox set these variables, or give the flags:

  EXO_TENANT          -tenant         the tenant, such as contoso.onmicrosoft.com
  EXO_CLIENT_ID       -client-id      the application (client) ID
  EXO_CLIENT_SECRET   -client-secret  its secret; the variable is the better
                                      place, since other users of a machine
                                      can see the flags of a program
  EXO_MAILBOX         -mailbox        the address of the shared mailbox
                      -send           send a message, too

There are more, such as EXO_CERTIFICATE_FILE in place of the secret, and EXO_IMAP,
EXO_SMTP and EXO_CA_FILE for another server: see package settings.

The first step tries LOGIN with a made-up password, once, to show how Exchange
refuses it; that may appear in the sign-in log of the mailbox.
`

// parseSettings reads the flags and, for those that are not given, the
// environment. It fails with flag.ErrHelp where -help was asked for.
func parseSettings(args []string, getenv func(string) string) (options, error) {
	var o options
	flags := flag.NewFlagSet("sharedmailbox", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&o.send, "send", false, "")
	given := make(map[string]*string)
	for _, name := range []string{"tenant", "client-id", "client-secret", "mailbox"} {
		given["EXO_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))] = flags.String(name, "", "")
	}
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, errors.New("there is an argument that belongs to no flag; see -help")
	}
	lookup := func(name string) string { return cmp.Or(*cmp.Or(given[name], new(string)), getenv(name)) }
	o.account, o.address = settings.FromEnv(lookup), lookup("EXO_MAILBOX")
	if o.demo() {
		return o, nil
	}
	return o, o.validate()
}

// demo reports whether there are no settings at all.
func (o *options) demo() bool { return o.account.IsZero() && o.address == "" }

// validate makes the source. It looks at the mailbox, which this program writes
// into headers.
func (o *options) validate() (err error) {
	if o.source, err = o.account.Source(); err != nil {
		return err
	}
	a, err := mail.ParseAddress(o.address)
	if err != nil || a.Address != o.address {
		return errors.New("the mailbox (EXO_MAILBOX or -mailbox) is not an address such as invoices@contoso.com")
	}
	return nil
}
