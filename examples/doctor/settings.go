package main

import (
	"cmp"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/diagnose"
	"github.com/exoauth/exoauth/settings"
)

const usageText = `Usage: doctor [flags]

Goes the whole way to a mailbox in Exchange Online, says at which step it ends
and why, and prints the command that mends it. It changes nothing.

Without any setting it does this with an Exchange Online of its own, on this
machine. For a real mailbox set the variables, or give the flags:

  EXO_TENANT          -tenant         the tenant, such as contoso.onmicrosoft.com
  EXO_CLIENT_ID       -client-id      the application (client) ID
  EXO_CLIENT_SECRET                   its secret, in the environment alone
  EXO_ACCESS_TOKEN                    or an access token in place of it
  EXO_MAILBOX         -mailbox        the address of the mailbox
  EXO_USERNAME        -username       user name for IMAP, if not the mailbox
  EXO_SMTP_USERNAME   -smtp-username  user name for SMTP, if not what is right
  EXO_CLOUD           -cloud          global, gcchigh, dod or china
  EXO_AUTHORITY, EXO_IMAP, EXO_SMTP   other servers than those of the cloud, and
  EXO_CA_FILE                         who signs for them, as examples/emulator has it
  EXO_CERTIFICATE_FILE and others     see package settings
                      -settings FILE  reads these variables from a file with
                                      lines such as EXO_MAILBOX=a@contoso.com
                      -send           sends a message from the mailbox to itself
                      -skip-imap, -skip-smtp

In place of that:

  -line TEXT    explains what another program has printed; - is standard input
  -token FILE   judges an access token; - is standard input
  -break CASE   takes the Exchange Online of this machine, with a fault in it

For -line and -token, the more is known the better:

  -protocol     IMAP, SMTP or POP
  -flow         app-only or delegated
  -shared       the mailbox is a shared one
  -worked       the same login has worked before
  -opened       the same token opens the mailbox by another protocol

Output:

  -json         for machines
  -color        auto, always or never

Exit status: 0 nothing is wrong, 1 something is, and was explained, 2 the
settings make no sense, 3 something is wrong that no rule knows.

Cases for -break:

`

type options struct {
	account                  settings.Settings
	source                   oauth2.TokenSource // of the account, or of an access token
	cloud                    exoauth.Cloud
	trust                    *tls.Config
	accessToken              string
	mailbox                  string
	username, smtpUsername   string
	send, skipIMAP, skipSMTP bool

	line, token, fault string
	protocol, flow     string
	shared             bool
	worked, opened     bool

	json  bool
	color string
}

// variables are those that have a flag.
var variables = map[string]string{
	"tenant": "EXO_TENANT", "client-id": "EXO_CLIENT_ID", "mailbox": "EXO_MAILBOX", "username": "EXO_USERNAME",
	"smtp-username": "EXO_SMTP_USERNAME", "cloud": "EXO_CLOUD",
}

func parseSettings(args []string, getenv func(string) string) (options, error) {
	var s options
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	given := make(map[string]*string) // by variable
	for name, variable := range variables {
		given[variable] = flags.String(name, "", "")
	}
	file := flags.String("settings", "", "")
	for name, value := range map[string]*bool{
		"send": &s.send, "skip-imap": &s.skipIMAP, "skip-smtp": &s.skipSMTP,
		"shared": &s.shared, "worked": &s.worked, "opened": &s.opened, "json": &s.json,
	} {
		flags.BoolVar(value, name, false, "")
	}
	for name, value := range map[string]*string{
		"line": &s.line, "token": &s.token, "break": &s.fault, "protocol": &s.protocol, "flow": &s.flow,
	} {
		flags.StringVar(value, name, "", "")
	}
	flags.StringVar(&s.color, "color", "auto", "")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, errors.New("there is an argument that belongs to no flag; see -help")
	}
	var empty error
	flags.Visit(func(f *flag.Flag) {
		if f.Value.String() == "" {
			empty = fmt.Errorf("-%s is empty", f.Name)
		}
	})
	if empty != nil {
		return options{}, empty
	}
	fromFile, err := readSettings(*file)
	if err != nil {
		return options{}, err
	}
	lookup := func(name string) string {
		return cmp.Or(*cmp.Or(given[name], new(string)), fromFile[name], getenv(name))
	}
	s.account, s.accessToken = settings.FromEnv(lookup), lookup("EXO_ACCESS_TOKEN")
	s.mailbox, s.username, s.smtpUsername = lookup("EXO_MAILBOX"), lookup("EXO_USERNAME"), lookup("EXO_SMTP_USERNAME")
	return s, s.validate()
}

// readSettings reads the file of examples/emulator, or a like one.
func readSettings(path string) (map[string]string, error) {
	values := make(map[string]string)
	if path == "" {
		return values, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("-settings: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		if ok && !strings.HasPrefix(name, "#") {
			values[strings.TrimSpace(name)] = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return values, nil
}

// validate refuses what cannot be meant.
func (s *options) validate() error {
	s.protocol = strings.ToUpper(s.protocol)
	if !slices.Contains([]string{"", "IMAP", "SMTP", "POP"}, s.protocol) {
		return fmt.Errorf("-protocol is IMAP, SMTP or POP, not %q", s.protocol)
	}
	if !slices.Contains([]string{"", string(diagnose.AppOnly), string(diagnose.Delegated)}, s.flow) {
		return fmt.Errorf("-flow is app-only or delegated, not %q", s.flow)
	}
	if !slices.Contains([]string{"auto", "always", "never"}, s.color) {
		return fmt.Errorf("-color is auto, always or never, not %q", s.color)
	}
	if _, ok := faults[s.fault]; s.fault != "" && !ok {
		return fmt.Errorf("-break has no case %q; it has %s", s.fault, strings.Join(faultNames(), ", "))
	}
	s.cloud, s.trust = s.account.Servers()
	switch {
	case s.line != "" || s.token != "" || s.demo():
		return nil
	case s.mailbox == "":
		return errors.New("missing: EXO_MAILBOX (or -mailbox); without any setting this runs against an Exchange Online of its own")
	case s.accessToken != "":
		s.source = oauth2.StaticTokenSource(&oauth2.Token{AccessToken: s.accessToken})
		return nil
	}
	source, err := s.account.Source()
	s.source = source
	return err
}

// demo reports whether there are no settings for a real mailbox.
func (s *options) demo() bool {
	return s.fault != "" || s.account.IsZero() && s.mailbox+s.accessToken == ""
}

// subject is what is known besides a line or a token.
func (s *options) subject() diagnose.Subject {
	about := diagnose.Subject{
		Protocol: diagnose.Protocol(s.protocol), Cloud: s.cloud, Tenant: s.account.Tenant, ClientID: s.account.ClientID,
		Flow: diagnose.Flow(s.flow), Username: s.username, Mailbox: s.mailbox, Shared: s.shared, Worked: s.worked, Opened: s.opened,
		Token: s.accessToken,
	}
	if about.Username == "" {
		about.Username = s.mailbox
	}
	return about
}

func (s *options) check() diagnose.Check {
	c := diagnose.Check{
		Mailbox: s.mailbox, Username: s.username, SMTPUsername: s.smtpUsername,
		Cloud: s.cloud, Tenant: s.account.Tenant, ClientID: s.account.ClientID,
		SkipIMAP: s.skipIMAP, SkipSMTP: s.skipSMTP, Send: s.send, TokenSource: s.source,
	}
	if s.trust != nil {
		c.TLSConfig = s.trust
		c.HTTPClient = &http.Client{Transport: &http.Transport{TLSClientConfig: s.trust, Proxy: http.ProxyFromEnvironment}}
	}
	return c
}
