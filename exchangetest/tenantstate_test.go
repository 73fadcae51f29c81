package exchangetest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/exchangetest/internal/guid"
	"github.com/exoauth/exoauth/exchangetest/internal/resource"
)

func TestBlockedTenant(t *testing.T) {
	p := newPeople(t)
	p.app.Consent(nil, IMAPAccessAsUser, SMTPSend)
	p.tenant.SetBlocked(true)
	for _, tenant := range []string{"contoso.com", "organizations"} {
		if _, got := p.redeem(t, tenant, p.passwordForm()...); got != "invalid_request [5000224]" {
			t.Errorf("%s: %s", tenant, got)
		}
	}
	resp, body := p.post(t, "contoso.com", p.form())
	checkEntraError(t, resp, body, 400, "invalid_request", 5000224)
	if _, err := p.Browser(p.user).Authorize(t.Context(), p.authorizeURL("contoso.com")); err == nil || !strings.Contains(err.Error(), "AADSTS5000224") {
		t.Error("a browser:", err)
	}
	p.tenant.SetBlocked(false)
	if resp, body := p.post(t, "contoso.com", p.form()); resp.StatusCode != 200 {
		t.Error("no longer:", body)
	}
}

func TestNationalCloud(t *testing.T) {
	w := newWorld(t)
	const secret, none = true, false
	for _, row := range []struct {
		name     string
		home     exoauth.Cloud
		asked    string // authority
		resource string
		secret   bool
		code     int
	}{
		{"no cloud in particular", exoauth.Cloud{}, exoauth.China.Authority, exoauth.China.Resource, secret, 0},
		{"its own", exoauth.GCCHigh, exoauth.GCCHigh.Authority, exoauth.GCCHigh.Resource, secret, 0},
		{"its own, of which there are two", exoauth.GCCHigh, exoauth.DoD.Authority, exoauth.DoD.Resource, secret, 0},
		{"the server's address", exoauth.GCCHigh, w.Cloud().Authority, exoauth.GCCHigh.Resource, secret, 0},
		{"US Government, asked in the global cloud", exoauth.DoD, exoauth.Global.Authority, exoauth.DoD.Resource, secret, 900439},
		{"US Government, by an old name", exoauth.DoD, "https://login.windows.net", exoauth.DoD.Resource, secret, 900439},
		{"China, asked in the global cloud", exoauth.China, exoauth.Global.Authority, exoauth.China.Resource, secret, 900382},
		{"China, without a credential", exoauth.China, exoauth.Global.Authority, exoauth.China.Resource, none, 90038},
		{"global, asked in China", exoauth.Global, exoauth.China.Authority, exoauth.Global.Resource, secret, 900382},
		{"the resource of another cloud", exoauth.GCCHigh, exoauth.GCCHigh.Authority, exoauth.Global.Resource, secret, 500011},
	} {
		t.Run(row.name, func(t *testing.T) {
			w.tenant.SetCloud(row.home)
			form := w.form()
			form.Set("scope", row.resource+"/.default")
			if !row.secret {
				form.Del("client_secret")
			}
			got := w.postTo(t, row.asked, form)
			if want := fmt.Sprintf("AADSTS%d:", row.code); row.code != 0 && !strings.Contains(got, want) || row.code == 0 && !strings.Contains(got, "access_token") {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// postTo asks for a token in the cloud of that authority, wherever its host
// leads.
func (w *world) postTo(t *testing.T, authority string, form url.Values) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", w.Cloud().Authority+"/contoso.com/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = strings.TrimPrefix(authority, "https://")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := w.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return readBody(t, resp)
}

func TestResources(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		resource string
		known    bool
	}{
		{"https://outlook.office365.com", true},
		{"https://outlook.office365.com/", true},
		{"https://graph.microsoft.com", true},
		{"https://graph.microsoft.com/", true},
		{"https://Graph.Microsoft.com", true},
		{"https://ps.outlook.com", true},
		{resource.ExchangeAppID, true},
		{w.app.ClientID, true},
		{"api://" + w.app.ClientID, true},
		{"api://AzureADTokenExchange", true},
		{"https://outlook.ofice365.com", false},
		{"http://outlook.office365.com", false},
		{"api://" + guid.New(), false},
		{"https://mail.example.com", false},
	} {
		form := w.form()
		form.Set("scope", row.resource+"/.default")
		resp, body := w.post(t, "contoso.com", form)
		if row.known != (resp.StatusCode == 200) {
			t.Errorf("%s: %s", row.resource, body)
		}
		if !row.known {
			checkEntraError(t, resp, body, 400, "invalid_resource", 500011)
		}
	}
	p := newPeople(t)
	pairs := append(p.passwordForm(), "scope", "https://outlook.ofice365.com/SMTP.Send")
	if _, got := p.redeem(t, "contoso.com", pairs...); got != "invalid_resource [500011]" {
		t.Error("a user:", got)
	}
	values, err := p.Browser(p.user).Authorize(t.Context(), p.authorizeURL("contoso.com", "scope", "https://outlook.ofice365.com/SMTP.Send"))
	if values.Get("error") != "invalid_resource" {
		t.Error("a browser:", values, err)
	}
}

func TestUnknownInstance(t *testing.T) {
	w := newWorld(t)
	for host, known := range map[string]bool{
		"login.microsoftonline.com": true, "login.windows.net": true, "LOGIN.microsoftonline.us": true,
		strings.TrimPrefix(w.Cloud().Authority, "https://"): true,
		"login.example.com": false,
	} {
		resp, err := w.HTTPClient().Get(w.Cloud().Authority + "/common/discovery/instance?api-version=1.1&authorization_endpoint=" +
			url.QueryEscape("https://"+host+"/contoso.com/oauth2/v2.0/authorize"))
		if err != nil {
			t.Fatal(err)
		}
		status := resp.StatusCode
		if body := readBody(t, resp); known != (status == 200) || !known && !strings.Contains(body, `"error":"invalid_instance"`) {
			t.Errorf("%s: %s", host, body)
		}
	}
}
