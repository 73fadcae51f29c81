package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/tokencache"
)

// demo runs the program twice, with a server in this process.
func demo(ctx context.Context, out io.Writer) error {
	server := exchangetest.NewUnstartedServer()
	defer server.Close()
	server.DeviceInterval = 50 * time.Millisecond // nobody waits for a person here
	server.Start()
	app := server.Tenant().AddApp("Mail client")
	app.SetPublicFlows(true)
	adele := server.Tenant().AddUser("adele@contoso.com")
	adele.Mailbox.Append("INBOX", []byte("Subject: Hello\r\n\r\nHello!\r\n"))
	s := settings.Settings{Tenant: "organizations", ClientID: app.ClientID, User: adele.UPN, Custom: server.Cloud(), RootCAs: server.TLSConfig().RootCAs}
	dir, err := os.MkdirTemp("", "devicecode")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s.Cache = tokencache.Dir(dir)
	if err := visit(ctx, out, s, server.Browser(adele).EnterCode); err != nil {
		return err
	}
	fmt.Fprintln(out, "The program is run again:")
	return visit(ctx, out, s, server.Browser(adele).EnterCode)
}
