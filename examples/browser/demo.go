package main

import (
	"context"
	"fmt"
	"io"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

// demo leads everything to a server in this process.
func demo(out io.Writer, config *tokensource.Config, options *tokensource.AuthCodeOptions, dialer *imapdial.Dialer) *exchangetest.Server {
	server := exchangetest.NewServer()
	app := server.Tenant().AddApp("Mail client")
	app.AddRedirectURI(exchangetest.Desktop, "http://localhost")
	adele := server.Tenant().AddUser("adele@contoso.com")
	adele.Mailbox.Append("INBOX", []byte("Subject: Hello\r\n\r\nHello!\r\n"))

	config.Tenant, config.ClientID, config.HTTPClient = "organizations", app.ClientID, server.HTTPClient()
	options.LoginHint = adele.UPN
	options.Open = func(ctx context.Context, address string) error {
		fmt.Fprintln(out, "the browser opens: sign in")
		return server.Browser(adele).Open(ctx, address)
	}
	dialer.DialContext, dialer.TLSConfig = server.DialContext, server.TLSConfig()
	return server
}
