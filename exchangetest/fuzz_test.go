package exchangetest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever a form says, the token endpoint answers in JSON and gives no token
// away.
func FuzzTokenRequest(f *testing.F) {
	for _, seed := range []string{
		"grant_type=client_credentials&client_id=x&scope=a/.default&client_secret=x", "grant_type=refresh_token&refresh_token=x&client_id=x",
		"grant_type=client_credentials&scope=a/.default&client_assertion_type=" + assertionType + "&client_assertion=e30.eyJuYmYiOiIxZTk5OSJ9.e30",
		"grant_type=password&username=a@contoso.com&password=x&scope=https://outlook.office.com/x//", "%", "grant_type=device_code&device_code=",
		"grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&requested_token_use=on_behalf_of&assertion=a.b.c&scope=x",
	} {
		f.Add(seed, "contoso.com")
		f.Add(seed, "common")
	}
	s := NewServer()
	f.Cleanup(s.Close)
	app := s.Tenant().AddApp("fuzz")
	app.SetPublicFlows(true)
	routes := s.entra.Handler()
	f.Fuzz(func(t *testing.T, form, tenant string) {
		values, _ := url.ParseQuery(form)
		if id := values.Get("client_id"); id != "" {
			values.Set("client_id", app.ClientID)
		}
		r := httptest.NewRequest("POST", "https://localhost/"+url.PathEscape(tenant)+"/oauth2/v2.0/token", strings.NewReader(values.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		routes.ServeHTTP(w, r)
		if w.Code == http.StatusOK || w.Code == http.StatusBadRequest && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		s.records.Forget()
	})
}
