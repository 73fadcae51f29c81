package exchangetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
)

func (w *world) form() url.Values {
	return url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {w.app.ClientID},
		"client_secret": {w.app.Secret},
		"scope":         {"https://outlook.office365.com/.default"},
	}
}

func (w *world) post(t testing.TB, tenant string, form url.Values) (*http.Response, string) {
	t.Helper()
	resp, err := w.HTTPClient().PostForm("https://login.microsoftonline.com/"+tenant+"/oauth2/v2.0/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestTokenRequest(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		name   string
		tenant string
		scope  string
	}{
		{"tenant by id", w.tenant.ID, "https://outlook.office365.com/.default"},
		{"tenant by id in upper case", strings.ToUpper(w.tenant.ID), "https://outlook.office365.com/.default"},
		{"tenant by initial domain", "contoso.onmicrosoft.com", "https://outlook.office365.com/.default"},
		{"tenant by domain in upper case", "CONTOSO.COM", "https://outlook.office365.com/.default"},
		{"with the scopes of OpenID Connect", "contoso.com", "openid https://outlook.office365.com/.default offline_access profile"},
	} {
		t.Run(row.name, func(t *testing.T) {
			form := w.form()
			form.Set("scope", row.scope)
			resp, body := w.post(t, row.tenant, form)
			var got struct {
				TokenType    string `json:"token_type"`
				ExpiresIn    int    `json:"expires_in"`
				ExtExpiresIn int    `json:"ext_expires_in"`
				AccessToken  string `json:"access_token"`
			}
			if err := json.Unmarshal([]byte(body), &got); err != nil || resp.StatusCode != 200 {
				t.Fatalf("%s: %s", resp.Status, body)
			}
			if got.TokenType != "Bearer" || got.ExpiresIn < 3600 || got.ExpiresIn > 5400 || got.ExtExpiresIn != got.ExpiresIn {
				t.Errorf("answer %s", body)
			}
			w.authenticated(t, shared, got.AccessToken)
		})
	}
}

func TestTokenRequestBasic(t *testing.T) {
	w := newWorld(t)
	form := w.form()
	form.Del("client_id")
	form.Del("client_secret")
	req, _ := http.NewRequestWithContext(t.Context(), "POST", w.Cloud().Authority+"/contoso.com/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(w.app.ClientID), url.QueryEscape(w.app.Secret))
	resp, err := w.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
	if got := w.Requests()[0]; got.ClientID != w.app.ClientID || got.Status != 200 {
		t.Errorf("request %+v", got)
	}
}

func TestTokenRequestRefused(t *testing.T) {
	w := newWorld(t)
	expired := w.app.AddSecret(-time.Second)
	expiredLater := w.app.AddSecret(0)
	w.app.ExpireSecret(expiredLater)
	removed := w.app.AddSecret(0)
	w.app.RemoveSecret(removed)
	set := func(pairs ...string) func(url.Values) {
		return func(form url.Values) {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i+1] == "" {
					form.Del(pairs[i])
				} else {
					form.Set(pairs[i], pairs[i+1])
				}
			}
		}
	}
	for _, row := range []struct {
		name   string
		tenant string
		change func(url.Values)
		status int
		error  string
		code   int
	}{
		{"no grant", "contoso.com", set("grant_type", ""), 400, "invalid_request", 900144},
		{"unknown grant", "contoso.com", set("grant_type", "magic"), 400, "unsupported_grant_type", 70003},
		{"common", "common", set(), 400, "invalid_request", 50059},
		{"organizations", "organizations", set(), 400, "invalid_request", 50059},
		{"unknown tenant", "fabrikam.com", set(), 400, "invalid_request", 90002},
		{"no client id", "contoso.com", set("client_id", ""), 400, "invalid_request", 900144},
		{"unknown application", "contoso.com", set("client_id", guid.New()), 400, "unauthorized_client", 700016},
		{"object id for client id", "contoso.com", set("client_id", w.app.ObjectID), 400, "unauthorized_client", 700016},
		{"no scope", "contoso.com", set("scope", ""), 400, "invalid_request", 90014},
		{"no scope but OpenID Connect's", "contoso.com", set("scope", "openid profile"), 400, "invalid_request", 90014},
		{"delegated scope", "contoso.com", set("scope", "https://outlook.office365.com/IMAP.AccessAsUser.All"), 400, "invalid_scope", 1002012},
		{"default of no resource", "contoso.com", set("scope", "/.default"), 400, "invalid_scope", 1002012},
		{"two resources", "contoso.com", set("scope", "https://outlook.office365.com/.default https://graph.microsoft.com/.default"), 400, "invalid_scope", 1002012},
		{"no secret", "contoso.com", set("client_secret", ""), 401, "invalid_client", 7000216},
		{"wrong secret", "contoso.com", set("client_secret", "wrong"), 401, "invalid_client", 7000215},
		{"secret removed", "contoso.com", set("client_secret", removed), 401, "invalid_client", 7000215},
		{"secret expired", "contoso.com", set("client_secret", expired), 401, "invalid_client", 7000222},
		{"secret made to expire", "contoso.com", set("client_secret", expiredLater), 401, "invalid_client", 7000222},
	} {
		t.Run(row.name, func(t *testing.T) {
			form := w.form()
			row.change(form)
			resp, body := w.post(t, row.tenant, form)
			checkEntraError(t, resp, body, row.status, row.error, row.code)
			list := w.Requests()
			if got := list[len(list)-1]; got.AADSTS != row.code || got.Status != row.status || got.Tenant != row.tenant {
				t.Errorf("recorded %+v", got)
			}
			if secret := form.Get("client_secret"); secret != "" && strings.Contains(body, secret) {
				t.Error("the answer contains the secret")
			}
		})
	}
}

// checkEntraError compares the whole shape of an error with the recordings.
func checkEntraError(t *testing.T, resp *http.Response, body string, status int, name string, code int) {
	t.Helper()
	var got struct {
		Error         string `json:"error"`
		Description   string `json:"error_description"`
		Codes         []int  `json:"error_codes"`
		Timestamp     string `json:"timestamp"`
		TraceID       string `json:"trace_id"`
		CorrelationID string `json:"correlation_id"`
		URI           string `json:"error_uri"`
	}
	dec := json.NewDecoder(strings.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&got); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if resp.StatusCode != status || got.Error != name || len(got.Codes) != 1 || got.Codes[0] != code {
		t.Fatalf("%s: %s; want %d %s %d", resp.Status, body, status, name, code)
	}
	tail := fmt.Sprintf("\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s", got.TraceID, got.CorrelationID, got.Timestamp)
	if !strings.HasPrefix(got.Description, fmt.Sprintf("AADSTS%d: ", code)) || !strings.HasSuffix(got.Description, tail) {
		t.Errorf("error_description %q", got.Description)
	}
	if _, err := time.Parse("2006-01-02 15:04:05Z", got.Timestamp); err != nil {
		t.Error(err)
	}
	if got.URI != fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", code) {
		t.Errorf("error_uri %q", got.URI)
	}
	for key, want := range map[string]string{
		"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store, no-cache", "Pragma": "no-cache",
		"Expires": "-1", "X-Ms-Request-Id": got.TraceID, "X-Ms-Clitelem": fmt.Sprintf("1,%d,0,,", code),
	} {
		if resp.Header.Get(key) != want {
			t.Errorf("%s: %q, want %q", key, resp.Header.Get(key), want)
		}
	}
}

func TestTokenRequestGET(t *testing.T) {
	w := newWorld(t)
	resp, err := w.HTTPClient().Get(w.Cloud().Authority + "/contoso.com/oauth2/v2.0/token")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 400 || !strings.Contains(string(body), "AADSTS900561") {
		t.Errorf("%s: %s", resp.Status, body)
	}
}

func TestTokenRequestTooBig(t *testing.T) {
	w := newWorld(t)
	form := w.form()
	form.Set("scope", strings.Repeat("x", maxForm))
	if resp, _ := w.post(t, "contoso.com", form); resp.StatusCode != 400 {
		t.Error(resp.Status)
	}
	if got := w.Requests(); len(got) != 1 || got[0].Status != 400 || got[0].Error == "" || got[0].Tenant != "contoso.com" {
		t.Errorf("recorded %+v", got)
	}
}

func TestSecretExpiresByTheClock(t *testing.T) {
	w := newWorld(t)
	form := w.form()
	form.Set("client_secret", w.app.AddSecret(time.Hour))
	w.Advance(time.Hour - time.Minute)
	if resp, body := w.post(t, "contoso.com", form); resp.StatusCode != 200 {
		t.Fatal(body)
	}
	w.Advance(time.Minute)
	if _, body := w.post(t, "contoso.com", form); !strings.Contains(body, "AADSTS7000222") {
		t.Error(body)
	}
}

func TestTokenLifetime(t *testing.T) {
	for _, row := range []struct {
		lifetime time.Duration
		want     string
		refresh  bool
	}{
		{10 * time.Minute, `"expires_in":600,`, false},
		{2 * time.Hour, `"expires_in":7200,`, false},
		{2*time.Hour + time.Second, `"refresh_in":3600,`, true},
		{24 * time.Hour, `"refresh_in":43200,`, true},
	} {
		t.Run(row.lifetime.String(), func(t *testing.T) {
			s := NewUnstartedServer()
			s.TokenLifetime = row.lifetime
			s.Start()
			defer s.Close()
			w := &world{Server: s, tenant: s.Tenant(), app: s.Tenant().AddApp("Invoices")}
			if _, body := w.post(t, "contoso.com", w.form()); !strings.Contains(body, row.want) || strings.Contains(body, "refresh_in") != row.refresh {
				t.Error(body)
			}
		})
	}
}

// A client may learn from an answer what time it is at Entra ID.
func TestTimeOfAnswers(t *testing.T) {
	w := newWorld(t)
	for _, skew := range []time.Duration{0, time.Hour, -time.Hour} {
		w.SetSkew(skew)
		form := w.form()
		form.Set("client_secret", "wrong")
		resp, body := w.post(t, "contoso.com", form)
		_, stamp, _ := strings.Cut(body, `"timestamp":"`)
		stamp, _, _ = strings.Cut(stamp, `"`)
		for name, layout := range map[string]string{stamp: "2006-01-02 15:04:05Z", resp.Header.Get("Date"): http.TimeFormat} {
			at, err := time.Parse(layout, name)
			if want := w.Now().Add(skew); err != nil || want.Sub(at).Abs() > 20*time.Second {
				t.Errorf("skew %v: %s, %v; want %v", skew, name, err, want)
			}
		}
	}
}

func TestTokenHandler(t *testing.T) {
	w := newWorld(t)
	w.SetTokenHandler(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if r.PostForm.Get("grant_type") != "client_credentials" || !strings.Contains(string(body), "client_credentials") {
				t.Errorf("body %q", body)
			}
			rw.Header().Set("Content-Type", "text/html")
			rw.WriteHeader(503)
			io.WriteString(rw, "<html>Service Unavailable</html>")
		})
	})
	if resp, body := w.post(t, "contoso.com", w.form()); resp.StatusCode != 503 || !strings.HasPrefix(body, "<html>") {
		t.Errorf("%s: %s", resp.Status, body)
	}
	w.SetTokenHandler(nil)
	if resp, body := w.post(t, "contoso.com", w.form()); resp.StatusCode != 200 {
		t.Errorf("%s: %s", resp.Status, body)
	}
	got := w.Requests()
	if len(got) != 2 || got[0].Status != 503 || got[1].Status != 200 || got[1].Grant != "client_credentials" {
		t.Errorf("requests %+v", got)
	}
}

func TestTokenHandlerDropsConnection(t *testing.T) {
	w := newWorld(t)
	w.SetTokenHandler(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	})
	if _, err := w.HTTPClient().PostForm(w.Cloud().Authority+"/contoso.com/oauth2/v2.0/token", w.form()); err == nil {
		t.Error("there was an answer")
	}
	if got := w.Requests(); len(got) == 0 || got[0].Status != 0 {
		t.Errorf("requests %+v", got)
	}
}
