package admin

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/powershell"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

// appCmdlets are those for applications and their credentials.
// (https://learn.microsoft.com/powershell/module/microsoft.graph.applications/)
func (s shell) appCmdlets() []*powershell.Command {
	update := with(params("ApplicationId!", "SignInAudience"), powershell.Switch, "IsFallbackPublicClient")
	update = with(update, powershell.Table, "Web", "PublicClient", "Spa")
	return []*powershell.Command{
		{Name: "Get-MgApplication", Params: params("ApplicationId", "Filter"), Run: s.getApplication},
		{Name: "Update-MgApplication", Params: update, Run: does(s.updateApplication)},
		{Name: "Get-MgServicePrincipal", Params: params("ServicePrincipalId", "Filter"), Run: s.getMgServicePrincipal},
		{Name: "New-MgServicePrincipal", Params: params("AppId!"), Run: s.newMgServicePrincipal},
		{Name: "Update-MgServicePrincipal", Params: with(params("ServicePrincipalId!"), powershell.Switch, "AccountEnabled", "AppRoleAssignmentRequired"), Run: does(s.updateMgServicePrincipal)},
		{Name: "Add-MgApplicationPassword", Params: with(params("ApplicationId!"), powershell.Table, "PasswordCredential"), Run: s.addPassword},
		{Name: "Remove-MgApplicationPassword", Params: params("ApplicationId!", "KeyId!"), Run: does(s.removePassword)},
		{
			Name:   "New-MgApplicationFederatedIdentityCredential",
			Params: with(params("ApplicationId!", "Name!", "Issuer!", "Subject!"), powershell.List, "Audiences"),
			Run:    does(s.newFederated),
		},
	}
}

func (s shell) application(a powershell.Args) (*directory.App, error) {
	return s.app("ApplicationId", a.Text("ApplicationId"), func(app *directory.App) string { return app.ObjectID })
}

var filterPattern = regexp.MustCompile(`(?i)^\s*(appId|displayName|clientId)\s+eq\s+'((?:[^']|'')*)'\s*$`)

// filtered keeps the rows that -Filter lets through.
func filtered(rows []any, a powershell.Args, id string) ([]any, error) {
	want, prop := a.Text(id), "Id"
	if a.Has("Filter") {
		m := filterPattern.FindStringSubmatch(a.Text("Filter"))
		if m == nil {
			return nil, fmt.Errorf("-Filter takes \"AppId eq '…'\", \"DisplayName eq '…'\" or \"ClientId eq '…'\" here, not %q", a.Text("Filter"))
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

func (s shell) getApplication(a powershell.Args) ([]any, error) {
	var rows []any
	for _, app := range s.t.Apps() {
		if app.IsHome() {
			rows = append(rows, powershell.NewObject("Id", app.ObjectID, "AppId", app.ClientID, "DisplayName", app.Name,
				"IsFallbackPublicClient", app.State().PublicFlows))
		}
	}
	return filtered(rows, a, "ApplicationId")
}

func (s shell) updateApplication(a powershell.Args) error {
	app, err := s.application(a)
	if err != nil {
		return err
	}
	single := app.State().SingleTenant
	if a.Has("SignInAudience") {
		if single, err = audience(a.Text("SignInAudience")); err != nil {
			return err
		}
	}
	uris := make(map[directory.Platform][]string)
	for platform, name := range map[directory.Platform]string{directory.Web: "Web", directory.Desktop: "PublicClient", directory.SPA: "Spa"} {
		if a.Has(name) {
			uris[platform] = powershell.Args{"uris": a.Table(name).Get("RedirectUris")}.List("uris")
		}
	}
	if err := app.SetRedirects(uris); err != nil {
		return err
	}
	app.Change(func(st *directory.AppState) {
		st.SingleTenant = single
		set(a, "IsFallbackPublicClient", &st.PublicFlows)
	})
	return nil
}

// audience reports whether signInAudience is one tenant.
func audience(text string) (single bool, err error) {
	switch strings.ToLower(text) {
	case "azureadmyorg":
		return true, nil
	case "azureadmultipleorgs", "azureadandpersonalmicrosoftaccount":
		return false, nil
	}
	return false, fmt.Errorf("the sign-in audience is AzureADMyOrg, AzureADMultipleOrgs or AzureADandPersonalMicrosoftAccount, not %q", text)
}

// getMgServicePrincipal shows the enterprise applications and the two resources.
func (s shell) getMgServicePrincipal(a powershell.Args) ([]any, error) {
	rows := []any{
		s.resource("Office 365 Exchange Online", resource.ExchangeAppID, resource.Roles()),
		s.resource("Microsoft Graph", resource.GraphAppID, nil),
	}
	for _, app := range s.t.Apps() {
		rows = append(rows, principalRow(app))
	}
	return filtered(rows, a, "ServicePrincipalId")
}

func (s shell) resource(name, appID string, roles []string) *powershell.Object {
	list := func(values []string) (objects []any) {
		for _, v := range values {
			objects = append(objects, powershell.NewObject("Id", resource.ID(v), "Value", v))
		}
		return objects
	}
	return powershell.NewObject("Id", guid.Of(s.t.ID+appID), "AppId", appID, "DisplayName", name,
		"AppRoles", list(roles), "Oauth2PermissionScopes", list(resource.Scopes()))
}

// newMgServicePrincipal finds that the enterprise application is there: it is
// made together with the registration.
func principalRow(app *directory.App) *powershell.Object {
	st := app.State()
	return powershell.NewObject("Id", app.ServicePrincipalID, "AppId", app.ClientID, "DisplayName", app.Name,
		"AccountEnabled", !st.Disabled, "AppRoleAssignmentRequired", st.AssignmentRequired)
}

// newMgServicePrincipal makes an enterprise application of an app that is
// registered in another tenant, for any organization.
func (s shell) newMgServicePrincipal(a powershell.Args) ([]any, error) {
	if app := s.t.App(a.Text("AppId")); app != nil {
		return nil, fmt.Errorf("the service principal %s of the application %s exists already", app.ServicePrincipalID, app.ClientID)
	}
	registered := s.t.Directory().Registered(a.Text("AppId"))
	if registered == nil || registered.State().SingleTenant {
		return nil, fmt.Errorf("there is no application %q", a.Text("AppId"))
	}
	app, err := s.t.Install(registered)
	if err != nil {
		return nil, err
	}
	return []any{principalRow(app)}, nil
}

func (s shell) updateMgServicePrincipal(a powershell.Args) error {
	app, err := s.app("ServicePrincipalId", a.Text("ServicePrincipalId"), servicePrincipalID)
	if err != nil {
		return err
	}
	app.Change(func(st *directory.AppState) {
		if a.Has("AccountEnabled") {
			st.Disabled = !a.Bool("AccountEnabled")
		}
		set(a, "AppRoleAssignmentRequired", &st.AssignmentRequired)
	})
	return nil
}

func (s shell) addPassword(a powershell.Args) ([]any, error) {
	app, err := s.application(a)
	if err != nil {
		return nil, err
	}
	expires := s.clock.Now().Add(directory.SecretLifetime)
	if end := powershell.Text(a.Table("PasswordCredential").Get("EndDateTime")); end != "" {
		if expires, err = parseDate(end); err != nil {
			return nil, err
		}
	}
	secret := app.AddSecret(expires)
	return []any{powershell.NewObject("SecretText", secret.Value, "KeyId", secret.ID, "EndDateTime", expires.UTC().Format(time.RFC3339))}, nil
}

func parseDate(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("EndDateTime takes a date such as 2027-01-31, not %q", text)
}

func (s shell) removePassword(a powershell.Args) error {
	app, err := s.application(a)
	if err != nil {
		return err
	}
	return app.ChangeSecrets(func(list []directory.Secret) ([]directory.Secret, error) {
		left := slices.DeleteFunc(slices.Clone(list), func(k directory.Secret) bool { return strings.EqualFold(k.ID, a.Text("KeyId")) })
		if len(left) == len(list) {
			return nil, fmt.Errorf("-KeyId: the application has no secret with the id %q", a.Text("KeyId"))
		}
		return left, nil
	})
}

func (s shell) newFederated(a powershell.Args) error {
	app, err := s.application(a)
	if err != nil {
		return err
	}
	c := directory.Federated{Issuer: a.Text("Issuer"), Subject: a.Text("Subject")}
	if list := a.List("Audiences"); len(list) > 0 {
		c.Audience = list[0]
	}
	return app.AddFederated(c)
}
