package exchangetest

import (
	"strings"
	"testing"

	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
)

const mailSend = "Mail.Send" // of Office 365 Exchange Online

// High Volume Email since 2026: the permission Mail.Send, an application that
// Add-HVEAppAccess has let in, the organization's own recipients, and no copy.
// (https://learn.microsoft.com/exchange/mail-flow-best-practices/oauth-high-volume-mails-m365)
func TestHVEAccess(t *testing.T) {
	w := bare(t)
	w.app = w.tenant.AddApp("Newsletter", mailSend)
	news := w.tenant.AddMailbox("news@contoso.com")
	login := func(user, token string) *wire {
		c := w.dialSubmission(t, clouds.HVEHost)
		c.send("AUTH XOAUTH2 " + xoauth2IR(user, token))
		return c
	}
	refused := func(name, user, token, reason string) {
		t.Helper()
		login(user, token).want(hveInvalid)
		if got := w.lastSession(t).Reason; !strings.Contains(got, reason) {
			t.Errorf("%s: %q", name, got)
		}
	}
	refused("nobody let it in", news.Address, w.app.Token(nil), "Add-HVEAppAccess")
	w.do("Add-HVEAppAccess -Identity news@contoso.com -AppIds {sp}")
	refused("another account", shared, w.app.Token(nil), "Add-HVEAppAccess")
	refused("the permission of SMTP AUTH", news.Address, w.app.Token(&TokenOptions{Roles: []string{SMTPSendAsApp}}), "no role Mail.Send")
	adele := w.user("adele@contoso.com")
	refused("somebody else's account", news.Address, w.app.Token(&TokenOptions{User: adele, Scopes: []string{mailSend}}), "of the user adele@contoso.com")

	c := login(adele.UPN, w.app.Token(&TokenOptions{User: adele, Scopes: []string{mailSend}}))
	c.want(smtpOK)
	c = login(news.Address, w.app.Token(nil))
	c.want(smtpOK)
	send := func(from, header string) {
		c.send("MAIL FROM:<"+from+">", "RCPT TO:<adele@contoso.com>", "DATA")
		c.want("250 2.1.0 Sender OK", "250 2.1.5 Recipient OK", "354 Start mail input; end with <CRLF>.<CRLF>")
		c.send("From: "+header, "", "x", ".")
	}
	send(news.Address, news.Address)
	c.wantMatch(`250 2\.0\.0 OK .*`)
	send(shared, news.Address)
	c.wantMatch(`550 5\.7\.62 .*`)
	send(news.Address, shared)
	c.wantMatch(`550 5\.6\.241 .*`)
	c.send("MAIL FROM:<news@contoso.com>", "RCPT TO:<a@example.com>")
	c.want("250 2.1.0 Sender OK", "550 5.5.105 External sending is not supported")
	for range 50 {
		c.send("RCPT TO:<adele@contoso.com>")
		c.want("250 2.1.5 Recipient OK")
	}
	c.send("RCPT TO:<adele@contoso.com>")
	c.want("452 4.5.3 Too many recipients")
	if got, copies := adele.Mailbox.Messages("INBOX"), news.Messages("Sent Items"); len(got) != 1 || len(copies) != 0 {
		t.Errorf("%d arrived, %d copies", len(got), len(copies))
	}
}

func TestAddHVEAppAccess(t *testing.T) {
	w := bare(t)
	ids := make([]string, 11)
	for i := range ids {
		ids[i] = w.tenant.AddApp("Newsletter", mailSend).ServicePrincipalID
	}
	for name, row := range map[string]struct{ script, want string }{
		"ten":                     {"Add-HVEAppAccess -Identity invoices@contoso.com -AppIds " + strings.Join(ids[:10], ","), ""},
		"eleven":                  {"Add-HVEAppAccess -Identity adele@contoso.com -AppIds " + strings.Join(ids, ","), "10 are allowed"},
		"the registration's id":   {"Add-HVEAppAccess -Identity adele@contoso.com -AppIds " + w.app.ObjectID, "there is no enterprise application"},
		"an account that is none": {"Add-HVEAppAccess -Identity x@contoso.com -AppIds " + ids[0], "there is no mailbox"},
	} {
		if _, err := w.tenant.Admin(row.script); (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What RBAC for Applications gives an application, told by the cmdlet.
func TestServicePrincipalAuthorization(t *testing.T) {
	w := bare(t)
	w.tenant.AddMailbox("orders@contoso.com")
	w.do(`New-ServicePrincipal -AppId {app} -ObjectId {sp}`)
	w.do(`New-ManagementScope -Name Invoices -RecipientRestrictionFilter "PrimarySmtpAddress -eq 'invoices@contoso.com'"`)
	w.do(`New-ManagementRoleAssignment -App {sp} -Role "Application SMTP.SendAsApp" -CustomResourceScope Invoices`)
	for command, want := range map[string]string{
		"-Identity {sp} -Resource invoices@contoso.com": "True",
		"-Identity {app} -Resource orders@contoso.com":  "False",
		"-Identity {sp}": "Not Run",
	} {
		got, err := w.tenant.Admin(w.fill("(Test-ServicePrincipalAuthorization " + command + ").InScope"))
		if err != nil || strings.TrimSpace(got) != want {
			t.Errorf("%s: %q, %v", command, got, err)
		}
	}
	for command, want := range map[string]string{
		"-Identity x": "no service principal", "-Identity {sp} -Resource x@contoso.com": "no mailbox",
	} {
		if _, err := w.tenant.Admin(w.fill("Test-ServicePrincipalAuthorization " + command)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", command, err)
		}
	}
}

// An application that is registered in another tenant, and that nobody in this
// one has consented to.
// (https://learn.microsoft.com/entra/identity-platform/retire-service-principal-less-authentication)
func TestNoPrincipal(t *testing.T) {
	w := newWorld(t)
	fabrikam := w.AddTenant("fabrikam.com")
	form := w.form()
	if resp, body := w.post(t, "fabrikam.com", form); resp.StatusCode != 401 || !strings.Contains(body, "AADSTS7000229: The client application "+w.app.ClientID+" is missing service principal in the tenant "+fabrikam.ID) {
		t.Error(resp.Status, body)
	}
	if _, err := fabrikam.Admin("New-MgServicePrincipal -AppId " + w.app.ClientID); err != nil {
		t.Fatal(err)
	}
	if resp, body := w.post(t, "fabrikam.com", form); resp.StatusCode != 200 {
		t.Error("after it was made:", body)
	}
	w.AddTenant("litware.example.com")
	w.do("Update-MgApplication -ApplicationId {obj} -SignInAudience AzureADMyOrg")
	if _, body := w.post(t, "litware.example.com", form); !strings.Contains(body, "AADSTS700016") {
		t.Error("of one tenant alone:", body)
	}
}

// A session that is open goes on after its permission was taken; the next is
// not let in.
func TestPermissionTaken(t *testing.T) {
	w := newWorld(t)
	token := w.app.Token(nil)
	c := w.authenticated(t, shared, token)
	w.do("Remove-MailboxPermission -Identity invoices@contoso.com -User {sp} -AccessRights FullAccess -Confirm:$false")
	c.send("A STATUS INBOX (MESSAGES)")
	c.want("* STATUS INBOX (MESSAGES 0) ", "A OK STATUS completed.")
	c = w.authenticated(t, shared, token)
	c.send("A STATUS INBOX (MESSAGES)")
	c.want("A BAD User is authenticated but not connected.")
}
