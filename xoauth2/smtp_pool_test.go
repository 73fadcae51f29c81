package xoauth2_test

import (
	"net"
	"net/smtp"
	"sync"
	"testing"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/xoauth2"
)

// A pool has one Auth for all its connections.
func TestSMTPAuthSharedByConnections(t *testing.T) {
	const conns = 64
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.SMTPSendAsApp)
	mailbox := contoso.AddMailbox("invoices@contoso.com")
	contoso.Grant(app, mailbox.Address)
	auth := xoauth2.SMTPAuth(mailbox.Address, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: app.Token(nil)}))

	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for range conns {
		c := secured(t, srv)
		ready.Add(1)
		done.Go(func() {
			defer c.Close()
			ready.Done()
			<-start
			if err := c.Auth(auth); err != nil {
				t.Error(err)
			}
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// secured returns a client of net/smtp that has started TLS.
func secured(t *testing.T, srv *exchangetest.Server) *smtp.Client {
	t.Helper()
	addr := srv.Cloud().SMTP
	c, err := smtp.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	config := srv.TLSConfig()
	config.ServerName, _, _ = net.SplitHostPort(addr)
	if err := c.StartTLS(config); err != nil {
		t.Fatal(err)
	}
	return c
}
