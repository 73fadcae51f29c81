// Emulator runs Entra ID and Exchange Online on this machine, for programs in
// any language that read and send mail with XOAUTH2.
//
//	go run ./examples/emulator
//
// It prints the addresses, writes the certificate of its authority and files of
// settings, and shows on a local web page what clients do and why they are
// refused. settings.env is for a shell or a .env library, settings.json for
// everything else. Only the user who runs it can read the files. They are below
// [os.UserCacheDir], or in the directory -dir, and are removed at the end, which
// SIGTERM or Ctrl-C bring about.
//
// There are a shared mailbox with some mail, an application that may open it,
// and a user who can sign in. A password alone is refused, as in Exchange
// Online; for a program that still needs passwords, type on the page
//
//	New-AuthenticationPolicy Old -AllowBasicAuthImap -AllowBasicAuthPop -AllowBasicAuthSmtp
//	Set-OrganizationConfig -DefaultAuthenticationPolicy Old
//
// # For a test in another language
//
// With -json the first line says that the servers are ready, and where; wait for
// it. Each thing that happens is one more line: a token request, a session that
// was authenticated, refused or closed, a message that was sent. With -ports 0
// several tests can run at once. The page's address serves the rest over HTTP:
// faults, the clock, the administrator's cmdlets and what was recorded; /api
// documents that. The folders python and node beside this file have a test with
// the emulator as its fixture.
//
// # In a container
//
//	podman build -t emulator -f examples/emulator/Containerfile .
//	podman run --rm -p 127.0.0.1:8443:8443 -p 127.0.0.1:1993:1993 -p 127.0.0.1:1587:1587 \
//		-p 127.0.0.1:8025:8025 -v ./emulator:/settings emulator
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
	"syscall"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f, err := parseFlags(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	if f.isPublic() {
		fmt.Fprintf(stderr, "emulator: it listens on %s: everybody who can reach this machine may read and send mail in it, though nowhere else\n", f.listen)
	}
	srv := exchangetest.NewUnstartedServer()
	defer srv.Close()
	srv.TokenLifetime, srv.IdleTimeout, srv.Listen, srv.Name = f.lifetime, f.idle, f.addresses(), f.name
	if err := serve(ctx, srv, f, stdout); err != nil {
		fmt.Fprintln(stderr, "emulator:", err)
		return 1
	}
	return 0
}

// serve serves the page until the context ends.
func serve(ctx context.Context, srv *exchangetest.Server, f *flags, stdout io.Writer) error {
	if err := start(srv); err != nil {
		return fmt.Errorf("no servers; choose other ports with -ports, or 0 for free ones: %w", err)
	}
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
	s, err := seed(srv, f)
	if err != nil {
		return err
	}
	if err := s.write(dir); err != nil {
		return err
	}
	web := &http.Server{
		Handler: newPage(srv, s, dir, f.name), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { web.Close() })
	defer stop()
	if f.json {
		go report(ctx, srv, stdout, s.ready(ln.Addr().String(), dir.path, f.secrets))
	} else {
		s.describe(stdout, ln.Addr().String(), dir.path)
	}
	if err := web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// start starts the server, which panics if it cannot listen.
func start(srv *exchangetest.Server) (err error) {
	defer recovered(&err)
	srv.Start()
	return nil
}
