package exchangetest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// Whatever a browser or a program sends, the pages and the hosts answer it,
// within what HTTP and HTML allow, and lead nowhere but to where the
// application is.
func FuzzPages(f *testing.F) {
	s := NewServer()
	f.Cleanup(s.Close)
	t := s.Tenant()
	app := t.AddApp("fuzz")
	app.SetPublicFlows(true)
	app.AddRedirectURI(Desktop, "http://localhost")
	app.AddRedirectURI(Web, "https://app.contoso.com/callback")
	app.Consent(nil, IMAPAccessAsUser)
	user := t.AddUser("adele@contoso.com")
	user.SetState(UserState{Administrator: true})
	cookie := signInCookie(f, s, app, user)
	code := deviceCode(f, s, app)
	vm := s.AddHost(VM, t.AddManagedIdentity("vm"))
	routes := s.entra.Handler()
	id := "client_id=" + app.ClientID
	for _, seed := range [][3]string{
		{"/common/oauth2/v2.0/authorize", id + "&response_type=code&redirect_uri=http://localhost&scope=openid&state=%0d%0a", "action=accept"},
		{"/common/oauth2/v2.0/authorize", id + "&response_type=code&redirect_uri=https://app.contoso.com/callback&scope=x/y/z&response_mode=form_post", "action=decline"},
		{"/contoso.com/oauth2/v2.0/authorize", id + "&prompt=none&response_type=code&redirect_uri=http://localhost:1&scope=a/.default", "action=mfa"},
		{"/organizations/oauth2/v2.0/authorize", id + "&prompt=login&response_type=code&redirect_uri=http://localhost&scope=openid", "action=signin&login=%22%3E%3Cscript%3E&passwd=x"},
		{"/common/oauth2/v2.0/authorize", id + "&response_type=code&redirect_uri=http://localhost.example.com&scope=openid", "action=cancel"},
		{"/contoso.com/adminconsent", id + "&redirect_uri=http://localhost", "action=accept"},
		{"/contoso.com/v2.0/adminconsent", id + "&redirect_uri=http://localhost&scope=/", "action=accept"},
		{"/common/oauth2/deviceauth", "otc=" + code, "action=accept"},
		{"/common/oauth2/deviceauth", "otc=%3Cb%3E", "action=code"},
		{"/contoso.com/oauth2/v2.0/devicecode", "", id + "&scope=//"},
		{"/common/userrealm/x@y", "", ""},
		{"/common/discovery/instance", "authorization_endpoint=://&api-version=1.1", ""},
		{"/federation/issuers/x/.well-known/openid-configuration", "", ""},
		{"/metadata/identity/oauth2/token", "api-version=2018-02-01&resource=x&client_id=y", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], true)
		f.Add(seed[0], seed[1], seed[2], false)
	}
	f.Fuzz(func(t *testing.T, path, query, form string, signedIn bool) {
		u := &url.URL{Scheme: "https", Host: "localhost", Path: "/" + strings.TrimPrefix(path, "/"), RawQuery: query}
		method := "GET"
		if form != "" {
			method = "POST"
		}
		r, err := http.NewRequest(method, u.String(), strings.NewReader(form))
		if err != nil {
			t.Skip()
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Metadata", "true")
		if signedIn {
			r.AddCookie(cookie)
		}
		for _, handler := range []http.Handler{routes, vm.in.Handler()} {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r.Clone(t.Context()))
			to := w.Header().Get("Location")
			if w.Code >= 500 || strings.ContainsAny(to, "\r\n") || !leadsHome(to) || strings.Contains(w.Body.String(), "<script>alert") {
				t.Errorf("%d %q %s", w.Code, to, w.Body)
			}
		}
		s.records.Forget()
	})
}

// signInCookie signs the user in, as the browser remembers.
func signInCookie(t testing.TB, s *Server, app *App, user *User) *http.Cookie {
	t.Helper()
	b := s.Browser(user)
	uri := s.Cloud().Authority + "/common/oauth2/v2.0/authorize?response_type=code&redirect_uri=http://localhost&scope=openid&client_id=" + app.ClientID
	if _, err := b.Authorize(t.Context(), uri); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(s.Cloud().Authority)
	must(err)
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == ssoCookie {
			return c
		}
	}
	t.Fatal("the browser has no cookie")
	return nil
}

func deviceCode(t testing.TB, s *Server, app *App) string {
	t.Helper()
	resp, err := s.HTTPClient().PostForm(s.Cloud().Authority+"/common/oauth2/v2.0/devicecode", url.Values{"client_id": {app.ClientID}, "scope": {"openid"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		UserCode string `json:"user_code"`
	}
	must(json.NewDecoder(resp.Body).Decode(&answer))
	return answer.UserCode
}

// leadsHome reports whether a Location, if there is one, is of the server or of
// the application.
func leadsHome(to string) bool {
	u, err := url.Parse(to)
	switch {
	case err != nil:
		return false
	case u.Host == "":
		return u.Scheme == ""
	}
	return u.Scheme == "http" && strings.EqualFold(u.Hostname(), "localhost") || u.Scheme == "https" && u.Host == "app.contoso.com"
}
