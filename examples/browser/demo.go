package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/settings"
	"github.com/exoauth/exoauth/tokencache"
)

// demo runs the program twice, with a server in this process.
func demo(ctx context.Context, out io.Writer) error {
	server := exchangetest.NewServer()
	defer server.Close()
	app := server.Tenant().AddApp("Mail client")
	app.AddRedirectURI(exchangetest.Desktop, "http://localhost")
	adele := server.Tenant().AddUser("adele@contoso.com")
	adele.Mailbox.Append("INBOX", []byte("Subject: Hello\r\n\r\nHello!\r\n"))
	s := settings.Settings{Tenant: "organizations", ClientID: app.ClientID, User: adele.UPN, Custom: server.Cloud(), RootCAs: server.TLSConfig().RootCAs}
	dir, err := os.MkdirTemp("", "browser")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	open := func(ctx context.Context, address string) error {
		fmt.Fprintln(out, "the browser opens: sign in")
		return server.Browser(adele).Open(ctx, address)
	}
	s.Cache = tokencache.Dir(dir)
	if err := visit(ctx, out, s, open); err != nil {
		return err
	}
	fmt.Fprintln(out, "The program is run again:")
	return visit(ctx, out, s, open)
}
