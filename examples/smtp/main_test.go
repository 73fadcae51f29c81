package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"golang.org/x/oauth2"

	"github.com/exoauth/exoauth/exchangetest"
)

func TestDemo(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), nil, func(string) string { return "" }, &out); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "sent with"); n != 3 {
		t.Errorf("sent in %d ways, want 3:\n%s", n, &out)
	}
}

// A signed-in user sends from a shared mailbox: as the user, not as the
// mailbox.
func TestSharedMailbox(t *testing.T) {
	srv := exchangetest.NewServer()
	defer srv.Close()
	contoso := srv.Tenant()
	app := contoso.AddApp("Mail client")
	adele := contoso.AddUser("adele@contoso.com")
	contoso.AddMailbox("invoices@contoso.com")
	if err := contoso.AddRecipientPermission("invoices@contoso.com", adele.UPN); err != nil {
		t.Fatal(err)
	}
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: app.Token(&exchangetest.TokenOptions{User: adele})})
	m := mailer{addr: srv.Cloud().SMTP, tls: srv.TLSConfig(), source: source, user: adele.UPN, sender: "invoices@contoso.com"}
	m.compose("to@contoso.com")
	if err := errors.Join(m.withSender(t.Context(), "to@contoso.com"), m.withGoSMTP(t.Context(), "to@contoso.com"), m.withNetSMTP(t.Context(), "to@contoso.com")); err != nil {
		t.Error(err)
	}
	m.user = m.sender
	err := m.withSender(t.Context(), "to@contoso.com")
	if reply, ok := errors.AsType[*smtp.SMTPError](err); !ok || reply.Code != 535 {
		t.Errorf("as the shared mailbox: error %v, want 535", err)
	}
}

func TestWantsARecipient(t *testing.T) {
	env := func(string) string { return "x@contoso.com" }
	if err := run(t.Context(), nil, env, &bytes.Buffer{}); err == nil {
		t.Error("no error")
	}
}
