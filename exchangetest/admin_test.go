package exchangetest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

// fill puts what a test has made in the place of {…} in a script.
func (w *world) fill(text string) string {
	return strings.NewReplacer(
		"{app}", w.app.ClientID, "{obj}", w.app.ObjectID, "{sp}", w.app.ServicePrincipalID,
		"{exo}", guid.Of(w.tenant.ID+resource.ExchangeAppID), "{imap}", resource.ID(IMAPAccessAsApp), "{smtp}", resource.ID(SMTPSendAsApp),
	).Replace(text)
}

func (w *world) admin(t testing.TB, script string) string {
	t.Helper()
	out, err := w.tenant.Admin(w.fill(script))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// do is admin where there is no test at hand.
func (w *world) do(script string) {
	_, err := w.tenant.Admin(w.fill(script))
	must(err)
}

// bare is a world in which no administrator has done anything yet.
func bare(t testing.TB) *world {
	t.Helper()
	s := NewServer()
	t.Cleanup(s.Close)
	w := &world{Server: s, tenant: s.Tenant()}
	w.app = w.tenant.AddApp("Invoices")
	w.mailbox = w.tenant.AddMailbox(shared)
	w.tenant.AddUser("adele@contoso.com")
	return w
}

// Everything that the README tells an administrator to type.
func TestAdminTheWholeWay(t *testing.T) {
	w := bare(t)
	w.admin(t, "Set-TransportConfig -SmtpClientAuthenticationDisabled $true")
	w.admin(t, `
Connect-MgGraph -Scopes Application.Read.All,AppRoleAssignment.ReadWrite.All
$sp = Get-MgServicePrincipal -Filter "AppId eq '{app}'"
$exo = Get-MgServicePrincipal -Filter "DisplayName eq 'Office 365 Exchange Online'"
$exo.AppRoles | Where-Object { $_.Value -eq 'IMAP.AccessAsApp' -or $_.Value -eq 'SMTP.SendAsApp' } | ForEach-Object {
  New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $sp.Id -PrincipalId $sp.Id -ResourceId $exo.Id -AppRoleId $_.Id
}
Connect-ExchangeOnline
New-ServicePrincipal    -AppId $sp.AppId -ObjectId $sp.Id
Add-MailboxPermission   -Identity invoices@contoso.com -User    $sp.Id -AccessRights FullAccess
Add-RecipientPermission -Identity invoices@contoso.com -Trustee $sp.Id -AccessRights SendAs -Confirm:$false
Set-CASMailbox invoices@contoso.com -ImapEnabled $true                       # where IMAP is off
Set-CASMailbox invoices@contoso.com -SmtpClientAuthenticationDisabled $false # needed to send, with OAuth too
`)
	c := w.authenticated(t, shared, w.app.Token(nil))
	c.send("B NAMESPACE")
	c.want(`* NAMESPACE (("" "/")) NIL NIL`)
	s := w.dialSMTP(t)
	s.send("AUTH XOAUTH2 " + xoauth2IR(shared, w.app.Token(nil)))
	s.want("235 2.7.0 Authentication successful")
}

// What each line changes, and that its opposite changes it back.
func TestAdminChanges(t *testing.T) {
	w := bare(t)
	mailbox, user, adele := w.mailbox.in, w.user("adele@contoso.com"), "adele@contoso.com"
	full := func(who string) bool { return mailbox.Has(directory.FullAccess, who) }
	sendAs := func(who string) bool { return mailbox.Has(directory.SendAs, who) }
	app, tenant := w.app.in, w.tenant.in
	policy := func() directory.Policy { return w.dir.PolicyOf("Adele@contoso.com") }
	for _, step := range []struct {
		script string
		done   func() bool
	}{
		{"New-ServicePrincipal -AppId {app} -ServiceId {sp}", func() bool { return tenant.ServicePrincipals()[0].AppID == w.app.ClientID }},
		{"Add-MailboxPermission invoices@contoso.com -User {app} -AccessRights FullAccess -InheritanceType All -AutoMapping $false -Confirm:$false", func() bool { return full(w.app.ServicePrincipalID) }},
		{"Remove-MailboxPermission invoices@contoso.com -User {sp} -AccessRights FullAccess -Confirm:$false", func() bool { return len(mailbox.Holders(directory.FullAccess)) == 0 }},
		{"Add-MailboxPermission invoices@contoso.com -User {sp} -AccessRights ReadPermission", func() bool { return len(mailbox.Holders(directory.FullAccess)) == 0 }},
		{"Add-MailboxPermission invoices@contoso.com -User adele@contoso.com -AccessRights ReadPermission,FullAccess", func() bool { return full(adele) }},
		{"Add-RecipientPermission invoices@contoso.com -Trustee adele@contoso.com -AccessRights SendAs -Confirm:$false", func() bool { return sendAs(adele) }},
		{"Remove-RecipientPermission invoices@contoso.com -Trustee adele@contoso.com -AccessRights SendAs -Confirm:$false", func() bool { return len(mailbox.Holders(directory.SendAs)) == 0 }},
		{"Set-CASMailbox invoices@contoso.com -ImapEnabled $false -PopEnabled $false", func() bool {
			return !*mailbox.CAS().IMAP && !*mailbox.CAS().POP && mailbox.CAS().SMTPDisabled == nil
		}},
		{"Set-CASMailbox invoices@contoso.com -SmtpClientAuthenticationDisabled $true", func() bool {
			return !*mailbox.CAS().IMAP && *mailbox.CAS().SMTPDisabled
		}},
		{"Set-CASMailbox invoices@contoso.com -SmtpClientAuthenticationDisabled $null", func() bool { return mailbox.CAS().SMTPDisabled == nil }},
		{"Set-TransportConfig -SmtpClientAuthenticationDisabled $true", func() bool { return tenant.State().SMTPDisabled }},
		{"Set-TransportConfig -SmtpClientAuthenticationDisabled $false", func() bool { return !tenant.State().SMTPDisabled }},
		{"New-ManagementScope -Name s -RecipientRestrictionFilter \"Alias -eq 'invoices'\"", func() bool { return strings.Contains(w.dir.String(), "scope s Alias") }},
		{"New-ManagementRoleAssignment -App {sp} -Role 'Application SMTP.SendAsApp' -CustomResourceScope s -Name n", func() bool { return tenant.RoleAssignments()[0].Scope == "s" }},
		{"Remove-ManagementRoleAssignment n -Confirm:$false", func() bool { return len(tenant.RoleAssignments()) == 0 }},
		{"New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId {sp} -BodyParameter @{ principalId = '{sp}'; resourceId = '{exo}'; appRoleId = '{imap}' }", func() bool { return slices.Equal(app.Roles(), []string{IMAPAccessAsApp}) }},
		{"$r = Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId {sp}\nRemove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId {sp} -AppRoleAssignmentId $r.Id", func() bool { return len(app.Roles()) == 0 }},
		{"az ad app permission add --id {app} --api " + resource.ExchangeAppID + " --api-permissions {imap}=Role {smtp}=Role", func() bool { return len(app.Roles()) == 0 }},
		{"az ad app permission admin-consent --id {app}", func() bool { return slices.Equal(app.Roles(), []string{IMAPAccessAsApp, SMTPSendAsApp}) }},
		{"New-MgOauth2PermissionGrant -ClientId {sp} -ConsentType AllPrincipals -ResourceId {exo} -Scope 'IMAP.AccessAsUser.All SMTP.Send'", func() bool { return slices.Contains(app.Grants()[""], "smtp.send") }},
		{"New-MgOauth2PermissionGrant -ClientId {sp} -ConsentType Principal -PrincipalId " + user.ObjectID + " -ResourceId {exo} -Scope SMTP.Send", func() bool { return slices.Contains(app.Grants()[user.ObjectID], "smtp.send") }},
		{"Update-MgUser -UserId adele@contoso.com -AccountEnabled:$false", func() bool { return user.in.State().Disabled }},
		{"Update-MgUser -UserId adele@contoso.com -AccountEnabled -PasswordProfile @{ Password = 'new' }", func() bool { return !user.in.State().Disabled && user.in.CheckPassword("new", true) == nil }},
		{"az ad user update --id adele@contoso.com --account-enabled false", func() bool { return user.in.State().Disabled }},
		{"Revoke-MgUserSignInSession -UserId adele@contoso.com", func() bool { return ended(user) }},
		{"Update-MgApplication -ApplicationId {obj} -IsFallbackPublicClient -PublicClient @{ RedirectUris = 'http://localhost','https://contoso.com/a' }", func() bool { return app.State().PublicFlows && redirects(app, "https://contoso.com/a") }},
		{"az ad app update --id {app} --is-fallback-public-client false --public-client-redirect-uris http://localhost", func() bool {
			return !app.State().PublicFlows && redirects(app, "http://localhost") && !redirects(app, "https://contoso.com/a")
		}},
		{"Update-MgServicePrincipal -ServicePrincipalId {sp} -AccountEnabled:$false", func() bool { return app.State().Disabled }},
		{"Update-MgServicePrincipal -ServicePrincipalId {sp} -AppRoleAssignmentRequired", func() bool { return !app.Admits(user.in) }},
		{"New-MgUserAppRoleAssignment -UserId adele@contoso.com -PrincipalId " + user.ObjectID + " -ResourceId {sp} -AppRoleId " + defaultRole, func() bool { return app.Admits(user.in) }},
		{"Update-MgServicePrincipal -ServicePrincipalId {sp} -AppRoleAssignmentRequired:$false", func() bool { return !app.State().AssignmentRequired }},
		{"Update-MgApplication -ApplicationId {obj} -SignInAudience AzureADMyOrg", func() bool { return app.State().SingleTenant }},
		{"az ad app update --id {app} --sign-in-audience AzureADMultipleOrgs", func() bool { return !app.State().SingleTenant }},
		{"Update-MgPolicyIdentitySecurityDefaultEnforcementPolicy -IsEnabled", func() bool { return tenant.State().SecurityDefaults }},
		{"Update-MgPolicyIdentitySecurityDefaultEnforcementPolicy -IsEnabled:$false", func() bool { return !tenant.State().SecurityDefaults }},
		{"New-MgApplicationFederatedIdentityCredential -ApplicationId {obj} -Name f -Issuer https://i.example.com -Subject s -Audiences @('api://AzureADTokenExchange')", func() bool { return app.Federated()[0].Audience == resource.FederatedAudience }},
		{`az ad app federated-credential create --id {app} --parameters '{"issuer":"https://i.example.com","subject":"t","audiences":["a"]}'`, func() bool { return app.Federated()[1].Audience == "a" }},
		{"New-ManagementRoleAssignment -App {sp} -Role 'Application SMTP.SendAsApp'", func() bool { return len(tenant.RoleAssignments()) == 1 }},
		{"New-AuthenticationPolicy -Name Basic -AllowBasicAuthSmtp", func() bool {
			return tenant.Policies()[0] == directory.Policy{Name: "Basic", SMTP: true}
		}},
		{"Set-AuthenticationPolicy BASIC -AllowBasicAuthImap -AllowBasicAuthPop:$true", func() bool {
			return tenant.Policies()[0] == directory.Policy{Name: "Basic", IMAP: true, POP: true, SMTP: true}
		}},
		{"Set-AuthenticationPolicy BASIC -AllowBasicAuthSmtp:$false", func() bool {
			return tenant.Policies()[0] == directory.Policy{Name: "Basic", IMAP: true, POP: true}
		}},
		{"Set-User adele@contoso.com -AuthenticationPolicy basic", func() bool { return policy().IMAP }},
		{"Set-User adele@contoso.com -AuthenticationPolicy $null", func() bool { return !policy().IMAP }},
		{"Set-OrganizationConfig -DefaultAuthenticationPolicy Basic", func() bool { return policy().IMAP }},
		{"New-AuthenticationPolicy None; Set-User adele@contoso.com -AuthenticationPolicy None", func() bool { return !policy().IMAP }},
		{"Set-User adele@contoso.com -AuthenticationPolicy Basic; Remove-AuthenticationPolicy Basic -Confirm:$false", func() bool {
			return policy() == directory.Policy{} && len(tenant.Policies()) == 1
		}},
		{"Remove-ServicePrincipal {app} -Confirm:$false", func() bool { return len(tenant.ServicePrincipals()) == 0 && len(tenant.RoleAssignments()) == 0 }},
	} {
		w.admin(t, step.script)
		if !step.done() {
			t.Fatalf("without effect: %s", step.script)
		}
	}
}

func ended(u *User) bool {
	revoked, _ := u.in.Ended(time.Now().Add(-time.Hour))
	return revoked
}

func redirects(a *directory.App, uri string) bool {
	_, _, refusal := a.Redirect(uri)
	return refusal == nil
}

// user returns a user of the directory as the public package has it.
func (w *world) user(upn string) *User {
	u := w.tenant.in.User(upn)
	return &User{UPN: u.UPN, ObjectID: u.ObjectID, Password: u.Password, Mailbox: &Mailbox{u.UPN, w.Server, u.Mailbox}, in: u}
}

func TestAdminSecrets(t *testing.T) {
	w := bare(t)
	added := strings.TrimSpace(w.admin(t, "(Add-MgApplicationPassword -ApplicationId {obj} -PasswordCredential @{ displayName = 'x'; endDateTime = '2099-01-31' }).SecretText"))
	if !w.accepts(t, added) || !w.accepts(t, w.app.Secret) {
		t.Error("a secret that was added, or the one before it, is refused")
	}
	reset := strings.TrimSpace(w.admin(t, "az ad app credential reset --id {app} --query password -o tsv"))
	if !w.accepts(t, reset) || w.accepts(t, added) {
		t.Error("a reset does not leave exactly the new secret")
	}
	both := strings.TrimSpace(w.admin(t, "az ad app credential reset --id {app} --append --years 2 --query password -o tsv"))
	if !w.accepts(t, reset) || !w.accepts(t, both) {
		t.Error("a reset that appends does not leave both secrets")
	}
	w.admin(t, "$p = Add-MgApplicationPassword -ApplicationId {obj}\nRemove-MgApplicationPassword -ApplicationId {obj} -KeyId $p.KeyId")
	w.app.in.ChangeSecrets(func(list []directory.Secret) ([]directory.Secret, error) {
		if len(list) != 2 {
			t.Errorf("%d secrets, want 2", len(list))
		}
		return list, nil
	})
}

func (w *world) accepts(t testing.TB, secret string) bool {
	t.Helper()
	form := w.form()
	form.Set("client_secret", secret)
	resp, _ := w.post(t, w.tenant.ID, form)
	return resp.StatusCode == 200
}

func TestAdminOutput(t *testing.T) {
	w := bare(t)
	w.admin(t, "New-ServicePrincipal -AppId {app} -ObjectId {sp}; Add-MailboxPermission invoices@contoso.com -User {sp} -AccessRights FullAccess")
	for script, want := range map[string]string{
		"Get-MailboxPermission invoices@contoso.com | ? User -like \"*{sp}*\" | fl User, AccessRights": "User         : {sp}\nAccessRights : FullAccess\n",
		"(Get-MailboxPermission invoices@contoso.com).User":                                            "NT AUTHORITY\\SELF\n{sp}\n",
		"Get-RecipientPermission invoices@contoso.com -Trustee {sp}":                                   "",
		"Get-CASMailbox invoices@contoso.com | fl SmtpClientAuthenticationDisabled,ImapEnabled":        "SmtpClientAuthenticationDisabled : \nImapEnabled                      : True\n",
		"(Get-ServicePrincipal {app}).ObjectId":                                                        "{sp}\n",
		"Get-TransportConfig":                                                                          "SmtpClientAuthenticationDisabled : False\n",
		"az ad sp show --id {app} --query id -o tsv":                                                   "{sp}\n",
		"az ad app show --id {app} --query id":                                                         "{obj}\n",
		"(Get-MgApplication -Filter \"AppId eq '{app}'\").Id":                                          "{obj}\n",
		"(Get-Mailbox adele@contoso.com).RecipientTypeDetails":                                         "UserMailbox\n",
		"(Get-MgUser -UserId adele@contoso.com).AccountEnabled":                                        "True\n",
		"(New-Mailbox -Shared -Name 'Front Desk').PrimarySmtpAddress":                                  "FrontDesk@contoso.onmicrosoft.com\n",
		"(New-Mailbox -Shared -Name Desk -Alias desk).PrimarySmtpAddress":                              "desk@contoso.onmicrosoft.com\n",
		"(New-Mailbox -Shared -Name x -PrimarySmtpAddress help@contoso.com).RecipientTypeDetails":      "SharedMailbox\n",
		"(New-MgUser -UserPrincipalName bob@contoso.com -DisplayName Bob -MailNickname bob -AccountEnabled -PasswordProfile @{ Password = 'x' }).AccountEnabled": "True\n",
		"(Get-Command | ? Name -eq New-Mailbox).Name": "New-Mailbox\n",
	} {
		if got := w.admin(t, script); got != w.fill(want) {
			t.Errorf("%s\n got %q\nwant %q", script, got, w.fill(want))
		}
	}
}

func TestAdminErrors(t *testing.T) {
	w := bare(t)
	for name, test := range map[string]struct{ script, want string }{
		"mailbox of a user":         {"New-Mailbox -Name x", "line 1: New-Mailbox: the parameter -Shared is missing"},
		"mailbox, twice":            {"New-Mailbox -Shared -Name x -PrimarySmtpAddress invoices@contoso.com", `line 1: New-Mailbox: there is a mailbox "invoices@contoso.com" already`},
		"user elsewhere":            {"New-MgUser -UserPrincipalName bob@example.com -DisplayName Bob -MailNickname bob -AccountEnabled -PasswordProfile @{ Password = 'x' }", `line 1: New-MgUser: "bob@example.com" is not an address in contoso.onmicrosoft.com or contoso.com`},
		"user without a password":   {"New-MgUser -UserPrincipalName bob@contoso.com -DisplayName Bob -MailNickname bob -AccountEnabled -PasswordProfile @{}", "line 1: New-MgUser: -PasswordProfile: it has no Password"},
		"unknown cmdlet":            {"\nSet-Mailbox x", "line 2: Set-Mailbox: there is no such command here"},
		"unknown parameter":         {"Set-CASMailbox invoices@contoso.com -OwaEnabled $true", "line 1: Set-CASMailbox: there is no parameter -OwaEnabled"},
		"placeholder":               {"New-ServicePrincipal -AppId <application id>", `line 1: a placeholder was not filled in: "<application id>"`},
		"unknown mailbox":           {"Set-CASMailbox x@contoso.com -ImapEnabled $true", `line 1: Set-CASMailbox: there is no mailbox "x@contoso.com" in contoso.onmicrosoft.com`},
		"principal not registered":  {"Add-MailboxPermission invoices@contoso.com -User {sp} -AccessRights FullAccess", `line 1: Add-MailboxPermission: there is no user or service principal "{sp}"; a service principal must be made with New-ServicePrincipal first`},
		"unknown right":             {"Add-MailboxPermission invoices@contoso.com -User adele@contoso.com -AccessRights All", `line 1: Add-MailboxPermission: -AccessRights takes FullAccess, ReadPermission, ChangePermission, ChangeOwner, DeleteItem, ExternalAccount, not "All"`},
		"not SendAs":                {"Add-RecipientPermission invoices@contoso.com -Trustee adele@contoso.com -AccessRights FullAccess -Confirm:$false", `line 1: Add-RecipientPermission: -AccessRights takes SendAs, not "FullAccess"`},
		"scope's filter":            {"New-ManagementScope x -RecipientRestrictionFilter 'Alias -eq'", `line 1: New-ManagementScope: the filter "Alias -eq": unexpected ""`},
		"assignment, unregistered":  {"New-ManagementRoleAssignment -App {sp} -Role 'Application SMTP.SendAsApp'", `line 1: New-ManagementRoleAssignment: there is no service principal "{sp}"; make it with New-ServicePrincipal first`},
		"filter of Graph":           {"Get-MgServicePrincipal -Filter \"appOwner eq 'x'\"", `line 1: Get-MgServicePrincipal: -Filter takes "AppId eq '…'", "DisplayName eq '…'" or "ClientId eq '…'" here, not "appOwner eq 'x'"`},
		"registration's id":         {"Update-MgServicePrincipal -ServicePrincipalId {obj} -AccountEnabled", `line 1: Update-MgServicePrincipal: -ServicePrincipalId: there is none with the object id "{obj}"`},
		"role of another resource":  {"New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId {sp} -PrincipalId {sp} -ResourceId {sp} -AppRoleId {imap}", `line 1: New-MgServicePrincipalAppRoleAssignment: -ResourceId: "{sp}" is not the object id of Office 365 Exchange Online in this tenant`},
		"unknown role":              {"New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId {sp} -PrincipalId {sp} -ResourceId {exo} -AppRoleId {sp}", `line 1: New-MgServicePrincipalAppRoleAssignment: -AppRoleId: Office 365 Exchange Online has no app role with the id "{sp}" here`},
		"unknown user":              {"Update-MgUser -UserId x@contoso.com -AccountEnabled", `line 1: Update-MgUser: there is no user "x@contoso.com" in contoso.onmicrosoft.com`},
		"assignment, another user":  {"New-MgUserAppRoleAssignment -UserId adele@contoso.com -PrincipalId {sp} -ResourceId {sp} -AppRoleId " + defaultRole, "line 1: New-MgUserAppRoleAssignment: -PrincipalId is not the object id of the user, " + w.user("adele@contoso.com").ObjectID},
		"assignment, a role":        {"New-MgUserAppRoleAssignment -UserId adele@contoso.com -PrincipalId " + w.user("adele@contoso.com").ObjectID + " -ResourceId {sp} -AppRoleId {imap}", "line 1: New-MgUserAppRoleAssignment: -AppRoleId: the application has no roles for users; it takes " + defaultRole},
		"assignment, registration":  {"New-MgUserAppRoleAssignment -UserId adele@contoso.com -PrincipalId " + w.user("adele@contoso.com").ObjectID + " -ResourceId {obj} -AppRoleId " + defaultRole, `line 1: New-MgUserAppRoleAssignment: -ResourceId: there is none with the object id "{obj}"`},
		"audience":                  {"az ad app update --id {app} --sign-in-audience Everybody", `line 1: az: ad app update: the sign-in audience is AzureADMyOrg, AzureADMultipleOrgs or AzureADandPersonalMicrosoftAccount, not "Everybody"`},
		"date":                      {"Add-MgApplicationPassword -ApplicationId {obj} -PasswordCredential @{ endDateTime = 'soon' }", `line 1: Add-MgApplicationPassword: EndDateTime takes a date such as 2027-01-31, not "soon"`},
		"policy, twice":             {"New-AuthenticationPolicy a; New-AuthenticationPolicy A", `line 1: New-AuthenticationPolicy: there is an authentication policy "a" already`},
		"policy of nobody":          {"Set-AuthenticationPolicy x -AllowBasicAuthImap", `line 1: Set-AuthenticationPolicy: there is no authentication policy "x"; make it with New-AuthenticationPolicy`},
		"policy, Get":               {"Get-AuthenticationPolicy x", `line 1: Get-AuthenticationPolicy: there is no authentication policy "x"; make it with New-AuthenticationPolicy`},
		"policy, Remove":            {"Remove-AuthenticationPolicy x -Confirm:$false", `line 1: Remove-AuthenticationPolicy: there is no authentication policy "x"; make it with New-AuthenticationPolicy`},
		"policy of no user":         {"Set-User x@contoso.com -AuthenticationPolicy x", `line 1: Set-User: there is no user "x@contoso.com" in contoso.onmicrosoft.com`},
		"user's unknown policy":     {"Set-User adele@contoso.com -AuthenticationPolicy x", `line 1: Set-User: there is no authentication policy "x"; make it with New-AuthenticationPolicy`},
		"default, unknown":          {"Set-OrganizationConfig -DefaultAuthenticationPolicy x", `line 1: Set-OrganizationConfig: there is no authentication policy "x"; make it with New-AuthenticationPolicy`},
		"user, nothing to set":      {"Set-User adele@contoso.com", "line 1: Set-User: the parameter -AuthenticationPolicy is missing"},
		"policy's switch, a text":   {"New-AuthenticationPolicy x -AllowBasicAuthImap:yes", `line 1: New-AuthenticationPolicy: -AllowBasicAuthImap takes $true or $false, not "yes"`},
		"unknown az":                {"az vm list", `line 1: az: there is no command "vm list" here`},
		"az, unknown option":        {"az ad app show --id {app} --all", "line 1: az: ad app show: there is no option --all"},
		"az, secret after a typo":   {"az ad user update --id adele@contoso.com --pasword=hunter2", "line 1: az: ad user update: there is no option --pasword"},
		"az, quoted after a typo":   {"az ad user update --id adele@contoso.com '--pasword=hunter2'", "line 1: az: ad user update: there is no option --pasword"},
		"password that is no table": {"Update-MgUser -UserId adele@contoso.com -PasswordProfile hunter2", "line 1: Update-MgUser: -PasswordProfile takes a hash table, @{…}"},
		"password without a name":   {"Update-MgUser adele@contoso.com hunter2", "line 1: Update-MgUser: no parameter takes value 2; name the one that is meant"},
		"az, without a value":       {"az ad app show --id", "line 1: az: ad app show: the option --id has no value"},
		"az, without an id":         {"az ad app show", "line 1: az: ad app show: the option --id is missing"},
		"az, unknown app":           {"az ad app show --id x", `line 1: az: ad app show: there is no application "x" in contoso.onmicrosoft.com`},
		"az, not a permission":      {"az ad app permission add --id {app} --api " + resource.ExchangeAppID + " --api-permissions x=Role", `line 1: az: ad app permission add: --api-permissions: "x=Role" is no app role of Office 365 Exchange Online here; it takes <id>=Role`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.tenant.Admin(w.fill(test.script))
			typed, ok := errors.AsType[*AdminError](err)
			if !ok || err.Error() != "exchangetest: Admin: "+w.fill(test.want) {
				t.Errorf("%v\nwant exchangetest: Admin: %s", err, w.fill(test.want))
			} else if typed.Unwrap() == nil {
				t.Error("it unwraps to nothing")
			}
		})
	}
}

// RBAC for Applications: a token without SMTP.SendAsApp, and the mailboxes of a
// scope alone.
func TestApplicationRBAC(t *testing.T) {
	w := bare(t)
	w.tenant.AddMailbox("orders@contoso.com")
	w.admin(t, `New-ServicePrincipal -AppId {app} -ObjectId {sp}
New-ManagementScope -Name "Invoices" -RecipientRestrictionFilter "PrimarySmtpAddress -eq 'invoices@contoso.com'"
New-ManagementRoleAssignment -App {sp} -Role "Application SMTP.SendAsApp" -CustomResourceScope "Invoices"`)
	auth := func(user, token string) string {
		c := w.dialSMTP(t)
		c.send("AUTH XOAUTH2 " + xoauth2IR(user, token))
		return c.read()[:3]
	}
	none, both := w.app.Token(nil), w.app.Token(&TokenOptions{Roles: []string{SMTPSendAsApp}})
	if got := auth(shared, none); got != "235" {
		t.Errorf("in the scope: %s", got)
	}
	if got := w.lastSession(t).Reason; got != "" {
		t.Errorf("in the scope: %s", got)
	}
	if got := auth("orders@contoso.com", none); got != "535" {
		t.Errorf("out of the scope: %s", got)
	}
	auth(shared, both)
	if got := w.lastSession(t).Reason; !strings.Contains(got, "no FullAccess") {
		t.Errorf("with the role in the token the mailbox's permission counts: %q", got)
	}
}
