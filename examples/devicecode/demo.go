package main

import (
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/imapdial"
	"github.com/exoauth/exoauth/tokensource"
)

// demo leads everything to a server in this process.
func demo(config *tokensource.Config, dialer *imapdial.Dialer) (*exchangetest.Server, *exchangetest.Browser) {
	server := exchangetest.NewUnstartedServer()
	server.DeviceInterval = 50 * time.Millisecond // nobody waits for a person here
	server.Start()
	app := server.Tenant().AddApp("Mail client")
	app.SetPublicFlows(true)
	adele := server.Tenant().AddUser("adele@contoso.com")
	adele.Mailbox.Append("INBOX", []byte("Subject: Hello\r\n\r\nHello!\r\n"))

	config.Tenant, config.ClientID, config.HTTPClient = "organizations", app.ClientID, server.HTTPClient()
	dialer.DialContext, dialer.TLSConfig = server.DialContext, server.TLSConfig()
	return server, server.Browser(adele)
}
