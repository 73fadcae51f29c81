package main

import (
	"context"
	"time"

	"github.com/exoauth/exoauth/diagnose"
	"github.com/exoauth/exoauth/exchangetest"
	"github.com/exoauth/exoauth/tokensource"
)

// A demo is an Exchange Online on this machine, with what a fault may change.
type demo struct {
	server *exchangetest.Server
	tenant *exchangetest.Tenant
	app    *exchangetest.App
	roles  []string
	config tokensource.Config
	check  *diagnose.Check
}

const demoMailbox = "invoices@contoso.com"

// A fault is a way to break the demo. Roles are set before the application is
// made, the rest after.
type fault struct {
	what  string
	roles []string // nil is all that mail needs
	apply func(d *demo)
}

func command(text string) func(*demo) {
	return func(d *demo) { do(d.tenant, text) }
}

// do has an administrator of the tenant run a script.
func do(tenant *exchangetest.Tenant, script string) {
	_, err := tenant.Admin(script)
	must(err)
}

var faults = map[string]fault{
	"not-registered": {what: "the application is not known to Exchange", apply: func(d *demo) {
		do(d.tenant, "Remove-ServicePrincipal "+d.app.ClientID+" -Confirm:$false")
	}},
	"wrong-object-id": {what: "the application is registered with the app registration's object id", apply: func(d *demo) {
		do(d.tenant, "Remove-ServicePrincipal "+d.app.ClientID+" -Confirm:$false")
		must(d.tenant.NewServicePrincipal(d.app.ClientID, d.app.ObjectID))
	}},
	"no-access": {what: "the application has no access to the mailbox", apply: func(d *demo) {
		do(d.tenant, "Remove-MailboxPermission "+demoMailbox+" -User "+d.app.ClientID+" -AccessRights FullAccess -Confirm:$false")
	}},
	"imap-off":        {what: "IMAP is switched off for the mailbox", apply: command("Set-CASMailbox " + demoMailbox + " -ImapEnabled $false")},
	"smtp-off":        {what: "SMTP AUTH is switched off for the mailbox", apply: command("Set-CASMailbox " + demoMailbox + " -SmtpClientAuthenticationDisabled $true")},
	"smtp-off-tenant": {what: "SMTP AUTH is switched off for the tenant", apply: command("Set-TransportConfig -SmtpClientAuthenticationDisabled $true")},
	"no-role":         {what: "the application has no permission IMAP.AccessAsApp in Entra ID", roles: []string{exchangetest.SMTPSendAsApp}},
	"wrong-secret":    {what: "the client secret is wrong", apply: func(d *demo) { d.config.Credential = tokensource.Secret("not-the-secret") }},
	"expired-secret":  {what: "the client secret has expired", apply: func(d *demo) { d.app.ExpireSecret(d.app.Secret) }},
	"wrong-tenant":    {what: "the tenant does not exist", apply: func(d *demo) { d.config.Tenant = "fabrikam.example.com" }},
	"common":          {what: "the tenant is set to common", apply: func(d *demo) { d.config.Tenant = "common" }},
	"graph-token": {what: "the token is for Microsoft Graph", apply: func(d *demo) {
		d.issue(exchangetest.TokenOptions{Audience: "https://graph.microsoft.com", Lifetime: time.Hour})
	}},
	"expired-token": {what: "the token has expired", apply: func(d *demo) {
		d.issue(exchangetest.TokenOptions{Lifetime: -time.Hour})
	}},
	"smtp-user": {what: "the SMTP user name is that of the shared mailbox", apply: func(d *demo) {
		adele := d.tenant.AddUser("adele@contoso.com")
		must(d.tenant.AddMailboxPermission(demoMailbox, adele.UPN))
		d.check.SMTPUsername = demoMailbox
		d.issue(exchangetest.TokenOptions{User: adele, Lifetime: time.Hour})
	}},
	"imap-port": {what: "IMAP is looked for at the port of SMTP", apply: func(d *demo) { d.check.Cloud.IMAP = d.check.Cloud.SMTP }},
}

// issue has the token come from somewhere else.
func (d *demo) issue(o exchangetest.TokenOptions) {
	d.check.TokenSource = tokensource.Func(func(context.Context) (string, time.Time, error) {
		return d.app.Token(&o), time.Now().Add(time.Hour), nil
	})
}

// startDemo starts an Exchange Online with the fault that the settings ask
// for, and points check at it. The names of the hosts are those of production.
func startDemo(s *options, check *diagnose.Check) *exchangetest.Server {
	broken := faults[s.fault]
	d := &demo{server: exchangetest.NewServer(), check: check, roles: broken.roles}
	if d.roles == nil {
		d.roles = []string{exchangetest.IMAPAccessAsApp, exchangetest.SMTPSendAsApp}
	}
	d.tenant = d.server.Tenant()
	d.app = d.tenant.AddApp("Invoices", d.roles...)
	d.tenant.AddMailbox(demoMailbox)
	d.tenant.Grant(d.app, demoMailbox)

	check.Mailbox, check.Send = demoMailbox, true
	check.TLSConfig, check.HTTPClient, check.DialContext = d.server.TLSConfig(), d.server.HTTPClient(), d.server.DialContext
	check.TokenSource = nil
	d.config = tokensource.Config{
		Tenant: "contoso.onmicrosoft.com", ClientID: d.app.ClientID,
		Credential: tokensource.Secret(d.app.Secret), HTTPClient: d.server.HTTPClient(),
	}
	if broken.apply != nil {
		broken.apply(d)
	}
	check.Tenant, check.ClientID = d.config.Tenant, d.config.ClientID
	if check.TokenSource == nil {
		check.TokenSource = d.config.ClientCredentials()
	}
	return d.server
}

// must is for what fails only if this program is wrong.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
