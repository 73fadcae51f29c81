package admin

import (
	"strings"
	"testing"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest/internal/clock"
	"github.com/exoauth/exoauth/exchangetest/internal/clouds"
	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

// An organization has something of everything.
type organization struct {
	*directory.Directory
	clock *clock.Clock
	app   *directory.App
	user  *directory.User
}

func newOrganization(t testing.TB) *organization {
	t.Helper()
	c := clock.New()
	o := &organization{Directory: directory.New(c, "contoso.com"), clock: c}
	home := o.Home
	o.app = home.AddApp("Invoices", resource.IMAP.Role)
	other := home.AddApp("Orders")
	var err error
	if o.user, err = home.AddUser("adele@contoso.com"); err != nil {
		t.Fatal(err)
	}
	if _, err = home.AddMailbox("invoices@contoso.com"); err != nil {
		t.Fatal(err)
	}
	o.app.Consent(nil, []string{resource.SMTP.Scope})
	for _, a := range []*directory.App{o.app, other} {
		if err := home.AddServicePrincipal(a.ClientID, a.ServicePrincipalID); err != nil {
			t.Fatal(err)
		}
	}
	if err := home.Permit(directory.FullAccess, "invoices@contoso.com", o.app.ServicePrincipalID, true); err != nil {
		t.Fatal(err)
	}
	if err := home.AddPolicy(directory.Policy{Name: "Basic", SMTP: true}); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *organization) run(script string) error {
	_, err := Run(o.Home, o.clock, strings.NewReplacer("{app}", o.app.ClientID, "{sp}", o.app.ServicePrincipalID, "{obj}", o.app.ObjectID).Replace(script))
	return err
}

const (
	all  = "Get-ServicePrincipal | "
	gone = " | Remove-ServicePrincipal -Confirm:$false"
)

// refused are inputs that are not carried out, each with the name in the refusal.
// The commands at their ends would change the directory.
var refused = []struct{ script, name string }{
	// Operators.
	{all + "Where-Object { $_.AppId -match 'zzz' }" + gone, "-match"},
	{all + "Where-Object { $_.AppId -notmatch 'zzz' }" + gone, "-notmatch"},
	{all + "Where-Object { $_.AppId -CEQ 'zzz' }" + gone, "-CEQ"},
	{all + "Where-Object { $_.AppId -in 'zzz','y' }" + gone, "-in"},
	{all + "Where-Object { $_.AppId -contains 'zzz' }" + gone, "-contains"},
	{all + "Where-Object { $_.AppId -gt 1 }" + gone, "-gt"},
	{all + "Where-Object { $_.AppId -eq 'x' -xor $_.AppId -eq 'y' }" + gone, "-xor"},
	{all + "Where-Object { $_.AppId -is [string] }" + gone, "-is"},
	{all + "? AppId -match zzz" + gone, "-match"},
	{all + "where AppId -Like" + gone, "Property -eq Value"},
	{"Get-ServicePrincipal nobody -ErrorAction SilentlyContinue | ? { $_.AppId -match 'z' } | Out-Null; Remove-ServicePrincipal {app} -Confirm:$false", "-match"},
	{"$x = 'a' -replace 'a','b'; Remove-ServicePrincipal {app} -Confirm:$false", "-replace"},
	{"$x = 'a' + 'b'; Remove-ServicePrincipal {app} -Confirm:$false", `"+"`},
	{"$x = '{0}' -f 'b'; Remove-ServicePrincipal {app} -Confirm:$false", "-f"},
	{"$x = 'a','b' -join '-'; Remove-ServicePrincipal {app} -Confirm:$false", "unexpected"},
	{"$x = 'a'; $x += 'b'; Remove-ServicePrincipal {app} -Confirm:$false", `"+="`},
	{"$x = 1..3; Remove-ServicePrincipal $x -Confirm:$false", "there is no such command"},
	{"$x = -split 'a b'; Remove-ServicePrincipal {app} -Confirm:$false", "there is no such command"},
	{"$x = Get-ServicePrincipal; $x[1] | Remove-ServicePrincipal -Confirm:$false", "[1]"},
	{"$x = Get-ServicePrincipal; $x[-1] | Remove-ServicePrincipal -Confirm:$false", "[-1]"},

	// Parameters.
	{all + "Select-Object -Last 1" + gone, "-Last"},
	{all + "Select-Object -Skip 1" + gone, "-Skip"},
	{all + "Select-Object -Unique" + gone, "-Unique"},
	{all + "Select-Object -First x" + gone, "-First"},
	{all + "Select-Object -First" + gone, "-First"},
	{all + "Format-List -GroupBy AppId" + gone, "-GroupBy"},
	{all + "Format-Table -HideTableHeaders" + gone, "-HideTableHeaders"},
	{all + "Out-Null -x" + gone, "-x"},
	{all + "ForEach-Object -Parallel { $_ }" + gone, "block"},
	{all + "Where-Object -FilterScript { $_.AppId -eq 'x' }" + gone, "condition is not of the form"},
	{"Remove-ServicePrincipal {app} -Force -Confirm:$false", "-Force"},
	{"Remove-ServicePrincipal {app} -Confirm:$false -Organization x", "-Organization"},
	{"Remove-ServicePrincipal {app} -Confirm:$false -ErrorAction Inquire", "-ErrorAction"},
	{"Remove-ServicePrincipal {app} -Confirm:$false -ErrorVariable e", "-ErrorVariable"},
	{"Remove-ServicePrincipal {app} -Confirm:$false -Debug", "-Debug"},
	{"Set-CASMailbox invoices@contoso.com -ImapEnabled $false -OWAEnabled $false", "-OWAEnabled"},
	{"Set-TransportConfig -SmtpClientAuthenticationDisabled $true -MaxReceiveSize 1MB", "-MaxReceiveSize"},
	{"Connect-ExchangeOnline -CertificateThumbprint x; Set-TransportConfig -SmtpClientAuthenticationDisabled $true", "-CertificateThumbprint"},
	{"Connect-MgGraph -ClientId x; Update-MgUser -UserId adele@contoso.com -AccountEnabled:$false", "-ClientId"},

	// Statements and constructs.
	{"while ($true) { Remove-ServicePrincipal {app} -Confirm:$false }", `"while"`},
	{"foreach ($sp in Get-ServicePrincipal) { Remove-ServicePrincipal $sp.AppId -Confirm:$false }", `"foreach"`},
	{"for ($i = 0; $i -lt 2; $i++) { Remove-ServicePrincipal {app} -Confirm:$false }", `"for"`},
	{"while ($true) { Remove-ServicePrincipal {app} -Confirm:$false }", `"while"`},
	{"do { Remove-ServicePrincipal {app} -Confirm:$false } until ($true)", `"do"`},
	{"switch ('a') { 'a' { Remove-ServicePrincipal {app} -Confirm:$false } }", `"switch"`},
	{"try { Remove-ServicePrincipal {app} -Confirm:$false } catch { }", `"try"`},
	{"function f { }; Remove-ServicePrincipal {app} -Confirm:$false", `"function"`},
	{"Remove-ServicePrincipal {app} -Confirm:$false; return", `"return"`},
	{"Remove-ServicePrincipal {app} -Confirm:$false > out.txt", `">"`},
	{"Remove-ServicePrincipal {app} -Confirm:$false 2>&1", `"2>&1"`},
	{"Remove-ServicePrincipal {app} -Confirm:$false && Get-TransportConfig", `"&&"`},
	{"Remove-ServicePrincipal {app} -Confirm:$false || Get-TransportConfig", `"||"`},
	{"& Remove-ServicePrincipal {app} -Confirm:$false", `"&"`},
	{". ./profile.ps1; Remove-ServicePrincipal {app} -Confirm:$false", `"."`},
	{"$p = @{ Identity = '{app}' }; Remove-ServicePrincipal @p -Confirm:$false", "splatting"},
	{"[void](Remove-ServicePrincipal {app} -Confirm:$false)", `"[void]"`},
	{"$x = [string]'a'; Remove-ServicePrincipal {app} -Confirm:$false", "[string]"},
	{"$x = ${y}; Remove-ServicePrincipal {app} -Confirm:$false", "braces"},
	{"Remove-ServicePrincipal $env:APP -Confirm:$false", "$env:"},
	{"Remove-ServicePrincipal '{app}'.ToLower() -Confirm:$false", "ToLower"},
	{"$x = Get-ServicePrincipal; $x.ToString(); Remove-ServicePrincipal {app} -Confirm:$false", "ToString"},
	{"$x = @'\na\n'@\nRemove-ServicePrincipal {app} -Confirm:$false", "here-string"},
	{"$true = 1; Remove-ServicePrincipal {app} -Confirm:$false", "$true"},
	{all + "Where-Object { $_.AppId -eq '{app}' } { $true }" + gone, "one block"},
	{all + "Where-Object { $_.AppId -eq '{app}'; $true }" + gone, "unexpected"},
	{all + "Sort-Object AppId" + gone, "Sort-Object"},
	{all + "Measure-Object" + gone, "Measure-Object"},
	{"Where-Object { $true } | Remove-ServicePrincipal -Confirm:$false", "Where-Object"},
	{"Remove-ServicePrincipal {app} -Confirm:$false\nSet-Mailbox x", "Set-Mailbox"},
	{"Remove-ServicePrincipal {app} -Confirm:$false; Test-Foo", "Test-Foo"},

	// Prompts, connections, a second grant.
	{"Remove-ServicePrincipal {app}", "-Confirm:$false"},
	{"Remove-ServicePrincipal {app} -Confirm", "-Confirm:$false"},
	{"Add-RecipientPermission invoices@contoso.com -Trustee {sp} -AccessRights SendAs", "-Confirm:$false"},
	{"Remove-MailboxPermission invoices@contoso.com -User {sp} -AccessRights FullAccess", "-Confirm:$false"},
	{"Connect-MgGraph -Scopes Application.Read.All\nRemove-ServicePrincipal {app} -Confirm:$false", "Connect-ExchangeOnline"},
	{"Connect-ExchangeOnline\nUpdate-MgUser -UserId adele@contoso.com -AccountEnabled:$false", "Connect-MgGraph"},
	{"Connect-MgGraph -Scopes User.Read.All\nUpdate-MgUser -UserId adele@contoso.com -AccountEnabled:$false", "User.EnableDisableAccount.All"},
	{"Connect-MgGraph -Scopes Application.Read.All\nUpdate-MgServicePrincipal -ServicePrincipalId {sp} -AccountEnabled:$false", "Application.ReadWrite.All"},
	{"Connect-ExchangeOnline -ExchangeEnvironmentName O365Germany\nSet-TransportConfig -SmtpClientAuthenticationDisabled $true", "O365Germany"},
	{"New-MgOauth2PermissionGrant -ClientId {sp} -ConsentType AllPrincipals -ResourceId {exo} -Scope IMAP.AccessAsUser.All", "Request_MultipleObjectsWithSameKeyValue"},
	{"Get-ServicePrincipal | Where-Object { $_.AppId -eq '{app}' } | ForEach-Object { Remove-ServicePrincipal $_.AppId -Confirm:$false; Remove-ServicePrincipal $_.AppId -Confirm:$false }", "there is no service principal"},

	// az.
	{"az ad app delete --id {app}", "ad app delete"},
	{"az ad app credential reset --id {app} --cert x", "--cert"},
	{"az ad app credential reset --id {app} --years x", "--years"},
	{"az ad app update --id {app} --is-fallback-public-client maybe --sign-in-audience AzureADMyOrg", "--is-fallback-public-client"},
	{"az ad app update --id {app} --is-fallback-public-client true --sign-in-audience x", "x"},
	{"az ad app update --id {app} --is-fallback-public-client true --web-redirect-uris https://a.example.com http://b.example.com", "http://b.example.com"},
	{"az ad user update --id adele@contoso.com --password new --account-enabled maybe", "--account-enabled"},
	{"az ad app permission add --id {app} --api 00000002-0000-0ff1-ce00-000000000000 --api-permissions x=Scope", "x=Scope"},
	{"az login\naz ad app permission admin-consent --id {app}", "--allow-no-subscriptions"},
	{"az cloud set --name AzureGermanCloud\naz ad app permission admin-consent --id {app}", "AzureGermanCloud"},
	{"az login --allow-no-subscriptions\nUpdate-MgUser -UserId adele@contoso.com -AccountEnabled:$false", "Connect-MgGraph"},
	{"az ad app permission admin-consent --id {app} --query id.value --foo", "--foo"},
}

// What is not carried out is refused by its name, before anything of it has run.
func TestRefusedByName(t *testing.T) {
	if len(refused) < 60 {
		t.Fatalf("%d inputs", len(refused))
	}
	for _, row := range refused {
		t.Run(row.script, func(t *testing.T) {
			o := newOrganization(t)
			script := strings.ReplaceAll(row.script, "{exo}", exchangeID(o))
			before := o.String()
			err := o.run(script)
			if err == nil || !strings.Contains(err.Error(), row.name) {
				t.Errorf("%v; want one that names %s", err, row.name)
			}
			if after := o.String(); after != before {
				t.Errorf("the directory was\n%s\nand is\n%s", before, after)
			}
		})
	}
}

func exchangeID(o *organization) string {
	rows, err := shell{t: o.Home}.getMgServicePrincipal(nil)
	if err != nil {
		panic(err)
	}
	return rows[0].(interface{ Get(string) any }).Get("Id").(string)
}

// What PowerShell carries out whatever the case of its letters is carried out.
func TestCaseDoesNotMatter(t *testing.T) {
	for _, script := range []string{
		"get-serviceprincipal | WHERE-OBJECT { $_.appid -EQ '{app}' -AND $_.OBJECTID -NotLike 'x*' } | REMOVE-SERVICEPRINCIPAL -confirm:$FALSE",
		"GET-SERVICEPRINCIPAL | ? APPID -Eq {app} | select -EXPANDPROPERTY appid -FIRST 1 | foreach { Remove-ServicePrincipal $_ -Confirm:$False }",
		"Get-ServicePrincipal {app} | Select-Object -first 5 | Remove-ServicePrincipal -Confirm:$false",
	} {
		o := newOrganization(t)
		if err := o.run(script); err != nil {
			t.Errorf("%s: %v", script, err)
		}
		if got := len(o.Home.ServicePrincipals()); got != 1 {
			t.Errorf("%s: %d are left, not 1", script, got)
		}
	}
}

// Every statement of a block runs, a brace in a string is none, and -First takes
// as many as it says.
func TestNothingIsPassedOver(t *testing.T) {
	o := newOrganization(t)
	if err := o.run("Get-ServicePrincipal | Select-Object -First 2 | ForEach-Object { Add-MailboxPermission adele@contoso.com -User $_.AppId -AccessRights FullAccess; Add-RecipientPermission adele@contoso.com -Trustee $_.AppId -AccessRights SendAs -Confirm:$false }"); err != nil {
		t.Fatal(err)
	}
	if full, as := len(o.user.Mailbox.Holders(directory.FullAccess)), len(o.user.Mailbox.Holders(directory.SendAs)); full != 2 || as != 2 {
		t.Errorf("%d have full access and %d send as, not 2 and 2", full, as)
	}
	if err := o.run("Get-ServicePrincipal | Where-Object { $_.DisplayName -eq '}' } | Remove-ServicePrincipal -Confirm:$false"); err != nil || len(o.Home.ServicePrincipals()) != 2 {
		t.Errorf("%v, and %d are left", err, len(o.Home.ServicePrincipals()))
	}
}

// The environment must be that of the tenant's cloud.
func TestEnvironments(t *testing.T) {
	for _, row := range []struct {
		cloud          exoauth.Cloud
		right, wrong   string
		rightG, wrong2 string
	}{
		{exoauth.Global, "Connect-ExchangeOnline", "Connect-ExchangeOnline -ExchangeEnvironmentName O365China", "Connect-MgGraph", "Connect-MgGraph -Environment USGov"},
		{exoauth.GCCHigh, "Connect-ExchangeOnline -ExchangeEnvironmentName O365USGovGCCHigh", "Connect-ExchangeOnline", "Connect-MgGraph -Environment USGov", "Connect-MgGraph"},
		{exoauth.China, "Connect-ExchangeOnline -ExchangeEnvironmentName O365China", "Connect-ExchangeOnline", "Connect-MgGraph -Environment China", "Connect-MgGraph -Environment Global"},
	} {
		o := newOrganization(t)
		o.Home.Change(func(st *directory.TenantState) { st.Login = clouds.LoginHost(row.cloud) })
		for _, script := range []string{row.right, row.rightG} {
			if err := o.run(script); err != nil {
				t.Errorf("%s: %v", script, err)
			}
		}
		for _, script := range []string{row.wrong, row.wrong2} {
			if err := o.run(script); err == nil || !strings.Contains(err.Error(), "not in the cloud") {
				t.Errorf("%s: %v", script, err)
			}
		}
	}
	o := newOrganization(t)
	o.Home.Change(func(st *directory.TenantState) { st.Login = clouds.LoginHost(exoauth.China) })
	if err := o.run("az cloud set --name AzureChinaCloud\naz login --allow-no-subscriptions\naz ad app show --id {app}"); err != nil {
		t.Error(err)
	}
}

// A grant that is there is got and updated.
func TestSecondGrant(t *testing.T) {
	o := newOrganization(t)
	script := `Connect-MgGraph -Scopes Application.Read.All,DelegatedPermissionGrant.ReadWrite.All
$grant = Get-MgOauth2PermissionGrant -Filter "clientId eq '{sp}'"
Update-MgOauth2PermissionGrant -OAuth2PermissionGrantId $grant.Id -Scope 'IMAP.AccessAsUser.All SMTP.Send'`
	if err := o.run(script); err != nil {
		t.Fatal(err)
	}
	if missing := o.app.Missing(o.user, []string{resource.IMAP.Scope, resource.SMTP.Scope}); len(missing) > 0 {
		t.Errorf("missing %q", missing)
	}
}

// A pipeline does all or nothing: one that fails leaves the directory as it was.
func FuzzAllOrNothing(f *testing.F) {
	for _, row := range refused {
		f.Add(row.script)
	}
	f.Add("Get-ServicePrincipal | ForEach-Object { Remove-ServicePrincipal {app} -Confirm:$false }")
	f.Add("Get-ServicePrincipal | % { Add-MailboxPermission adele@contoso.com -User $_.AppId -AccessRights FullAccess; Set-CASMailbox x -ImapEnabled $false }")
	f.Fuzz(func(t *testing.T, pipeline string) {
		if strings.ContainsAny(pipeline, "\r\n") || strings.Contains(pipeline, ";") && !strings.Contains(pipeline, "{") {
			t.Skip("more than one pipeline")
		}
		o := newOrganization(t)
		before := o.String()
		// In parentheses it is one pipeline, whatever it is.
		if err := o.run("$x = $(" + pipeline + "\n)"); err != nil && o.String() != before {
			t.Errorf("%q: %v, and the directory was\n%s\nand is\n%s", pipeline, err, before, o)
		}
	})
}
