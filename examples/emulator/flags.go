package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
)

// flags are what the command line says.
type flags struct {
	page      string
	listen    string
	name      string
	ports     ports
	dir       string
	mailboxes int
	shared    list
	users     list
	lifetime  time.Duration
	idle      time.Duration
	json      bool
	secrets   bool
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string     { return strings.Join(*l, ", ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// ports are those of the servers, in the order of -ports.
type ports [7]int

func (p *ports) String() string {
	text := make([]string, len(p))
	for i, port := range p {
		text[i] = strconv.Itoa(port)
	}
	return strings.Join(text, ",")
}

// Set takes seven numbers, or 0 for free ports.
func (p *ports) Set(s string) error {
	*p = ports{}
	if s == "0" {
		return nil
	}
	parts := strings.Split(s, ",")
	if len(parts) != len(p) {
		return fmt.Errorf("want %d numbers, or 0 for free ports", len(p))
	}
	for i, part := range parts {
		port, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is not a port", part)
		}
		p[i] = int(port)
	}
	return nil
}

// addresses returns where to listen.
func (f *flags) addresses() (a exchangetest.Addrs) {
	at := func(port int) string { return net.JoinHostPort(f.listen, strconv.Itoa(port)) }
	for i, addr := range []*string{&a.Entra, &a.IMAP, &a.IMAPStartTLS, &a.POP, &a.POPStartTLS, &a.SMTP, &a.HVE} {
		*addr = at(f.ports[i])
	}
	return a
}

// defaultDir is in the user's cache directory; "" if there is none.
func defaultDir() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "exoauth-emulator")
}

func parseFlags(args []string, output io.Writer) (*flags, error) {
	f := flags{ports: ports{8443, 1993, 1143, 1995, 1110, 1587, 1588}}
	set := flag.NewFlagSet("emulator", flag.ContinueOnError)
	set.SetOutput(output)
	set.StringVar(&f.listen, "listen", "127.0.0.1", "`IP address` to listen on; 0.0.0.0 in a container, where everybody who reaches it can read the mail in it")
	set.StringVar(&f.name, "name", "", "`host` by which clients reach the servers; empty means the address, or localhost if -listen is every address")
	set.Var(&f.ports, "ports", "`ports` of Entra ID, IMAP, IMAP with STARTTLS, POP3, POP3 with STLS, SMTP and High Volume Email; 0 means free ones")
	set.StringVar(&f.page, "page", "127.0.0.1:8025", "`host:port` of the web page, on loopback unless -listen is not")
	set.StringVar(&f.dir, "dir", defaultDir(), "`directory` for the certificate and the settings")
	set.IntVar(&f.mailboxes, "mailboxes", 1, "`number` of shared mailboxes")
	set.Var(&f.shared, "mailbox", "`address` of one more shared mailbox; may be given several times")
	set.Var(&f.users, "user", "`address` of one more user, with a mailbox; may be given several times")
	set.DurationVar(&f.lifetime, "lifetime", 0, "how long access tokens are valid; 0 means 60 to 90 minutes")
	set.DurationVar(&f.idle, "idle", 0, "how long a client may be silent; 0 means for ever")
	set.BoolVar(&f.json, "json", false, "print a line of JSON when the servers are ready, and one for each thing that happens")
	set.BoolVar(&f.secrets, "secrets", false, "with -json, print the settings with their secrets in the first line")
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	err := f.check(set.Args())
	if err != nil {
		fmt.Fprintln(output, "emulator:", err)
	}
	return &f, err
}

// check returns an error for what makes no sense, with the flag.
func (f *flags) check(args []string) error {
	host, _, err := net.SplitHostPort(f.page)
	ip := net.ParseIP(f.listen)
	switch {
	case len(args) > 0:
		return fmt.Errorf("unexpected argument %q", args[0])
	case ip == nil:
		return fmt.Errorf("-listen: %q is not an IP address", f.listen)
	case err != nil:
		return fmt.Errorf("-page: %w", err)
	case !isLoopback(host) && !f.isPublic():
		return fmt.Errorf("-page: %q is not on loopback; the page shows what clients do to whoever asks; with -listen 0.0.0.0 it may", f.page)
	case f.dir == "":
		return errors.New("-dir: this user has no cache directory; name one for the settings")
	case f.mailboxes < 1 || f.mailboxes > 10_000:
		return fmt.Errorf("-mailboxes: %d is not between 1 and 10000", f.mailboxes)
	case f.lifetime < 0:
		return fmt.Errorf("-lifetime: %v is negative", f.lifetime)
	case f.idle < 0:
		return fmt.Errorf("-idle: %v is negative", f.idle)
	case f.secrets && !f.json:
		return errors.New("-secrets: it needs -json")
	}
	if f.name == "" && ip.IsUnspecified() {
		f.name = "localhost"
	}
	return nil
}

// isPublic reports whether others than programs of this machine may connect.
func (f *flags) isPublic() bool { return !isLoopback(f.listen) }
