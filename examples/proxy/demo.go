package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/settings"
)

// demo goes through a proxy in this process to an Exchange Online in it.
func demo(ctx context.Context, out io.Writer) error {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp)
	mailbox := contoso.AddMailbox("invoices@contoso.com")
	contoso.Grant(app, mailbox.Address)

	asked := make(chan string, 100)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + what(r.Host, srv)
		if host, _, _ := net.SplitHostPort(r.Host); r.Method != http.MethodConnect || host != "127.0.0.1" {
			http.Error(w, "Only to the servers of this demo.", http.StatusForbidden)
			return
		}
		tunnelTo(w, r)
	}))
	defer proxy.Close()
	dial, err := through(proxy.URL)
	if err != nil {
		return err
	}
	s := settings.Settings{
		Tenant: contoso.ID, ClientID: app.ClientID, ClientSecret: app.Secret, Custom: srv.Cloud(), RootCAs: srv.TLSConfig().RootCAs,
	}
	if err := visit(ctx, out, s, mailbox.Address, dial); err != nil {
		return err
	}
	for range len(asked) {
		fmt.Fprintln(out, "the proxy was asked for:", <-asked)
	}
	return nil
}

// what names a server, whose port is another one each time.
func what(addr string, srv *exchangetest.Server) string {
	switch cloud := srv.Cloud(); addr {
	case cloud.IMAP:
		return "IMAP"
	case cloud.SMTP:
		return "SMTP"
	}
	return "Entra ID"
}

// tunnelTo is what a proxy does for CONNECT.
func tunnelTo(w http.ResponseWriter, r *http.Request) {
	server, err := new(net.Dialer).DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		http.Error(w, "Bad Gateway", http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, ahead, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		io.Copy(server, ahead)
		server.Close()
	}()
	io.Copy(client, server)
}
