package main

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/exchangetest"
)

func TestDemo(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), nil, func(string) string { return "" }, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(out.String(), "messages that arrived: 2\n") {
		t.Errorf("output:\n%s", &out)
	}
}

func TestNoRecipient(t *testing.T) {
	if err := run(t.Context(), nil, func(string) string { return "invoices@contoso.com" }, new(bytes.Buffer)); err == nil {
		t.Error("no error")
	}
}

func TestLibraries(t *testing.T) {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Invoices", exchangetest.SMTPSendAsApp)
	contoso.AddMailbox("invoices@contoso.com")
	contoso.Grant(app, "invoices@contoso.com")
	adele := contoso.AddUser("adele@contoso.com")
	if err := contoso.AddRecipientPermission("invoices@contoso.com", adele.UPN); err != nil {
		t.Fatal(err)
	}
	config := srv.TLSConfig()
	config.ServerName = "127.0.0.1"
	for name, test := range map[string]struct {
		token exchangetest.TokenOptions
		user  string
		fails string
	}{
		"application":                        {exchangetest.TokenOptions{}, "invoices@contoso.com", ""},
		"signed-in user":                     {exchangetest.TokenOptions{User: adele}, adele.UPN, ""},
		"signed-in user, as the shared box":  {exchangetest.TokenOptions{User: adele}, "invoices@contoso.com", "5.7.3"},
		"application, token for another use": {exchangetest.TokenOptions{Audience: "https://graph.microsoft.com"}, "invoices@contoso.com", "5.7.3"},
	} {
		m := &mailer{
			addr: srv.Cloud().SMTP, tls: config, user: test.user, sender: "invoices@contoso.com",
			source: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: app.Token(&test.token)}),
		}
		for library, send := range map[string]func(string) error{
			"go-mail": func(to string) error { return m.withGoMail(t.Context(), to) },
			"email":   m.withEmail,
		} {
			t.Run(name+", "+library, func(t *testing.T) {
				before := len(srv.Sent())
				err := send("to@example.com")
				if test.fails == "" && err != nil || test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails)) {
					t.Errorf("error %v, want %q", err, test.fails)
				}
				if sent := len(srv.Sent()) - before; (sent == 1) != (test.fails == "") {
					t.Errorf("%d messages sent", sent)
				}
			})
		}
	}
}
