package dialers

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
	"github.com/exoauth/exoauth/tokensource"
)

const (
	mailbox = "invoices@contoso.com"
	delay   = 25 * time.Millisecond // one way
)

// A far server is one at the other end of a cable.
type far struct {
	*exchangetest.Server
	config           *tokensource.Config
	imap, smtp, http *mailtest.Forwarder
}

func newFar(t testing.TB) *far {
	srv := exchangetest.NewServer()
	t.Cleanup(srv.Close)
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp)
	contoso.AddMailbox(mailbox)
	contoso.Grant(app, mailbox)
	f := &far{
		Server: srv,
		imap:   mailtest.NewForwarder(t, srv.Cloud().IMAP, delay),
		smtp:   mailtest.NewForwarder(t, srv.Cloud().SMTP, delay),
		http:   mailtest.NewForwarder(t, srv.Cloud().Authority[len("https://"):], delay),
	}
	transport := &http.Transport{TLSClientConfig: srv.TLSConfig(), DisableKeepAlives: true, DialContext: dialInstead(f.http.Addr)}
	f.config = &tokensource.Config{
		Cloud: srv.Cloud(), Tenant: contoso.ID, ClientID: app.ClientID, Credential: tokensource.Secret(app.Secret),
		HTTPClient: &http.Client{Transport: transport, Timeout: time.Minute},
	}
	return f
}

// dialInstead connects to addr in the place of any other address. The connection
// of TCP itself crosses the cable once.
func dialInstead(addr string) func(ctx context.Context, network, _ string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		select {
		case <-time.After(2 * delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
}

// source returns a new source, with a token in it where warm.
func (f *far) source(t testing.TB, warm bool) oauth2.TokenSource {
	source := f.config.ClientCredentials()
	if warm {
		if _, err := source.Token(); err != nil {
			t.Fatal(err)
		}
	}
	return source
}

// A way leads to an authenticated session, which it closes.
type way func(ctx context.Context, f *far, source oauth2.TokenSource) error

func imapWay(change func(*imapdial.Dialer)) way {
	return func(ctx context.Context, f *far, source oauth2.TokenSource) error {
		d := &imapdial.Dialer{TokenSource: source, TLSConfig: f.TLSConfig(), DialContext: dialInstead(f.imap.Addr)}
		change(d)
		c, err := d.Dial(ctx, mailbox)
		if err == nil {
			go c.Close()
		}
		return err
	}
}

func smtpWay(ctx context.Context, f *far, source oauth2.TokenSource) error {
	d := &smtpdial.Dialer{TokenSource: source, TLSConfig: f.TLSConfig(), DialContext: dialInstead(f.smtp.Addr)}
	c, err := d.Dial(ctx, mailbox)
	if err == nil {
		go c.Close()
	}
	return err
}
