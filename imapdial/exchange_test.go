package imapdial_test

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/internal/mailtest"
)

// exchange is a healthy set-up: an application with full access to a shared
// mailbox.
type exchange struct {
	*exchangetest.Server
	app *exchangetest.App
}

func newExchange(t *testing.T) exchange {
	t.Helper()
	mailtest.NoLeaks(t)
	srv := exchangetest.NewServer()
	t.Cleanup(srv.Close)
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp)
	contoso.AddMailbox(mailbox)
	contoso.Grant(app, mailbox)
	return exchange{srv, app}
}

// dialer has the addresses of production.
func (e exchange) dialer(token string) *imapdial.Dialer {
	return &imapdial.Dialer{
		TokenSource: staticSource(token),
		TLSConfig:   e.TLSConfig(),
		DialContext: e.DialContext,
	}
}

func TestExchange(t *testing.T) {
	const (
		failed       = "imap: NO AUTHENTICATE failed."
		notConnected = "imap: BAD User is authenticated but not connected."
	)
	for name, test := range map[string]struct {
		change func(e exchange)
		token  exchangetest.TokenOptions
		op     imapdial.Op
		want   string // the server's words, "" for success
	}{
		"all well":               {},
		"token for Graph":        {token: exchangetest.TokenOptions{Audience: "https://graph.microsoft.com"}, op: imapdial.OpAuthenticate, want: failed},
		"token expired":          {token: exchangetest.TokenOptions{Lifetime: -time.Hour}, op: imapdial.OpAuthenticate, want: failed},
		"token without the role": {token: exchangetest.TokenOptions{Roles: []string{exchangetest.SMTPSendAsApp}}, op: imapdial.OpAuthenticate, want: failed},
		"application not registered in Exchange": {
			change: func(e exchange) { do(e.Tenant(), "Remove-ServicePrincipal "+e.app.ClientID+" -Confirm:$false") }, op: imapdial.OpAuthenticate, want: failed},
		"application registered with the wrong object id": {
			change: func(e exchange) {
				do(e.Tenant(), "Remove-ServicePrincipal "+e.app.ClientID+" -Confirm:$false")
				must(e.Tenant().NewServicePrincipal(e.app.ClientID, e.app.ObjectID))
				must(e.Tenant().AddMailboxPermission(mailbox, e.app.ObjectID))
			}, op: imapdial.OpAuthenticate, want: failed},
		"no full access": {
			change: func(e exchange) {
				do(e.Tenant(), "Remove-MailboxPermission "+mailbox+" -User "+e.app.ClientID+" -AccessRights FullAccess -Confirm:$false")
			}, op: imapdial.OpOpen, want: notConnected},
		"IMAP switched off": {
			change: func(e exchange) {
				do(e.Tenant(), "Set-CASMailbox "+mailbox+" -ImapEnabled $false")
			}, op: imapdial.OpOpen, want: notConnected},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExchange(t)
			if test.change != nil {
				test.change(e)
			}
			c, err := e.dialer(e.app.Token(&test.token)).Dial(t.Context(), mailbox)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				c.Close()
				return
			}
			fault{op: test.op, imap: test.want}.check(t, err)
			if got, want := imapdial.NotConnected(err), test.want == notConnected; got != want {
				t.Errorf("NotConnected %t, want %t", got, want)
			}
		})
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func TestExchangeSession(t *testing.T) {
	e := newExchange(t)
	c, err := e.dialer(e.app.Token(nil)).Dial(t.Context(), mailbox)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if caps := c.Caps(); !caps.Has(imap.CapMove) {
		t.Errorf("capabilities %v lack MOVE", caps)
	}
	if _, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		t.Error(err)
	}
	if err := c.Logout().Wait(); err != nil {
		t.Error(err)
	}
}

// A host that is not known to be Exchange costs one round trip more.
func TestExchangeByItsOwnAddress(t *testing.T) {
	e := newExchange(t)
	d := e.dialer(e.app.Token(nil))
	d.Addr = e.Cloud().IMAP
	c, err := d.Dial(t.Context(), mailbox)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// stepHandler tells of each message to the logger.
type stepHandler struct {
	slog.Handler
	told func(message string)
}

func (h stepHandler) Enabled(context.Context, slog.Level) bool      { return true }
func (h stepHandler) WithAttrs([]slog.Attr) slog.Handler            { return h }
func (h stepHandler) Handle(_ context.Context, r slog.Record) error { h.told(r.Message); return nil }

func TestRoundTrips(t *testing.T) {
	const delay = 25 * time.Millisecond
	for name, test := range map[string]struct {
		change func(*imapdial.Dialer)
		want   int
	}{
		"authenticated, greeting not awaited":  {func(d *imapdial.Dialer) { d.SkipProbe, d.EarlyAuth = true, true }, 3},
		"mailbox proven, greeting not awaited": {func(d *imapdial.Dialer) { d.EarlyAuth = true }, 4},
		"authenticated":                        {func(d *imapdial.Dialer) { d.SkipProbe = true }, 4},
		"mailbox proven open":                  {func(*imapdial.Dialer) {}, 5},
		"mailbox proven, other host":           {func(d *imapdial.Dialer) { d.Addr = "localhost:993" }, 6},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExchange(t)
			forwarder := mailtest.NewForwarder(t, e.Cloud().IMAP, delay)
			d := e.dialer(e.app.Token(nil))
			d.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, forwarder.Addr)
			}
			test.change(d)
			start := time.Now()
			var took time.Duration
			var waits int
			d.Logger = slog.New(stepHandler{slog.DiscardHandler, func(message string) {
				// Without the probe imapclient goes on at once to ask for the capabilities.
				if message == "imapdial: authenticated" && d.SkipProbe {
					took, waits = time.Since(start), forwarder.Waits()
				}
			}})
			c, err := d.Dial(t.Context(), mailbox)
			if !d.SkipProbe {
				took, waits = time.Since(start), forwarder.Waits()
			}
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			// The connection itself is made with the forwarder, without delay.
			t.Logf("%d waits; %v is %.2f round trips of %v and one for TCP", waits, took,
				float64(took)/float64(2*delay), 2*delay)
			if waits != test.want {
				t.Errorf("%d round trips, want %d", waits, test.want)
			}
			if floor := time.Duration(test.want-1) * 2 * delay; took < floor {
				t.Errorf("took %v, which is less than the forwarder's delay of %v allows: the count is wrong", took, floor)
			}
		})
	}
}

func TestCancelReturnsAtOnce(t *testing.T) {
	e := newExchange(t)
	stalled := mailtest.NewForwarder(t, e.Cloud().IMAP, math.MaxInt64/4)
	d := e.dialer(e.app.Token(nil))
	d.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, stalled.Addr)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := d.Dial(ctx, mailbox)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that of the context", err)
	}
	deadline, _ := ctx.Deadline()
	if late := time.Since(deadline); late > 50*time.Millisecond {
		t.Errorf("returned %v after the deadline", late)
	}
}

func TestClouds(t *testing.T) {
	e := newExchange(t)
	for _, cloud := range exoauth.Clouds() {
		d := e.dialer(e.app.Token(nil))
		d.Addr = cloud.IMAP
		c, err := d.Dial(t.Context(), mailbox)
		if err != nil {
			t.Errorf("%s: %v", cloud.IMAP, err)
			continue
		}
		c.Close()
	}
}

// do has an administrator of the tenant run a script.
func do(tenant *exchangetest.Tenant, script string) {
	_, err := tenant.Admin(script)
	must(err)
}
