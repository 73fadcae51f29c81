package exchangetest

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/exoauth/exoauth"
)

// version1 posts a form to the token endpoint of version 1.0.
func (p *people) version1(t *testing.T, authority string, pairs ...string) (answer map[string]any) {
	t.Helper()
	form := url.Values{"client_id": {p.public.ClientID}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	resp, err := p.HTTPClient().PostForm(authority+"/contoso.com/oauth2/token", form)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(readBody(t, resp)), &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// Programs of before 2019, and those for the China cloud, name a resource in
// place of scopes. (https://github.com/simonrob/email-oauth2-proxy, the
// configuration for 21Vianet)
func TestVersion1(t *testing.T) {
	p := newPeople(t)
	p.app.Consent(p.user, IMAPAccessAsUser, SMTPSend)
	p.app.RequestRoles(IMAPAccessAsApp)
	if _, err := p.tenant.Admin("az ad app permission admin-consent --id " + p.app.ClientID); err != nil {
		t.Fatal(err)
	}
	password := []string{"grant_type", "password", "username", p.user.UPN, "password", p.user.Password, "resource", exoauth.Global.UserResource}
	for _, row := range []struct {
		name  string
		pairs []string
		user  string // who may open their mailbox with the token
		scope any
	}{
		{"client credentials", []string{"grant_type", "client_credentials", "client_secret", p.app.Secret, "resource", "https://outlook.office365.com/"}, shared, nil},
		{"password", password, p.user.UPN, "IMAP.AccessAsUser.All SMTP.Send"},
		{"refresh token", nil, p.user.UPN, "IMAP.AccessAsUser.All SMTP.Send"},
	} {
		if row.pairs == nil {
			refresh, _ := p.version1(t, p.Cloud().Authority, password...)["refresh_token"].(string)
			row.pairs = []string{"grant_type", "refresh_token", "refresh_token", refresh}
		}
		got := p.version1(t, p.Cloud().Authority, row.pairs...)
		if got["scope"] != row.scope || got["token_type"] != "Bearer" || !strings.HasPrefix(got["resource"].(string), "https://outlook.office") {
			t.Errorf("%s: %v", row.name, got)
			continue
		}
		expires, err := strconv.ParseInt(got["expires_on"].(string), 10, 64)
		seconds, err2 := strconv.ParseInt(got["expires_in"].(string), 10, 64)
		if err != nil || err2 != nil || expires-seconds != p.Now().Unix() && expires-seconds != p.Now().Unix()-1 {
			t.Errorf("%s: %v", row.name, got)
		}
		p.tenant.Grant(p.app, shared)
		p.authenticated(t, row.user, got["access_token"].(string))
	}
	for _, row := range []struct {
		name  string
		pairs []string
		want  string
	}{
		{"no resource", []string{"grant_type", "client_credentials", "client_secret", p.app.Secret, "scope", "https://outlook.office365.com/.default"}, "AADSTS900144"},
		{"unknown resource", []string{"grant_type", "client_credentials", "client_secret", p.app.Secret, "resource", "https://outlook.example.com"}, "AADSTS500011"},
		{"wrong secret", []string{"grant_type", "client_credentials", "client_secret", "x", "resource", exoauth.Global.Resource}, "AADSTS7000215"},
	} {
		if got := p.version1(t, p.Cloud().Authority, row.pairs...); !strings.HasPrefix(got["error_description"].(string), row.want) {
			t.Errorf("%s: %v", row.name, got)
		}
	}
	p.tenant.SetCloud(exoauth.China)
	got := p.version1(t, exoauth.China.Authority, append(password[:6:6], "resource", exoauth.China.UserResource)...)
	if got["resource"] != exoauth.China.UserResource {
		t.Errorf("China: %v", got)
	}
}

// Each cloud has names of its own for Entra ID.
func TestInstances(t *testing.T) {
	w := newWorld(t)
	own := strings.TrimPrefix(w.Cloud().Authority, "https://")
	for authority, want := range map[string]map[string]string{
		"https://login.microsoftonline.com": {
			"login.microsoftonline.com": "login.microsoftonline.com login.windows.net login.microsoft.com sts.windows.net",
			"login.microsoftonline.us":  "login.microsoftonline.us login.usgovcloudapi.net", own: "",
			"login.partner.microsoftonline.cn": "login.partner.microsoftonline.cn login.chinacloudapi.cn",
		},
		w.Cloud().Authority: {own: own, "login.microsoftonline.com": "login.microsoftonline.com login.windows.net login.microsoft.com sts.windows.net"},
	} {
		resp, err := w.HTTPClient().Get(authority + "/common/discovery/instance?api-version=1.1")
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Metadata []struct {
				Network string `json:"preferred_network"`
				Aliases []string
			}
		}
		if err := json.Unmarshal([]byte(readBody(t, resp)), &answer); err != nil {
			t.Fatal(err)
		}
		got := make(map[string]string)
		for _, m := range answer.Metadata {
			got[m.Network] = strings.Join(m.Aliases, " ")
		}
		for network, aliases := range want {
			if got[network] != aliases {
				t.Errorf("%s: %s has %q", authority, network, got[network])
			}
		}
	}
}

// thunderbird is a client id that is built into a program.
const thunderbird = "9e5f94bc-e8a4-4e73-b8be-63364c29d753"

// A program with a client id that is built in, which somebody has registered who
// has no tenant here, signs a user in by common.
func TestInstallBuiltIn(t *testing.T) {
	p := newPeople(t)
	if _, problem := p.redeem(t, "contoso.com", "client_id", thunderbird, "grant_type", "refresh_token", "refresh_token", "x"); !strings.Contains(problem, "700016") {
		t.Errorf("before anybody has consented: %s", problem)
	}
	app := p.tenant.InstallApp(&App{Name: "Thunderbird", ClientID: strings.ToUpper(thunderbird)})
	app.AddRedirectURI(Desktop, "https://localhost")
	app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	p.public = app
	values, err := p.Browser(p.user).Authorize(t.Context(), p.authorizeURL("common", "redirect_uri", "https://localhost"))
	if err != nil {
		t.Fatal(err)
	}
	got, problem := p.redeem(t, "common", "grant_type", "authorization_code", "code", values.Get("code"), "redirect_uri", "https://localhost")
	if problem != "" || app.ClientID != thunderbird {
		t.Fatal(app, problem)
	}
	if claims := p.mint.ClaimsOf(got.AccessToken); claims["appid"] != thunderbird {
		t.Errorf("claims %v", claims)
	}
	p.authenticated(t, p.user.UPN, got.AccessToken)
	other := p.AddTenant("fabrikam.com").InstallApp(&App{Name: "Thunderbird", ClientID: thunderbird})
	if !other.in.Same(app.in) {
		t.Error("two registrations with one client id")
	}
	for want, wrong := range map[string]*App{`"x" is no GUID`: {ClientID: "x"}, "already": {ClientID: thunderbird}, "nil in place of": nil} {
		mustPanic(t, want, func() { p.tenant.InstallApp(wrong) })
	}
}

// What is found out while a client logs in: that SMTP AUTH is off, whatever name
// it gives (https://github.com/simonrob/email-oauth2-proxy/issues/193), and that
// a personal account does not use IMAP.
func TestSwitchedOff(t *testing.T) {
	p := newPeople(t)
	p.tenant.AddMailboxPermission(shared, p.user.UPN)
	if _, err := p.tenant.Admin("Set-TransportConfig -SmtpClientAuthenticationDisabled $true"); err != nil {
		t.Fatal(err)
	}
	c := p.dialSMTP(t)
	c.send("AUTH XOAUTH2 " + xoauth2IR(shared, p.app.Token(&TokenOptions{User: p.user})))
	c.wantMatch(smtpTenantOff + stamp)

	p.Consumers().InstallApp(p.app)
	consumer := p.Consumers().AddUser("example@outlook.com")
	if _, err := p.Consumers().Admin("Set-CASMailbox example@outlook.com -ImapEnabled $false"); err != nil {
		t.Fatal(err)
	}
	c = p.dialIMAP(t)
	app, refusal := p.dir.FindApp(p.Consumers().in, p.app.ClientID)
	if refusal != nil {
		t.Fatal(refusal)
	}
	c.send("A AUTHENTICATE XOAUTH2 "+xoauth2IR(consumer.UPN, newApp(p.Server, app, "").Token(&TokenOptions{User: consumer})), "B NOOP")
	c.want("A NO User is authenticated but not connected.", "B OK NOOP completed.")
	if got := p.lastSession(t); got.Authenticated || !strings.Contains(got.Reason, "IMAP is switched off") {
		t.Errorf("session %+v", got)
	}
}
