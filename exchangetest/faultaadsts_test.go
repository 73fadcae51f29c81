package exchangetest

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/exoauth/exoauth/exchangetest/internal/aadsts"
)

// numbers are those that the emulator has an answer for, of which there
// are as many as the reference counts.
func numbers(t *testing.T) []int {
	t.Helper()
	codes := Refusals()
	if len(codes) < 100 {
		t.Fatalf("%d refusals", len(codes))
	}
	return codes
}

// Each refusal in the shape of the token endpoint, the suberror and the claims
// aside, which checkEntraError knows nothing of.
func TestFaultRefusals(t *testing.T) {
	w := newWorld(t)
	for _, code := range numbers(t) {
		t.Run(fmt.Sprint("AADSTS", code), func(t *testing.T) {
			want, _ := aadsts.Lookup(code)
			w.Inject(Fault{At: AtEntra, Command: "token", AADSTS: code})
			resp, body := w.post(t, "contoso.com", w.form())
			for name, value := range map[string]string{"suberror": want.Suberror, "claims": want.Claims} {
				member := fmt.Sprintf(",%q:%q", name, value)
				if value != "" && !strings.Contains(body, member) {
					t.Errorf("no %s in %s", member, body)
				}
				body = strings.Replace(body, member, "", 1)
			}
			checkEntraError(t, resp, body, want.Status(), want.Error, code)
			list := w.Requests()
			if got := list[len(list)-1]; got.AADSTS != code || got.Status != want.Status() || got.Error == "" || got.ClientID != w.app.ClientID {
				t.Errorf("recorded %+v", got)
			}
			if strings.Contains(body, w.app.Secret) {
				t.Error("the answer contains the secret")
			}
		})
	}
	if resp, _ := w.post(t, "contoso.com", w.form()); resp.StatusCode != 200 {
		t.Error("a refusal strikes twice")
	}
}

// What the request says stands in the text.
func TestFaultRefusalText(t *testing.T) {
	w := newWorld(t)
	form := w.form()
	form.Set("username", "{tenant}@contoso.com")
	for _, row := range []struct {
		code int
		want string
	}{
		{700016, "'" + w.app.ClientID + "' was not found in the directory 'contoso.com'"},
		{7000112, "'" + w.app.ClientID + "'(Invoices) is disabled"},
		{9001023, "'client_credentials' isn't supported"},
		{50034, "account {tenant}@contoso.com does"},
		{70011, "The scope https://outlook.office365.com/.default is"},
		{70000, "input parameter 'unknown' is"},
	} {
		w.Inject(Fault{At: AtEntra, AADSTS: row.code})
		if _, body := w.post(t, "contoso.com", form); !strings.Contains(body, row.want) {
			t.Errorf("AADSTS%d: %s", row.code, body)
		}
	}
}

func TestFaultRefusalStatusAndHeader(t *testing.T) {
	w := newWorld(t)
	w.Inject(Fault{At: AtEntra, AADSTS: 90033, Status: 503, Header: http.Header{"retry-after": {"7"}}})
	resp, body := w.post(t, "contoso.com", w.form())
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "7" || !strings.Contains(body, "temporarily_unavailable") {
		t.Errorf("%s %v %s", resp.Status, resp.Header, body)
	}
}

// The refusal comes in the way of each endpoint.
func TestFaultRefusalAtEndpoints(t *testing.T) {
	w := newWorld(t)
	const redirect = "https://app.example.com/callback"
	w.app.AddRedirectURI(Web, redirect)
	query := url.Values{"client_id": {w.app.ClientID}, "response_type": {"code"}, "redirect_uri": {redirect}, "scope": {"openid"}, "state": {"s"}}.Encode()
	client := w.HTTPClient()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, row := range []struct {
		name, path string
		code       int
		status     int
		want       string // in Location and body
	}{
		{"sign-in page, told to the application", "/contoso.com/oauth2/v2.0/authorize?" + query, 53000, 302, redirect + "?error=interaction_required&error_description=AADSTS53000"},
		{"sign-in page, shown", "/contoso.com/oauth2/v2.0/authorize?" + query, 50011, 400, "AADSTS50011"},
		{"sign-in page, nowhere to send to", "/contoso.com/oauth2/v2.0/authorize", 53000, 400, "AADSTS53000"},
		{"admin consent", "/contoso.com/v2.0/adminconsent?" + query, 1003031, 302, redirect + "?error=access_denied&error_description=AADSTS1003031"},
		{"page for a code", "/common/oauth2/deviceauth", 90033, 400, "AADSTS90033"},
		{"device code", "/contoso.com/oauth2/v2.0/devicecode", 50059, 400, `"error_codes":[50059]`},
		{"metadata", "/contoso.com/v2.0/.well-known/openid-configuration", 90002, 400, `"error_codes":[90002]`},
	} {
		t.Run(row.name, func(t *testing.T) {
			w.Inject(Fault{At: AtEntra, AADSTS: row.code})
			resp, err := client.Get(w.Cloud().Authority + row.path)
			if err != nil {
				t.Fatal(err)
			}
			if got := resp.Header.Get("Location") + readBody(t, resp); resp.StatusCode != row.status || !strings.Contains(got, row.want) {
				t.Errorf("%s %s", resp.Status, got)
			}
		})
	}
	if n := len(w.Requests()); n != 0 {
		t.Errorf("%d requests for tokens recorded", n)
	}
}

func readBody(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
