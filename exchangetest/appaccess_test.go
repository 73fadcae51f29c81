package exchangetest

import (
	"net/url"
	"strings"
	"testing"
)

func TestAssignment(t *testing.T) {
	p := newPeople(t)
	p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	p.do("Update-MgServicePrincipal -ServicePrincipalId {sp} -AppRoleAssignmentRequired")
	if _, got := p.redeem(t, "contoso.com", p.passwordForm()...); got != "invalid_grant [50105]" {
		t.Error(got)
	}
	if _, err := p.Browser(p.user).Authorize(t.Context(), p.authorizeURL("contoso.com")); err == nil || !strings.Contains(err.Error(), "AADSTS50105") {
		t.Error("a browser:", err)
	}
	if resp, body := p.post(t, "contoso.com", p.form()); resp.StatusCode != 200 {
		t.Error("an app-only token:", body)
	}
	p.app.in.Assign(p.tenant.AddUser("bert@contoso.com").in)
	if _, got := p.redeem(t, "contoso.com", p.passwordForm()...); got != "invalid_grant [50105]" {
		t.Error("somebody else is assigned:", got)
	}
	p.app.in.Assign(p.user.in)
	if _, got := p.redeem(t, "contoso.com", p.passwordForm()...); got != "" {
		t.Error("assigned:", got)
	}
	p.do("Update-MgServicePrincipal -ServicePrincipalId {sp} -AppRoleAssignmentRequired:$false")
	if values, err := p.Browser(p.user).Authorize(t.Context(), p.authorizeURL("contoso.com")); values.Get("code") == "" {
		t.Error("not required:", err)
	}
}

func TestSingleTenant(t *testing.T) {
	p := newPeople(t)
	p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	deviceCode := func(tenant string) string {
		resp, err := p.HTTPClient().PostForm(p.Cloud().Authority+"/"+tenant+"/oauth2/v2.0/devicecode", url.Values{"client_id": {p.app.ClientID}, "scope": {userScope}})
		if err != nil {
			t.Fatal(err)
		}
		return readBody(t, resp)
	}
	p.do("Update-MgApplication -ApplicationId {obj} -SignInAudience AzureADMyOrg")
	for _, tenant := range []string{"common", "organizations"} {
		if _, err := p.Browser(p.user).Authorize(t.Context(), p.authorizeURL(tenant)); err == nil || !strings.Contains(err.Error(), "AADSTS50194") {
			t.Errorf("%s: %v", tenant, err)
		}
		if got := deviceCode(tenant); !strings.Contains(got, "AADSTS50059") {
			t.Errorf("%s: %s", tenant, got)
		}
	}
	if _, got := p.redeem(t, "organizations", p.passwordForm()...); got != "invalid_request [50194]" {
		t.Error(got)
	}
	if got := deviceCode("contoso.com"); !strings.Contains(got, "user_code") {
		t.Error("its own tenant:", got)
	}
	if _, err := p.Browser(p.user).Authorize(t.Context(), p.authorizeURL("consumers")); err == nil || !strings.Contains(err.Error(), "AADSTS9002332") {
		t.Error("personal accounts:", err)
	}
	p.do("Update-MgApplication -ApplicationId {obj} -SignInAudience AzureADMultipleOrgs")
	if values, err := p.Browser(p.user).Authorize(t.Context(), p.authorizeURL("common")); values.Get("code") == "" {
		t.Error("for any organization:", err)
	}
}

func TestAdminConsentToNothing(t *testing.T) {
	p := newPeople(t)
	p.user.SetState(UserState{Administrator: true})
	app := p.tenant.AddApp("Empty")
	app.AddRedirectURI(Web, "https://app.contoso.com/callback")
	address := p.Cloud().Authority + "/contoso.com/adminconsent?" + url.Values{"client_id": {app.ClientID}, "redirect_uri": {"https://app.contoso.com/callback"}}.Encode()
	values, err := p.Browser(p.user).Authorize(t.Context(), address)
	if values.Get("error") != "access_denied" || !strings.Contains(values.Get("error_description"), "AADSTS1003031") {
		t.Error(values, err)
	}
	app.RequestRoles(IMAPAccessAsApp)
	if values, err = p.Browser(p.user).Authorize(t.Context(), address); values.Get("admin_consent") != "True" {
		t.Error(values, err)
	}
}
