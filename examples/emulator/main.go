// Emulator runs Entra ID and Exchange Online on this machine, for programs in
// any language that read and send mail with XOAUTH2.
//
//	go run ./examples/emulator
//
// It prints the addresses, writes the certificate of its authority and a file
// of settings that a shell or a .env library reads, and shows on a local web
// page what clients do and why they are refused. Only the user who runs it can
// read the files. They are below [os.UserCacheDir], or in the directory -dir,
// and are removed at the end.
//
// There are a shared mailbox with some mail, an application that may open it,
// and a user who can sign in. A password alone is refused, as in Exchange
// Online; for a program that still needs passwords, type on the page
//
//	New-AuthenticationPolicy Old -AllowBasicAuthImap -AllowBasicAuthPop -AllowBasicAuthSmtp
//	Set-OrganizationConfig -DefaultAuthenticationPolicy Old
//
// The exit status is 0, or 1 if it could not start, or 2 if the flags make no
// sense.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// flags are what the command line says.
type flags struct {
	page      string
	dir       string
	mailboxes int
	lifetime  time.Duration
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
	var f flags
	set := flag.NewFlagSet("emulator", flag.ContinueOnError)
	set.SetOutput(output)
	set.StringVar(&f.page, "page", "127.0.0.1:8025", "`host:port` of the web page, on loopback")
	set.StringVar(&f.dir, "dir", defaultDir(), "`directory` for the certificate and the settings")
	set.IntVar(&f.mailboxes, "mailboxes", 1, "`number` of shared mailboxes")
	set.DurationVar(&f.lifetime, "lifetime", 0, "how long access tokens are valid; 0 means 60 to 90 minutes")
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(f.page)
	switch {
	case set.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", set.Arg(0))
	case err != nil:
		err = fmt.Errorf("-page: %w", err)
	case !isLoopback(host):
		err = fmt.Errorf("-page: %q is not on loopback; the page shows what clients do to whoever asks", f.page)
	case f.dir == "":
		err = errors.New("-dir: this user has no cache directory; name one for the settings")
	case f.mailboxes < 1 || f.mailboxes > 10_000:
		err = fmt.Errorf("-mailboxes: %d is not between 1 and 10000", f.mailboxes)
	case f.lifetime < 0:
		err = fmt.Errorf("-lifetime: %v is negative", f.lifetime)
	}
	if err != nil {
		fmt.Fprintln(output, "emulator:", err)
	}
	return &f, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	srv := exchangetest.NewUnstartedServer()
	defer srv.Close()
	srv.TokenLifetime = f.lifetime
	srv.Start()
	if err := serve(ctx, srv, f, stdout); err != nil {
		fmt.Fprintln(stderr, "emulator:", err)
		return 1
	}
	return 0
}

// serve serves the page until the context ends.
func serve(ctx context.Context, srv *exchangetest.Server, f *flags, stdout io.Writer) error {
	ln, err := net.Listen("tcp", f.page)
	if err != nil {
		return fmt.Errorf("no web page; choose another address with -page: %w", err)
	}
	defer ln.Close()
	dir, err := openDirectory(f.dir)
	if err != nil {
		return err
	}
	defer dir.clear()
	s := seed(srv, f.mailboxes)
	if err := s.write(dir); err != nil {
		return err
	}
	s.describe(stdout, ln.Addr().String(), dir.path)
	web := &http.Server{
		Handler: newPage(srv, s, dir), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { web.Close() })
	defer stop()
	if err := web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
