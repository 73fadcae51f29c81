package diagnose_test

import (
	"cmp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/diagnose"
	"github.com/exoauth/exoauth/exchangetest"
)

// A misconfiguration is one way in which a set-up is wrong. Two of the same
// about cannot be wrong at once.
type misconfiguration struct {
	name    string
	about   string
	kind    kind     // "" is a service
	without []string // roles that the application has not
	apply   func(w *world)
}

func register(objectID func(w *world) string) func(w *world) {
	return func(w *world) {
		do(w.srv.Tenant(), "Remove-ServicePrincipal "+w.app.ClientID+" -Confirm:$false")
		must(w.srv.Tenant().NewServicePrincipal(w.app.ClientID, objectID(w)))
	}
}

// assign lets the application send from one mailbox by a role in Exchange.
func assign(address string) func(w *world) {
	return func(w *world) {
		do(w.srv.Tenant(), `New-ManagementScope -Name one -RecipientRestrictionFilter "PrimarySmtpAddress -eq '`+address+`'"`)
		do(w.srv.Tenant(), "New-ManagementRoleAssignment -App "+w.app.ServicePrincipalID+" -Role 'Application SMTP.SendAsApp' -CustomResourceScope one")
	}
}

func admin(script string) func(w *world) {
	return func(w *world) { do(w.srv.Tenant(), script) }
}

func with(library string, apply func(w *world)) func(w *world) {
	return func(w *world) { w.library = library; apply(w) }
}

var misconfigurations = []misconfiguration{
	// The administrator of Exchange. A role is assigned while the application is
	// registered.
	{name: "role assignment for another mailbox (RBAC for Applications)", about: "roles", without: []string{exchangetest.SMTPSendAsApp}, apply: assign("another@contoso.com")},
	{name: "not registered in Exchange", about: "registration", apply: func(w *world) { do(w.srv.Tenant(), "Remove-ServicePrincipal "+w.app.ClientID+" -Confirm:$false") }},
	{name: "registered with the app registration's object id", about: "registration", apply: register(func(w *world) string { return w.app.ObjectID })},
	{name: "registered with the object id of nothing", about: "registration", apply: register(func(*world) string { return objectID })},
	{name: "no full access", about: "registration", apply: func(w *world) {
		do(w.srv.Tenant(), "Remove-MailboxPermission "+mailbox+" -User "+w.app.ClientID+" -AccessRights FullAccess -Confirm:$false")
	}},
	{name: "IMAP off", about: "IMAP switch", apply: admin("Set-CASMailbox -Identity " + mailbox + " -ImapEnabled $false")},
	{name: "SMTP off for the mailbox", about: "SMTP mailbox switch", apply: admin("Set-CASMailbox -Identity " + mailbox + " -SmtpClientAuthenticationDisabled $true")},
	{name: "SMTP off for the tenant", about: "SMTP tenant switch", apply: admin("Set-TransportConfig -SmtpClientAuthenticationDisabled $true")},

	// The administrator of Entra ID.
	{name: "no IMAP role", about: "roles", without: []string{exchangetest.IMAPAccessAsApp}},
	{name: "no SMTP role", about: "roles", without: []string{exchangetest.SMTPSendAsApp}},
	{name: "no role at all", about: "roles", without: allRoles},

	{name: "application disabled", about: "application", apply: func(w *world) {
		do(w.srv.Tenant(), "Update-MgServicePrincipal -ServicePrincipalId "+w.app.ServicePrincipalID+" -AccountEnabled:$false")
	}},

	// The developer: who asks.
	{name: "secret removed", about: "secret", apply: func(w *world) { w.app.RemoveSecret(w.secret) }},
	{name: "secret expired", about: "secret", apply: func(w *world) { w.app.ExpireSecret(w.secret) }},
	{name: "id of the secret in place of its value", about: "secret", apply: func(w *world) { w.secret = objectID }},
	{name: "secret empty", about: "secret", apply: func(w *world) { w.secret = "" }},
	{name: "secret empty, another library", about: "secret", apply: with("oauth2", func(w *world) { w.secret = "" })},
	{name: "secret with a line end", about: "secret", apply: func(w *world) { w.secret += "\n" }},
	{name: "tenant common", about: "tenant", apply: func(w *world) { w.tenant = "common" }},
	{name: "tenant common, another library", about: "tenant", apply: with("oauth2", func(w *world) { w.tenant = "common" })},
	{name: "tenant unknown", about: "tenant", apply: func(w *world) { w.tenant = "contoso.example.com" }},
	{name: "tenant empty", about: "tenant", apply: func(w *world) { w.tenant = "" }},
	{name: "tenant empty, another library", about: "tenant", apply: with("oauth2", func(w *world) { w.tenant = "" })},
	{name: "tenant of somebody else", about: "tenant", apply: func(w *world) {
		admin("Update-MgApplication -ApplicationId " + w.app.ObjectID + " -SignInAudience AzureADMyOrg")(w)
		w.srv.AddTenant("fabrikam.com")
		w.tenant = "fabrikam.com"
	}},
	{name: "object id in place of the client id", about: "client id", apply: func(w *world) { w.clientID = w.app.ObjectID }},
	{name: "client id with a space", about: "client id", apply: func(w *world) { w.clientID += " " }},
	{name: "client id with a space, another library", about: "client id", apply: with("oauth2", func(w *world) { w.clientID += " " })},

	// The developer: what for.
	{name: "scope of Graph", about: "scope", apply: func(w *world) { w.scopes = []string{"https://graph.microsoft.com/.default"} }},
	{name: "scope of Graph, another library", about: "scope", apply: with("oauth2", func(w *world) { w.scopes = []string{"https://graph.microsoft.com/.default"} })},
	{name: "scope of ps.outlook.com", about: "scope", apply: func(w *world) { w.scopes = []string{"https://ps.outlook.com/.default"} }},
	{name: "scope without .default, another library", about: "scope", apply: with("oauth2", func(w *world) { w.scopes = []string{w.cloud.Resource + "/IMAP.AccessAsApp"} })},
	{name: "two scopes", about: "scope", apply: func(w *world) { w.scopes = []string{w.cloud.AppScope(), "openid"} }},

	// The developer: where.
	{name: "sign-in host with a path", about: "authority", apply: func(w *world) { w.cloud.Authority += "/mail" }},
	{name: "sign-in host in the clear", about: "authority", apply: func(w *world) { w.cloud.Authority = strings.Replace(w.cloud.Authority, "https:", "http:", 1) }},
	{name: "sign-in host with a path, another library", about: "authority", apply: with("oauth2", func(w *world) { w.cloud.Authority += "/mail" })},
	{name: "IMAP without a port", about: "IMAP address", apply: func(w *world) { w.cloud.IMAP = host(w.cloud.IMAP) }},
	{name: "IMAP at port 143", about: "IMAP address", apply: func(w *world) { w.cloud.IMAP = host(w.cloud.IMAP) + ":143" }},
	{name: "IMAP at the SMTP server", about: "IMAP address", apply: func(w *world) { w.cloud.IMAP = w.cloud.SMTP }},
	{name: "SMTP without a port", about: "SMTP address", apply: func(w *world) { w.cloud.SMTP = host(w.cloud.SMTP) }},
	{name: "SMTP at port 465", about: "SMTP address", apply: func(w *world) { w.cloud.SMTP = host(w.cloud.SMTP) + ":465" }},

	// A user who signed in.
	{name: "delegate without full access", about: "full access", kind: delegate, apply: func(w *world) {
		do(w.srv.Tenant(), "Remove-MailboxPermission "+mailbox+" -User "+adele+" -AccessRights FullAccess -Confirm:$false")
	}},
	{name: "delegate without send as", about: "send as", kind: delegate, apply: func(w *world) {
		do(w.srv.Tenant(), "Remove-RecipientPermission "+mailbox+" -Trustee "+adele+" -AccessRights SendAs -Confirm:$false")
	}},
	{name: "IMAP off for the delegate", about: "IMAP switch", kind: delegate, apply: admin("Set-CASMailbox -Identity " + adele + " -ImapEnabled $false")},
	{name: "SMTP off for the delegate", about: "SMTP switch", kind: delegate, apply: admin("Set-CASMailbox -Identity " + adele + " -SmtpClientAuthenticationDisabled $true")},
	{name: "shared mailbox as the SMTP user name", about: "SMTP name", kind: delegate, apply: func(w *world) { w.smtpUsername = mailbox }},
	{name: "delegate as the IMAP user name", about: "IMAP name", kind: delegate, apply: func(w *world) { w.username = adele }},
	{name: "no IMAP scope", about: "scope", kind: delegate, apply: func(w *world) { w.scopes = w.scopes[1:] }},
	{name: "no SMTP scope", about: "scope", kind: delegate, apply: func(w *world) { w.scopes = w.scopes[:1] }},
	{name: "scopes without a resource", about: "scope", kind: delegate, apply: func(w *world) { w.scopes = []string{"IMAP.AccessAsUser.All", "SMTP.Send"} }},

	// A user with a mailbox and a password.
	{name: "user disabled", about: "user", kind: owner, apply: func(w *world) { w.adele.SetState(exchangetest.UserState{Disabled: true}) }},
	{name: "user not assigned", about: "assignment", kind: owner, apply: func(w *world) {
		do(w.srv.Tenant(), "Update-MgServicePrincipal -ServicePrincipalId "+w.app.ServicePrincipalID+" -AppRoleAssignmentRequired")
	}},
	{name: "public client flows off", about: "public", kind: owner, apply: func(w *world) { w.app.SetPublicFlows(false) }},
	{name: "no consent", about: "consent", kind: owner, apply: func(w *world) { w.app.RevokeConsent() }},
	{name: "two resources", about: "scope", kind: owner, apply: func(w *world) {
		w.scopes = append(w.scopes, "https://graph.microsoft.com/Mail.Read")
	}},
	{name: "scopes of another protocol", about: "scope", kind: owner, apply: func(w *world) { w.scopes = w.scopes[1:] }},
	{name: "own tenant not found", about: "tenant", kind: owner, apply: func(w *world) { w.tenant = "fabrikam.example.com" }},
	{name: "own tenant common", about: "tenant", kind: owner, apply: func(w *world) { w.tenant = "common" }},
	{name: "IMAP off for the owner", about: "IMAP switch", kind: owner, apply: admin("Set-CASMailbox -Identity " + adele + " -ImapEnabled $false")},
	{name: "SMTP off for the owner", about: "SMTP switch", kind: owner, apply: admin("Set-CASMailbox -Identity " + adele + " -SmtpClientAuthenticationDisabled $true")},
}

// host is an address without its port.
func host(address string) string {
	name, _, _ := strings.Cut(address, ":")
	return name
}

// build makes a world with all that is wrong in it.
func build(t *testing.T, faults ...misconfiguration) *world {
	return buildIn(t, exoauth.Global, faults...)
}

func buildIn(t *testing.T, cloud exoauth.Cloud, faults ...misconfiguration) *world {
	var missing []string
	for _, f := range faults {
		missing = append(missing, f.without...)
	}
	w := newWorldIn(t, cloud, cmp.Or(faults[0].kind, service), without(missing...))
	for _, f := range faults {
		if f.apply != nil {
			f.apply(w)
		}
	}
	return w
}

const maxRounds = 3

// heal runs the doctor and does what it prints, until the doctor has nothing
// to say and the program gets through.
func heal(t *testing.T, w *world) {
	var report *diagnose.Report
	for round := range maxRounds + 1 {
		report = diagnose.Run(t.Context(), w.check())
		if report.OK() {
			if round == 0 {
				t.Error("the doctor finds nothing wrong")
			}
			if err := w.connect(t.Context()); err != nil {
				t.Errorf("the doctor is content, and the program says: %v", err)
			}
			return
		}
		t.Logf("round %d: %v", round+1, w.cure(t, report))
	}
	for _, s := range report.Steps {
		t.Logf("%s %s: %s %v", s.Name, s.Status, s.Seen, names(s.Findings))
	}
	t.Error("not cured")
}

func TestLoop(t *testing.T) {
	var all cases
	for _, m := range misconfigurations {
		all = append(all, aCase{m.name, func(t *testing.T) { heal(t, build(t, m)) }})
	}
	t.Logf("cured by the printed commands: %d of %d", all.run(t), len(all))
}

// The commands and the settings are those of the cloud.
func TestLoopClouds(t *testing.T) {
	var all cases
	for name, cloud := range map[string]exoauth.Cloud{"GCC High": exoauth.GCCHigh, "China": exoauth.China} {
		for _, m := range misconfigurations {
			all = append(all, aCase{name + ", " + m.name, func(t *testing.T) { heal(t, buildIn(t, cloud, m)) }})
		}
	}
	t.Logf("cured by the printed commands in other clouds: %d of %d", all.run(t), len(all))
}

// cases run side by side, since each has a server of its own.
type cases []aCase

type aCase struct {
	name string
	run  func(t *testing.T)
}

// run returns how many passed.
func (c cases) run(t *testing.T) int {
	var passed atomic.Int64
	t.Run("all", func(t *testing.T) {
		for _, one := range c {
			t.Run(one.name, func(t *testing.T) {
				t.Parallel()
				one.run(t)
				if !t.Failed() {
					passed.Add(1)
				}
			})
		}
	})
	return int(passed.Load())
}

// Commands that have run already do no harm.
func TestLoopTwice(t *testing.T) {
	var all cases
	for _, m := range misconfigurations {
		all = append(all, aCase{m.name, func(t *testing.T) {
			w := build(t, m)
			w.again = func(err error) { t.Errorf("the second time: %v", err) }
			heal(t, w)
		}})
	}
	t.Logf("cured by the printed commands, typed twice: %d of %d", all.run(t), len(all))
}

func TestLoopPairs(t *testing.T) {
	var all cases
	candidates := 0
	for i, a := range misconfigurations {
		for _, b := range misconfigurations[i+1:] {
			if a.about == b.about || a.kind != b.kind {
				continue
			}
			if candidates++; candidates%everyPair == 0 {
				all = append(all, aCase{a.name + " and " + b.name, func(t *testing.T) { heal(t, build(t, a, b)) }})
			}
		}
	}
	t.Logf("cured by the printed commands: %d of %d pairs", all.run(t), len(all))
}
