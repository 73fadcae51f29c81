package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"strings"

	"github.com/exoauth/exoauth"
)

// settings say which mailbox to open and with which credential.
type settings struct {
	tenant       string // name or id of the tenant in Entra ID
	clientID     string // id of the application
	clientSecret string
	address      string // of the shared mailbox
	send         bool   // false: only read

	// Where: the zero values are Exchange Online. The demo sets them.
	cloud      exoauth.Cloud
	tlsConfig  *tls.Config
	httpClient *http.Client
}

const usage = `Usage: sharedmailbox [flags]

Opens a shared mailbox over IMAP and shows what is in it. With -send it also
sends a message from the mailbox to itself by SMTP and waits for it.

Without any setting it does all this with an Exchange Online of its own, on
this machine. For a real mailbox set the four variables, or give the flags:

  EXO_TENANT          -tenant         the tenant, such as contoso.onmicrosoft.com
  EXO_CLIENT_ID       -client-id      the application (client) ID
  EXO_CLIENT_SECRET   -client-secret  its secret; the variable is the better
                                      place, since other users of a machine
                                      can see the flags of a program
  EXO_MAILBOX         -mailbox        the address of the shared mailbox
                      -send           send a message, too

The first step tries LOGIN with a made-up password, once, to show how Exchange
refuses it; that may appear in the sign-in log of the mailbox.
`

// parseSettings reads the flags and, for those that are not given, the
// environment. It fails with flag.ErrHelp where -help was asked for.
func parseSettings(args []string, getenv func(string) string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("sharedmailbox", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&s.send, "send", false, "")

	fields := []struct {
		value     *string
		flag, env string
	}{
		{&s.tenant, "tenant", "EXO_TENANT"},
		{&s.clientID, "client-id", "EXO_CLIENT_ID"},
		{&s.clientSecret, "client-secret", "EXO_CLIENT_SECRET"},
		{&s.address, "mailbox", "EXO_MAILBOX"},
	}
	for _, f := range fields {
		flags.StringVar(f.value, f.flag, "", "")
	}
	if err := flags.Parse(args); err != nil {
		return settings{}, err
	}
	if flags.NArg() > 0 {
		return settings{}, errors.New("there is an argument that belongs to no flag; see -help")
	}

	var missing []string
	for _, f := range fields {
		if *f.value == "" {
			*f.value = getenv(f.env)
		}
		if *f.value == "" {
			missing = append(missing, fmt.Sprintf("%s (or -%s)", f.env, f.flag))
		}
	}
	if len(missing) > 0 && len(missing) < len(fields) {
		return settings{}, fmt.Errorf("missing %s; set all four for Exchange Online, none for the demo", strings.Join(missing, ", "))
	}
	return s, s.validate()
}

// demo reports whether there are no settings at all.
func (s *settings) demo() bool { return s.address == "" }

// validate looks at the mailbox, which this program writes into headers. The
// other settings are looked at by the packages that use them.
func (s *settings) validate() error {
	if s.demo() {
		return nil
	}
	a, err := mail.ParseAddress(s.address)
	if err != nil || a.Address != s.address {
		return errors.New("the mailbox (EXO_MAILBOX or -mailbox) is not an address such as invoices@contoso.com")
	}
	return nil
}
