package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

// uncached asks for a token each time: the demo moves the server's clock, and a
// Source would go by the one of this machine.
type uncached struct{ *tokensource.Config }

func (u uncached) Token() (*oauth2.Token, error) { return u.ClientCredentials().Token() }

var errDone = errors.New("the demo is over")

// demo lets two messages arrive in a mailbox on this machine, and in between
// lets the token of the session expire.
func demo(ctx context.Context, stdout, stderr io.Writer) error {
	fmt.Fprintln(stdout, "No settings: this runs against an Exchange Online in this process.\nFor a real mailbox set EXO_TENANT, EXO_CLIENT_ID, EXO_CLIENT_SECRET and EXO_MAILBOX.")
	server := exchangetest.NewServer()
	defer server.Close()
	contoso := server.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp)
	mailbox := contoso.AddMailbox("invoices@contoso.com")
	contoso.Grant(app, mailbox.Address)
	cfg := &tokensource.Config{
		Tenant: contoso.ID, ClientID: app.ClientID, Credential: tokensource.Secret(app.Secret),
		Cloud: server.Cloud(), HTTPClient: server.HTTPClient(),
	}

	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	deliver := func(n int) {
		mailbox.Append("INBOX", fmt.Appendf(nil, "From: adele@example.com\r\nDate: %s\r\nSubject: Invoice %d\r\n\r\nPaid.\r\n",
			time.Now().Format(time.RFC1123Z), n))
	}
	told := 0
	w := &watcher{arrived: func(m message) {
		fmt.Fprintf(stdout, "arrived: %q from %s\n", m.subject, m.from)
		if told++; told == 2 {
			stop(errDone)
			return
		}
		fmt.Fprintln(stdout, "two hours pass, and the token expires; meanwhile the next message arrives")
		server.Advance(2 * time.Hour)
		deliver(2)
	}}
	dialer := &imapdial.Dialer{
		TokenSource: uncached{cfg}, Addr: server.Cloud().IMAP, TLSConfig: server.TLSConfig(),
		Options: w.options(), Logger: slog.New(slog.NewTextHandler(stderr, nil)),
	}
	w.next, w.validity = 1, 1 // the demo tells of what is there
	deliver(1)
	err := dialer.Keep(ctx, mailbox.Address, nil, w.watch)
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}
