package exchangetest

import (
	"strings"
	"testing"
	"time"
)

const (
	imapOK           = "OK AUTHENTICATE completed."
	imapNO           = "NO AUTHENTICATE failed."
	smtpOK           = "235 2.7.0 Authentication successful"
	smtpNO           = "535 5.7.3 Authentication unsuccessful"
	smtpTenantOff    = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information."
	smtpMailboxOff   = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox. Visit https://aka.ms/smtp_auth_disabled for more information."
	notConnected     = "BAD User is authenticated but not connected."
	noReason         = ""
	reasonNoAccess   = "no FullAccess"
	reasonUnknownApp = "not registered in Exchange"
)

// An attempt is what a row of the tables below tries.
type attempt struct {
	user  string
	token string
}

func appOnly(o TokenOptions) func(*world) attempt {
	return func(w *world) attempt { return attempt{shared, w.app.Token(&o)} }
}

// refusals have the same outcome with IMAP and SMTP.
var refusals = []struct {
	name   string
	try    func(*world) attempt
	reason string
}{
	{"expired one second ago", appOnly(TokenOptions{Lifetime: -time.Second}), "the token expired at"},
	{"valid from tomorrow", appOnly(TokenOptions{Lifetime: 48 * time.Hour, Claims: map[string]any{
		"nbf": time.Now().Add(24 * time.Hour).Unix()}}), "not valid yet"},
	{"without expiry", appOnly(TokenOptions{Claims: map[string]any{"exp": nil}}), "no expiry"},
	{"for Graph", appOnly(TokenOptions{Audience: "https://graph.microsoft.com", Roles: []string{IMAPAccessAsApp, SMTPSendAsApp}}), `for ["https://graph.microsoft.com"] and not for Exchange`},
	{"for ps.outlook.com", appOnly(TokenOptions{Audience: "https://ps.outlook.com"}), "not for Exchange"},
	{"without roles", appOnly(TokenOptions{Roles: []string{}}), "has no role"},
	{"with the role of POP alone", appOnly(TokenOptions{Roles: []string{POPAccessAsApp}}), "has no role"},
	{"of a tenant nobody knows", appOnly(TokenOptions{Claims: map[string]any{"tid": "00000000-0000-0000-0000-000000000000"}}), "this server does not know"},
	{"with the issuer of version 2.0", func(w *world) attempt {
		iss := "https://login.microsoftonline.com/" + w.tenant.ID + "/v2.0"
		return attempt{shared, w.app.Token(&TokenOptions{Claims: map[string]any{"iss": iss}})}
	}, "this server does not know"},
	{"of another tenant", func(w *world) attempt {
		app := w.AddTenant("fabrikam.com").AddApp("Invoices", IMAPAccessAsApp, SMTPSendAsApp)
		must(app.in.Tenant().AddServicePrincipal(app.ClientID, app.ServicePrincipalID))
		return attempt{shared, app.Token(nil)}
	}, "in another tenant"},
	{"of another server", func(w *world) attempt {
		s := NewUnstartedServer()
		defer s.Close()
		return attempt{shared, s.Tenant().AddApp("Invoices", IMAPAccessAsApp, SMTPSendAsApp).Token(nil)}
	}, "this server does not know"},
	{"with a claim changed", func(w *world) attempt {
		header, rest, _ := strings.Cut(w.app.Token(nil), ".")
		_, signature, _ := strings.Cut(rest, ".")
		_, rest, _ = strings.Cut(w.app.Token(nil), ".")
		payload, _, _ := strings.Cut(rest, ".")
		return attempt{shared, header + "." + payload + "." + signature}
	}, "signature"},
	{"unsigned", func(w *world) attempt {
		_, rest, _ := strings.Cut(w.app.Token(nil), ".")
		payload, _, _ := strings.Cut(rest, ".")
		return attempt{shared, "eyJhbGciOiJub25lIn0." + payload + "."}
	}, "signature"},
	{"opaque", func(*world) attempt { return attempt{shared, "EwBAAl3BAAUFFpUAo7J3"} }, "not a JWT"},
	{"for a mailbox that is not there", func(w *world) attempt { return attempt{"nobody@contoso.com", w.app.Token(nil)} }, "no mailbox"},
	{"of an application that Exchange does not know", func(w *world) attempt {
		w.do("Remove-ServicePrincipal {app} -Confirm:$false")
		return attempt{shared, w.app.Token(nil)}
	}, reasonUnknownApp},
	{"of one registered with the wrong object id", func(w *world) attempt {
		w.do("Remove-ServicePrincipal {sp} -Confirm:$false")
		must(w.tenant.NewServicePrincipal(w.app.ClientID, w.app.ObjectID))
		must(w.tenant.AddMailboxPermission(shared, w.app.ObjectID))
		return attempt{shared, w.app.Token(nil)}
	}, "not with that of its enterprise application"},
	{"delegated without the scope", func(w *world) attempt {
		u := w.tenant.AddUser("anna@contoso.com")
		return attempt{u.UPN, w.app.Token(&TokenOptions{User: u, Scopes: []string{"POP.AccessAsUser.All"}})}
	}, "has no scope"},
	{"delegated, of a user who left", func(w *world) attempt {
		u := w.tenant.AddUser("anna@contoso.com")
		return attempt{u.UPN, w.app.Token(&TokenOptions{User: u, Claims: map[string]any{"upn": "bert@contoso.com"}})}
	}, "who is not in the tenant"},
}

func TestRefusals(t *testing.T) {
	for _, row := range refusals {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			a := row.try(w)
			t.Run("IMAP", func(t *testing.T) {
				c := w.dialIMAP(t)
				c.send("A AUTHENTICATE XOAUTH2 " + xoauth2IR(a.user, a.token))
				c.want("A " + imapNO)
				w.checkReason(t, "IMAP", a, false, row.reason)
			})
			t.Run("SMTP", func(t *testing.T) {
				c := w.dialSMTP(t)
				c.send("AUTH XOAUTH2 " + xoauth2IR(a.user, a.token))
				c.wantMatch(smtpNO + stamp)
				w.checkReason(t, "SMTP", a, false, row.reason)
			})
		})
	}
}

func (w *world) checkReason(t *testing.T, protocol string, a attempt, authenticated bool, reason string) {
	t.Helper()
	got := w.lastSession(t)
	if got.Protocol != protocol || got.User != a.user || got.Authenticated != authenticated || got.Attempts != 1 {
		t.Errorf("session %+v", got)
	}
	if !strings.Contains(got.Reason, reason) || (reason == "") != (got.Reason == "") {
		t.Errorf("Reason = %q, want it to contain %q", got.Reason, reason)
	}
	if strings.Contains(got.Reason, a.token) {
		t.Error("the reason contains the token")
	}
}

// delegate returns a token of a user, who is made for it.
func (w *world) delegate(user string) (*User, string) {
	u := w.tenant.AddUser(user)
	return u, w.app.Token(&TokenOptions{User: u})
}

func TestIMAPPermissions(t *testing.T) {
	for _, row := range []struct {
		name      string
		try       func(*world) attempt
		namespace string
		reason    string
	}{
		{"app with FullAccess", appOnly(TokenOptions{}), `* NAMESPACE (("" "/")) NIL NIL`, noReason},
		{"app without FullAccess", func(w *world) attempt {
			w.do("Remove-MailboxPermission invoices@contoso.com -User {sp} -AccessRights FullAccess -Confirm:$false")
			return attempt{shared, w.app.Token(nil)}
		}, "A " + notConnected, reasonNoAccess},
		{"app registered anew", func(w *world) attempt {
			w.do("Remove-ServicePrincipal {app} -Confirm:$false")
			must(w.tenant.NewServicePrincipal(w.app.ClientID, w.app.ServicePrincipalID))
			return attempt{shared, w.app.Token(nil)}
		}, "A " + notConnected, reasonNoAccess},
		{"IMAP switched off", func(w *world) attempt {
			w.do("Set-CASMailbox invoices@contoso.com -ImapEnabled $false")
			return attempt{shared, w.app.Token(nil)}
		}, "A " + notConnected, "IMAP is switched off"},
		{"IMAP switched on again", func(w *world) attempt {
			w.do("Set-CASMailbox invoices@contoso.com -ImapEnabled $false")
			w.do("Set-CASMailbox invoices@contoso.com -ImapEnabled $true")
			return attempt{shared, w.app.Token(nil)}
		}, `* NAMESPACE (("" "/")) NIL NIL`, noReason},
		{"user, his own mailbox", func(w *world) attempt {
			u, token := w.delegate("anna@contoso.com")
			return attempt{u.UPN, token}
		}, `* NAMESPACE (("" "/")) NIL NIL`, noReason},
		{"user, shared mailbox without FullAccess", func(w *world) attempt {
			_, token := w.delegate("anna@contoso.com")
			return attempt{shared, token}
		}, "A " + notConnected, reasonNoAccess},
		{"user, shared mailbox with FullAccess", func(w *world) attempt {
			u, token := w.delegate("anna@contoso.com")
			must(w.tenant.AddMailboxPermission(shared, u.UPN))
			return attempt{shared, token}
		}, `* NAMESPACE (("" "/")) NIL NIL`, noReason},
		{"user with IMAP switched off, shared mailbox", func(w *world) attempt {
			u, token := w.delegate("anna@contoso.com")
			must(w.tenant.AddMailboxPermission(shared, u.UPN))
			w.do("Set-CASMailbox " + u.UPN + " -ImapEnabled $false")
			return attempt{shared, token}
		}, "A " + notConnected, "IMAP is switched off for anna@contoso.com"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			a := row.try(w)
			c := w.authenticated(t, a.user, a.token)
			c.send("A NAMESPACE")
			c.want(row.namespace)
			w.checkReason(t, "IMAP", a, true, row.reason)
		})
	}
}

// The dialogue of https://github.com/jstedfast/MailKit/issues/1496.
func TestIMAPNotConnected(t *testing.T) {
	w := newWorld(t)
	w.do("Remove-MailboxPermission invoices@contoso.com -User {sp} -AccessRights FullAccess -Confirm:$false")
	c := w.authenticated(t, shared, w.app.Token(nil))
	c.send("C00000002 CAPABILITY")
	c.want("* CAPABILITY IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CLIENTACCESSRULES CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+",
		"C00000002 OK CAPABILITY completed.")
	c.send("C00000003 NAMESPACE")
	c.want("C00000003 " + notConnected)
	c.send(`C00000004 LIST "" "INBOX"`)
	c.want("C00000004 "+notConnected, "* BYE Connection closed. 14")
	c.wantEOF()
}

func TestSMTPPermissions(t *testing.T) {
	const off = "Set-TransportConfig -SmtpClientAuthenticationDisabled $true"
	for _, row := range []struct {
		name   string
		try    func(*world) attempt
		reply  string
		reason string
	}{
		{"app with FullAccess", appOnly(TokenOptions{}), smtpOK, noReason},
		{"app without FullAccess", func(w *world) attempt {
			w.do("Remove-MailboxPermission invoices@contoso.com -User {sp} -AccessRights FullAccess -Confirm:$false")
			return attempt{shared, w.app.Token(nil)}
		}, smtpOK, reasonNoAccess},
		{"IMAP switched off", func(w *world) attempt {
			w.do("Set-CASMailbox invoices@contoso.com -ImapEnabled $false")
			return attempt{shared, w.app.Token(nil)}
		}, smtpOK, noReason},
		{"switched off in the tenant", func(w *world) attempt {
			w.do(off)
			return attempt{shared, w.app.Token(nil)}
		}, smtpTenantOff, "SmtpClientAuthentication is disabled for the Tenant"},
		{"switched off in the tenant, on for the mailbox", func(w *world) attempt {
			w.do(off)
			w.do("Set-CASMailbox invoices@contoso.com -SmtpClientAuthenticationDisabled $false")
			return attempt{shared, w.app.Token(nil)}
		}, smtpOK, noReason},
		{"switched off for the mailbox", func(w *world) attempt {
			w.do("Set-CASMailbox invoices@contoso.com -SmtpClientAuthenticationDisabled $true")
			return attempt{shared, w.app.Token(nil)}
		}, smtpMailboxOff, "SmtpClientAuthentication is disabled for the Mailbox"},
		{"user, his own name", func(w *world) attempt {
			u, token := w.delegate("anna@contoso.com")
			return attempt{u.UPN, token}
		}, smtpOK, noReason},
		{"user, the shared address with FullAccess", func(w *world) attempt {
			u, token := w.delegate("anna@contoso.com")
			must(w.tenant.AddMailboxPermission(shared, u.UPN))
			must(w.tenant.AddRecipientPermission(shared, u.UPN))
			return attempt{shared, token}
		}, smtpNO, "SMTP wants that name"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			a := row.try(w)
			c := w.dialSMTP(t)
			c.send("AUTH XOAUTH2 " + xoauth2IR(a.user, a.token))
			if row.reply == smtpOK {
				c.want(smtpOK)
			} else {
				c.wantMatch(row.reply + stamp)
			}
			w.checkReason(t, "SMTP", a, row.reply == smtpOK, row.reason)
		})
	}
}
