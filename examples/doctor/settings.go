package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
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
	"github.com/exoauth/exoauth/tokensource"
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

type settings struct {
	tenant, clientID, secret string
	accessToken              string
	mailbox                  string
	username, smtpUsername   string
	cloudName                string
	authority, imap, smtp    string
	caFile                   string
	roots                    *x509.CertPool // of caFile
	send, skipIMAP, skipSMTP bool

	line, token, fault string
	protocol, flow     string
	shared             bool
	worked, opened     bool

	json  bool
	color string
}

// variable is a setting with its flag, "" for none, and its variable.
type variable struct {
	value     *string
	flag, env string
}

func (s *settings) variables() []variable {
	return []variable{
		{&s.tenant, "tenant", "EXO_TENANT"},
		{&s.clientID, "client-id", "EXO_CLIENT_ID"},
		{&s.secret, "", "EXO_CLIENT_SECRET"},
		{&s.accessToken, "", "EXO_ACCESS_TOKEN"},
		{&s.mailbox, "mailbox", "EXO_MAILBOX"},
		{&s.username, "username", "EXO_USERNAME"},
		{&s.smtpUsername, "smtp-username", "EXO_SMTP_USERNAME"},
		{&s.cloudName, "cloud", "EXO_CLOUD"},
		{&s.authority, "", "EXO_AUTHORITY"},
		{&s.imap, "", "EXO_IMAP"},
		{&s.smtp, "", "EXO_SMTP"},
		{&s.caFile, "", "EXO_CA_FILE"},
	}
}

func parseSettings(args []string, getenv func(string) string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	for _, v := range s.variables() {
		if v.flag != "" {
			flags.StringVar(v.value, v.flag, "", "")
		}
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
		return settings{}, err
	}
	if flags.NArg() > 0 {
		return settings{}, errors.New("there is an argument that belongs to no flag; see -help")
	}
	var empty error
	flags.Visit(func(f *flag.Flag) {
		if f.Value.String() == "" {
			empty = fmt.Errorf("-%s is empty", f.Name)
		}
	})
	if empty != nil {
		return settings{}, empty
	}
	if err := s.fill(*file, getenv); err != nil {
		return settings{}, err
	}
	return s, s.validate()
}

// fill takes what no flag has set from a file, then from the environment.
func (s *settings) fill(path string, getenv func(string) string) error {
	fromFile := make(map[string]string)
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("-settings: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
			if ok && !strings.HasPrefix(name, "#") {
				fromFile[strings.TrimSpace(name)] = strings.Trim(strings.TrimSpace(value), `"'`)
			}
		}
	}
	for _, v := range s.variables() {
		if *v.value == "" {
			*v.value = fromFile[v.env]
		}
		if *v.value == "" {
			*v.value = getenv(v.env)
		}
	}
	return nil
}

var clouds = map[string]exoauth.Cloud{
	"": exoauth.Global, "global": exoauth.Global, "gcchigh": exoauth.GCCHigh, "dod": exoauth.DoD, "china": exoauth.China,
}

// validate refuses what cannot be meant. Settings that are only wrong are the
// doctor's business.
func (s *settings) validate() error {
	if _, ok := clouds[strings.ToLower(s.cloudName)]; !ok {
		return fmt.Errorf("-cloud is global, gcchigh, dod or china, not %q", s.cloudName)
	}
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
	if s.line != "" || s.token != "" || s.demo() {
		return nil
	}
	if err := s.complete(); err != nil {
		return err
	}
	return s.readRoots()
}

// complete wants what a real mailbox takes.
func (s *settings) complete() error {
	var missing []string
	if s.mailbox == "" {
		missing = append(missing, "EXO_MAILBOX (or -mailbox)")
	}
	if s.accessToken == "" {
		for _, v := range s.variables()[:3] {
			if *v.value == "" {
				missing = append(missing, v.env)
			}
		}
	}
	if missing != nil {
		return fmt.Errorf("missing: %s; without any setting this runs against an Exchange Online of its own", strings.Join(missing, ", "))
	}
	return nil
}

// demo reports whether there are no settings for a real mailbox.
func (s *settings) demo() bool {
	return s.fault != "" || s.mailbox+s.tenant+s.clientID+s.secret+s.accessToken+s.authority+s.imap+s.smtp+s.caFile == ""
}

func (s *settings) cloud() exoauth.Cloud {
	c := clouds[strings.ToLower(s.cloudName)]
	c.Authority = cmp.Or(s.authority, c.Authority)
	c.IMAP = cmp.Or(s.imap, c.IMAP)
	c.SMTP = cmp.Or(s.smtp, c.SMTP)
	return c
}

// readRoots returns nil where the authorities of this machine will do.
func (s *settings) readRoots() error {
	if s.caFile == "" {
		return nil
	}
	pem, err := os.ReadFile(s.caFile)
	if err != nil {
		return fmt.Errorf("EXO_CA_FILE: %w", err)
	}
	s.roots = x509.NewCertPool()
	if !s.roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("EXO_CA_FILE: %s has no certificate in PEM", s.caFile)
	}
	return nil
}

// subject is what is known besides a line or a token.
func (s *settings) subject() diagnose.Subject {
	about := diagnose.Subject{
		Protocol: diagnose.Protocol(s.protocol), Cloud: s.cloud(), Tenant: s.tenant, ClientID: s.clientID,
		Flow: diagnose.Flow(s.flow), Username: s.username, Mailbox: s.mailbox, Shared: s.shared, Worked: s.worked, Opened: s.opened,
		Token: s.accessToken,
	}
	if about.Username == "" {
		about.Username = s.mailbox
	}
	return about
}

func (s *settings) check() diagnose.Check {
	c := diagnose.Check{
		Mailbox: s.mailbox, Username: s.username, SMTPUsername: s.smtpUsername,
		Cloud: s.cloud(), Tenant: s.tenant, ClientID: s.clientID,
		SkipIMAP: s.skipIMAP, SkipSMTP: s.skipSMTP, Send: s.send,
	}
	if s.roots != nil {
		c.TLSConfig = &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}
		c.HTTPClient = &http.Client{Transport: &http.Transport{TLSClientConfig: c.TLSConfig, Proxy: http.ProxyFromEnvironment}}
	}
	if s.accessToken != "" {
		c.TokenSource = oauth2.StaticTokenSource(&oauth2.Token{AccessToken: s.accessToken})
		return c
	}
	c.TokenSource = (&tokensource.Config{
		Cloud: s.cloud(), Tenant: s.tenant, ClientID: s.clientID, Credential: tokensource.Secret(s.secret), HTTPClient: c.HTTPClient,
	}).ClientCredentials()
	return c
}
