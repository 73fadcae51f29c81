// Onbehalfof is a web API that opens the mailbox of the user who calls it. The
// calling program has a token for the API. The API verifies that and exchanges
// it for a token of the same user for Exchange Online.
//
//	go run ./examples/onbehalfof
//
// calls itself once, with an Entra ID and an Exchange Online in this process.
// For the real ones set EXO_TENANT, EXO_CLIENT_ID and EXO_CLIENT_SECRET, expose
// a scope access_as_user in the app registration, and call
// http://127.0.0.1:8080/?user=adele@contoso.com with a token for it. EXO_LISTEN
// is another address. The API listens on this machine alone; to make it public,
// put a proxy with TLS before it.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/tokensource"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "onbehalfof:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	s := settings.FromEnv(getenv)
	if s.IsZero() {
		fmt.Fprintln(out, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID and EXO_CLIENT_SECRET.")
		return demo(ctx, out)
	}
	config, err := s.Config()
	if err != nil {
		return err
	}
	cloud, trust := s.Servers()
	a := newAPI(*config, func(source *tokensource.Source) *imapdial.Dialer {
		return &imapdial.Dialer{TokenSource: source, Addr: cloud.IMAP, TLSConfig: trust}
	})
	address := cmp.Or(getenv("EXO_LISTEN"), "127.0.0.1:8080")
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "waiting for calls at http://%s/; Ctrl-C ends\n", address)
	return serve(ctx, newServer(a.handler()), ln)
}

// newServer gives up on callers that take their time.
func newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, MaxHeaderBytes: 64 << 10,
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
	}
}

// serve serves on ln until ctx ends, and then those calls that are under way.
func serve(ctx context.Context, server *http.Server, ln net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}
