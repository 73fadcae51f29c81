package exchangetest

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

// graphAppCmdlets are those for applications and their credentials.
// (https://learn.microsoft.com/powershell/module/microsoft.graph.applications/)
func (t *Tenant) graphAppCmdlets() []*powershell.Command {
	update := with(params("ApplicationId!", "SignInAudience"), powershell.Switch, "IsFallbackPublicClient")
	update = with(update, powershell.Table, "Web", "PublicClient", "Spa")
	return []*powershell.Command{
		{Name: "Get-MgApplication", Params: params("ApplicationId", "Filter"), Run: t.getApplication},
		{Name: "Update-MgApplication", Params: update, Run: t.updateApplication},
		{Name: "Get-MgServicePrincipal", Params: params("ServicePrincipalId", "Filter"), Run: t.getMgServicePrincipal},
		{Name: "New-MgServicePrincipal", Params: params("AppId!"), Run: t.newMgServicePrincipal},
		{Name: "Update-MgServicePrincipal", Params: with(params("ServicePrincipalId!"), powershell.Switch, "AccountEnabled", "AppRoleAssignmentRequired"), Run: t.updateMgServicePrincipal},
		{Name: "Add-MgApplicationPassword", Params: with(params("ApplicationId!"), powershell.Table, "PasswordCredential"), Run: t.addPassword},
		{Name: "Remove-MgApplicationPassword", Params: params("ApplicationId!", "KeyId!"), Run: t.removePassword},
		{
			Name:   "New-MgApplicationFederatedIdentityCredential",
			Params: with(params("ApplicationId!", "Name!", "Issuer!", "Subject!"), powershell.List, "Audiences"),
			Run:    t.newFederated,
		},
	}
}

// appLocked finds an app by any of its ids, of which the cmdlets and az take
// one or another.
func (t *Tenant) appLocked(id string) (*App, error) {
	for _, a := range t.apps {
		if id != "" && (strings.EqualFold(id, a.ClientID) || strings.EqualFold(id, a.ObjectID) || strings.EqualFold(id, a.ServicePrincipalID)) {
			return a, nil
		}
	}
	return nil, fmt.Errorf("there is no application %q in %s", id, t.Domains[0])
}

// byID is appLocked for cmdlets, which know which id they mean.
func (t *Tenant) byID(name, value string, id func(*App) string) (*App, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	for _, app := range t.apps {
		if strings.EqualFold(id(app), value) {
			return app, nil
		}
	}
	return nil, fmt.Errorf("-%s: there is none with the object id %q", name, value)
}

func (t *Tenant) application(a powershell.Args) (*App, error) {
	return t.byID("ApplicationId", a.Text("ApplicationId"), func(app *App) string { return app.ObjectID })
}

var filterPattern = regexp.MustCompile(`(?i)^\s*(appId|displayName)\s+eq\s+'((?:[^']|'')*)'\s*$`)

// filtered keeps the rows that -Filter lets through.
func filtered(rows []any, a powershell.Args, id string) ([]any, error) {
	want, prop := a.Text(id), "Id"
	if a.Has("Filter") {
		m := filterPattern.FindStringSubmatch(a.Text("Filter"))
		if m == nil {
			return nil, fmt.Errorf("-Filter takes \"AppId eq '…'\" or \"DisplayName eq '…'\" here, not %q", a.Text("Filter"))
		}
		prop, want = m[1], strings.ReplaceAll(m[2], "''", "'")
	}
	if want == "" {
		return rows, nil
	}
	return slices.DeleteFunc(rows, func(row any) bool {
		return !strings.EqualFold(powershell.Text(row.(*powershell.Object).Get(prop)), want)
	}), nil
}

func (t *Tenant) sortedAppsLocked() []*App {
	return slices.SortedFunc(maps.Values(t.apps), func(a, b *App) int { return cmp.Compare(a.ClientID, b.ClientID) })
}

func (t *Tenant) getApplication(a powershell.Args) ([]any, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	var rows []any
	for _, app := range t.sortedAppsLocked() {
		if app.reg.home == t {
			rows = append(rows, powershell.NewObject("Id", app.ObjectID, "AppId", app.ClientID, "DisplayName", app.Name,
				"IsFallbackPublicClient", app.reg.publicFlows))
		}
	}
	return filtered(rows, a, "ApplicationId")
}

func (t *Tenant) updateApplication(a powershell.Args) ([]any, error) {
	app, err := t.application(a)
	if err != nil {
		return nil, err
	}
	if a.Has("IsFallbackPublicClient") {
		app.AllowPublicFlows(a.Bool("IsFallbackPublicClient"))
	}
	if a.Has("SignInAudience") {
		if err := app.setAudience(a.Text("SignInAudience")); err != nil {
			return nil, err
		}
	}
	for platform, name := range map[Platform]string{Web: "Web", Desktop: "PublicClient", SPA: "Spa"} {
		if !a.Has(name) {
			continue
		}
		uris := powershell.Args{"uris": a.Table(name).Get("RedirectUris")}.List("uris")
		if err := app.replaceRedirects(platform, uris); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// servicePrincipals are the enterprise applications and the two resources.
func (t *Tenant) servicePrincipals() []any {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	rows := []any{
		t.resource("Office 365 Exchange Online", resource.ExchangeAppID, resource.Roles()),
		t.resource("Microsoft Graph", resource.GraphAppID, nil),
	}
	for _, app := range t.sortedAppsLocked() {
		rows = append(rows, powershell.NewObject("Id", app.ServicePrincipalID, "AppId", app.ClientID, "DisplayName", app.Name,
			"AccountEnabled", !app.disabled, "AppRoleAssignmentRequired", app.assignment))
	}
	return rows
}

func (t *Tenant) resource(name, appID string, roles []string) *powershell.Object {
	list := func(values []string) (objects []any) {
		for _, v := range values {
			objects = append(objects, powershell.NewObject("Id", resource.ID(v), "Value", v))
		}
		return objects
	}
	return powershell.NewObject("Id", guid.Of(t.ID+appID), "AppId", appID, "DisplayName", name,
		"AppRoles", list(roles), "Oauth2PermissionScopes", list(resource.Scopes()))
}

func (t *Tenant) getMgServicePrincipal(a powershell.Args) ([]any, error) {
	return filtered(t.servicePrincipals(), a, "ServicePrincipalId")
}

// newMgServicePrincipal finds that the enterprise application is there: it is
// made together with the registration.
func (t *Tenant) newMgServicePrincipal(a powershell.Args) ([]any, error) {
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	if app := t.apps[strings.ToLower(a.Text("AppId"))]; app != nil {
		return nil, fmt.Errorf("the service principal %s of the application %s exists already", app.ServicePrincipalID, app.ClientID)
	}
	return nil, fmt.Errorf("there is no application %q", a.Text("AppId"))
}

func (t *Tenant) updateMgServicePrincipal(a powershell.Args) ([]any, error) {
	app, err := t.byID("ServicePrincipalId", a.Text("ServicePrincipalId"), func(app *App) string { return app.ServicePrincipalID })
	if err != nil {
		return nil, err
	}
	if a.Has("AccountEnabled") {
		app.SetEnabled(a.Bool("AccountEnabled"))
	}
	if a.Has("AppRoleAssignmentRequired") {
		app.RequireAssignment(a.Bool("AppRoleAssignmentRequired"))
	}
	return nil, nil
}

func (t *Tenant) addPassword(a powershell.Args) ([]any, error) {
	app, err := t.application(a)
	if err != nil {
		return nil, err
	}
	expires := t.srv.Now().Add(secretLifetime)
	if end := powershell.Text(a.Table("PasswordCredential").Get("EndDateTime")); end != "" {
		if expires, err = parseDate(end); err != nil {
			return nil, err
		}
	}
	s := app.addSecret(expires)
	return []any{powershell.NewObject("SecretText", s.value, "KeyId", s.id, "EndDateTime", expires.UTC().Format(time.RFC3339))}, nil
}

func parseDate(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("EndDateTime takes a date such as 2027-01-31, not %q", text)
}

func (t *Tenant) removePassword(a powershell.Args) ([]any, error) {
	app, err := t.application(a)
	if err != nil {
		return nil, err
	}
	t.dir.mu.Lock()
	defer t.dir.mu.Unlock()
	i := slices.IndexFunc(app.reg.secrets, func(s secret) bool { return strings.EqualFold(s.id, a.Text("KeyId")) })
	if i < 0 {
		return nil, fmt.Errorf("-KeyId: the application has no secret with the id %q", a.Text("KeyId"))
	}
	app.reg.secrets = slices.Delete(app.reg.secrets, i, i+1)
	return nil, nil
}

func (t *Tenant) newFederated(a powershell.Args) ([]any, error) {
	app, err := t.application(a)
	if err != nil {
		return nil, err
	}
	audience := ""
	if list := a.List("Audiences"); len(list) > 0 {
		audience = list[0]
	}
	app.AddFederatedCredential(FederatedCredential{a.Text("Issuer"), a.Text("Subject"), audience})
	return nil, nil
}
