package smtpdial_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/internal/mailtest"
	"github.com/exoauth/exoauth/smtpdial"
)

// exchange is a healthy set-up: an application with full access to a shared
// mailbox, and a user.
type exchange struct {
	*exchangetest.Server
	app  *exchangetest.App
	user *exchangetest.User
}

// newExchange starts a server whose tokens have a lifetime, or that of Entra ID
// if it is zero.
func newExchange(t *testing.T, lifetime time.Duration) exchange {
	t.Helper()
	mailtest.NoLeaks(t)
	srv := exchangetest.NewUnstartedServer()
	srv.TokenLifetime = lifetime
	srv.Start()
	t.Cleanup(srv.Close)
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp, "Mail.Send")
	contoso.AddMailbox(sender)
	contoso.Grant(app, sender)
	return exchange{srv, app, contoso.AddUser("adele@contoso.com")}
}

// dialer has the addresses of production.
func (e exchange) dialer(token string) *smtpdial.Dialer {
	return &smtpdial.Dialer{
		TokenSource: staticSource(token),
		TLSConfig:   e.TLSConfig(),
		DialContext: e.DialContext,
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func TestExchangeRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(e exchange)
		token  exchangetest.TokenOptions
		want   string // code and enhanced code, and the start of the text
	}{
		"token for Graph":        {token: exchangetest.TokenOptions{Audience: "https://graph.microsoft.com"}, want: "535 5.7.3 Authentication unsuccessful ["},
		"token expired":          {token: exchangetest.TokenOptions{Lifetime: -time.Hour}, want: "535 5.7.3 Authentication unsuccessful ["},
		"token without the role": {token: exchangetest.TokenOptions{Roles: []string{exchangetest.IMAPAccessAsApp}}, want: "535 5.7.3 Authentication unsuccessful ["},
		"application not registered in Exchange": {
			change: func(e exchange) { do(e.Tenant(), "Remove-ServicePrincipal "+e.app.ClientID+" -Confirm:$false") }, want: "535 5.7.3 Authentication unsuccessful ["},
		"switched off for the tenant": {
			change: func(e exchange) {
				do(e.Tenant(), "Set-TransportConfig -SmtpClientAuthenticationDisabled $true")
			}, want: "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."},
		"switched off for the mailbox": {
			change: func(e exchange) {
				do(e.Tenant(), "Set-CASMailbox "+sender+" -SmtpClientAuthenticationDisabled $true")
			}, want: "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox."},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExchange(t, 0)
			if test.change != nil {
				test.change(e)
			}
			_, err := e.dialer(e.app.Token(&test.token)).Dial(t.Context(), sender)
			t.Log(err)
			reply, ok := errors.AsType[*smtp.SMTPError](err)
			if !ok || !strings.HasPrefix(describe(reply), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func send(c *smtp.Client, from, to string) error {
	message := fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: hi\r\n\r\nhi\r\n", from, to)
	return c.SendMail(from, []string{to}, strings.NewReader(message))
}

func TestExchangeDelivers(t *testing.T) {
	e := newExchange(t, 0)
	c, err := e.dialer(e.app.Token(nil)).Dial(t.Context(), sender)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := send(c, sender, e.user.UPN); err != nil {
		t.Fatal(err)
	}
	if err := c.Quit(); err != nil {
		t.Errorf("QUIT: %v", err)
	}
	if n := len(e.user.Mailbox.Messages("INBOX")); n != 1 {
		t.Errorf("%d messages in the recipient's INBOX, want 1", n)
	}
}

// With the token of a signed-in user, user= is that user, and the shared
// mailbox is only the sender.
func TestExchangeSharedMailboxOfAUser(t *testing.T) {
	e := newExchange(t, 0)
	must(e.Tenant().AddMailboxPermission(sender, e.user.UPN))
	must(e.Tenant().AddRecipientPermission(sender, e.user.UPN))
	d := e.dialer(e.app.Token(&exchangetest.TokenOptions{User: e.user}))

	if _, err := d.Dial(t.Context(), sender); err == nil || !strings.Contains(err.Error(), "535 5.7.3") {
		t.Errorf("as the shared mailbox: error %v, want 535 5.7.3", err)
	}
	c, err := d.Dial(t.Context(), e.user.UPN)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := send(c, sender, "to@contoso.com"); err != nil {
		t.Errorf("from the shared mailbox: %v", err)
	}
}

func TestRoundTrips(t *testing.T) {
	const delay = 25 * time.Millisecond
	e := newExchange(t, 0)
	forwarder := mailtest.NewForwarder(t, e.Cloud().SMTP, delay)
	d := e.dialer(e.app.Token(nil))
	d.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, forwarder.Addr)
	}
	start := time.Now()
	c, err := d.Dial(t.Context(), sender)
	took, waits := time.Since(start), forwarder.Waits()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Logf("%d waits; %v is %.2f round trips of %v and one for TCP", waits, took, float64(took)/float64(2*delay), 2*delay)
	if waits != 7 {
		t.Errorf("%d round trips, want 7: TCP, greeting, EHLO, STARTTLS, TLS, EHLO, AUTH", waits)
	}
}

func TestClouds(t *testing.T) {
	e := newExchange(t, 0)
	for _, cloud := range exoauth.Clouds() {
		d := e.dialer(e.app.Token(nil))
		d.Addr = cloud.SMTP
		c, err := d.Dial(t.Context(), sender)
		if err != nil {
			t.Errorf("%s: %v", cloud.SMTP, err)
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
