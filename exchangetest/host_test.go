package exchangetest

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/exchangetest/internal/guid"
)

// What a fault answers is recorded like the answers of the host.
func TestHostFaultIsRecorded(t *testing.T) {
	w := newWorld(t)
	vm := w.AddHost(VM, w.tenant.AddManagedIdentity("vm-mail"))
	w.Inject(Fault{At: AtHost, Status: http.StatusServiceUnavailable, Reply: "{}"})
	if resp, _ := vm.ask(t); resp.StatusCode != http.StatusServiceUnavailable {
		t.Error(resp.Status)
	}
	got := w.Requests()
	if len(got) != 1 || got[0].Grant != "managed identity" || got[0].Scope != "https://outlook.office365.com" || got[0].Status != 503 || got[0].Tenant != "" {
		t.Errorf("recorded %+v", got)
	}
}

// hostForms are how the kinds of hosts want to be asked, by their documentation.
var hostForms = map[HostKind]struct{ method, path, version, header, value string }{
	VM:            {"GET", "/metadata/identity/oauth2/token", "2018-02-01", "Metadata", "true"},
	AppService:    {"GET", "/msi/token", "2019-08-01", "X-Identity-Header", ""},
	Arc:           {"GET", "/metadata/identity/oauth2/token", "2020-06-01", "Metadata", "true"},
	CloudShell:    {"POST", "/oauth2/token", "", "Metadata", "true"},
	AzureML:       {"GET", "/MSI/auth", "2017-09-01", "Secret", ""},
	ServiceFabric: {"GET", "/metadata/identity/oauth2/token", "2019-07-01-preview", "Secret", ""},
}

// ask asks a host for a token as its documentation has it; pairs of names and
// values change the parameters, and names with a colon the headers.
func (h *Host) ask(t testing.TB, pairs ...string) (*http.Response, map[string]any) {
	t.Helper()
	form := hostForms[h.kind]
	uri := "http://169.254.169.254" + form.path
	for _, name := range []string{"IDENTITY_ENDPOINT", "MSI_ENDPOINT"} {
		if e := h.Env()[name]; e != "" {
			uri = e
		}
	}
	q := url.Values{"resource": {"https://outlook.office365.com"}}
	if form.version != "" {
		q.Set("api-version", form.version)
	}
	if id := h.Env()["DEFAULT_IDENTITY_CLIENT_ID"]; id != "" {
		q.Set("clientid", id)
	}
	header := http.Header{form.header: {form.value}}
	if form.value == "" {
		header.Set(form.header, cmp.Or(h.Env()["IDENTITY_HEADER"], h.Env()["MSI_SECRET"]))
	}
	for i := 0; i < len(pairs); i += 2 {
		if name, ok := strings.CutSuffix(pairs[i], ":"); ok {
			header.Set(name, pairs[i+1])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	var body io.Reader
	if form.method == "POST" {
		body = strings.NewReader(q.Encode())
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		uri += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(t.Context(), form.method, uri, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	resp, err := h.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(resp.Status, err)
	}
	return resp, answer
}

func TestHost(t *testing.T) {
	w := newWorld(t)
	own := w.tenant.AddManagedIdentity("own", IMAPAccessAsApp)
	w.tenant.Grant(own, shared)
	for name, row := range map[string]struct {
		kind HostKind
		has  string // fields of the answer
		on   func(any) bool
	}{
		"VM":             {VM, "access_token expires_in expires_on not_before refresh_token resource token_type", isText},
		"App Service":    {AppService, "access_token client_id expires_on resource token_type", isText},
		"Cloud Shell":    {CloudShell, "access_token expires_in expires_on not_before refresh_token resource token_type", isText},
		"Azure ML":       {AzureML, "access_token expires_on resource token_type", isNumber},
		"Service Fabric": {ServiceFabric, "access_token expires_on resource token_type", isNumber},
	} {
		t.Run(name, func(t *testing.T) {
			h := w.AddHost(row.kind, own)
			resp, answer := h.ask(t)
			if resp.StatusCode != 200 {
				t.Fatal(answer)
			}
			for _, field := range strings.Fields(row.has) {
				if _, ok := answer[field]; !ok {
					t.Errorf("no %s", field)
				}
			}
			if len(answer) != len(strings.Fields(row.has)) || !row.on(answer["expires_on"]) {
				t.Errorf("answer %v", answer)
			}
			w.authenticated(t, shared, answer["access_token"].(string))
			list := w.Requests()
			if last := list[len(list)-1]; last.ClientID != own.ClientID || last.Grant != "managed identity" {
				t.Errorf("recorded %+v", last)
			}
		})
	}
}

func isNumber(v any) bool { _, ok := v.(float64); return ok }

func isText(v any) bool { _, ok := v.(string); return ok }

func TestHostRefuses(t *testing.T) {
	w := newWorld(t)
	own := w.tenant.AddManagedIdentity("own")
	assigned := w.tenant.AddManagedIdentity("assigned")
	vm, app := w.AddHost(VM, own, assigned), w.AddHost(AppService, own, assigned)
	none := w.AddHost(VM)
	ml := w.AddHost(AzureML, own, assigned)
	for _, row := range []struct {
		name   string
		host   *Host
		pairs  []string
		status int
		want   string // the error, or the identity's client id
	}{
		{"its own", vm, nil, 200, own.ClientID},
		{"by client id", vm, []string{"client_id", assigned.ClientID}, 200, assigned.ClientID},
		{"by object id", vm, []string{"object_id", assigned.ServicePrincipalID}, 200, assigned.ClientID},
		{"by resource id", vm, []string{"msi_res_id", assigned.ResourceID}, 200, assigned.ClientID},
		{"by resource id, App Service", app, []string{"mi_res_id", assigned.ResourceID}, 200, assigned.ClientID},
		{"by client id, Machine Learning", ml, []string{"clientid", assigned.ClientID}, 200, assigned.ClientID},
		{"Machine Learning is not told which", ml, []string{"clientid", ""}, 400, "Identity not found"},
		{"unknown identity", vm, []string{"client_id", guid.New()}, 400, "Identity not found"},
		{"no identity at all", none, nil, 400, "Identity not found"},
		{"no header", vm, []string{"Metadata:", ""}, 400, "Required metadata header not specified"},
		{"forwarded", vm, []string{"X-Forwarded-For:", "10.0.0.1"}, 400, "The request has been forwarded"},
		{"another version", vm, []string{"api-version", "2017-09-01"}, 400, "The api-version is not supported; use 2018-02-01"},
		{"no resource", vm, []string{"resource", ""}, 400, "The parameter resource is missing"},
		{"wrong secret", app, []string{"X-Identity-Header:", "x"}, 401, "The secret in the header X-Identity-Header is wrong"},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp, answer := row.host.ask(t, row.pairs...)
			list := w.Requests()
			got := list[len(list)-1].ClientID
			if row.status != 200 {
				got, _ = answer["error_description"].(string)
			}
			if resp.StatusCode != row.status || got != row.want || list[len(list)-1].Status != row.status {
				t.Errorf("%s %v", resp.Status, answer)
			}
		})
	}
}

func TestArcWantsToBeShownAKey(t *testing.T) {
	w := newWorld(t)
	h := w.AddHost(Arc, w.tenant.AddManagedIdentity("server"))
	h.KeyDir = t.TempDir()
	resp, _ := h.ask(t)
	path, ok := strings.CutPrefix(resp.Header.Get("WWW-Authenticate"), "Basic realm=")
	if resp.StatusCode != 401 || !ok || !strings.HasSuffix(path, ".key") {
		t.Fatal(resp.Status, resp.Header)
	}
	key, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if resp, _ := h.ask(t, "Authorization:", "Basic x"); resp.StatusCode != 401 {
		t.Error("a wrong key is taken")
	}
	if resp, _ := h.ask(t, "Authorization:", "Basic "+string(key)); resp.StatusCode != 200 {
		t.Error("the key is refused")
	}
	if resp, _ := h.ask(t, "Authorization:", "Basic "+string(key)); resp.StatusCode != 401 {
		t.Error("a key is taken twice")
	}
	h.ask(t)
	w.Close()
	if left, _ := os.ReadDir(h.KeyDir); len(left) != 0 {
		t.Errorf("%d keys are left behind", len(left))
	}
}

// An Arc host tells which of its identities a token is for, by the name that the
// request has for it: clients refuse one that does not.
func TestArcTellsWhichIdentity(t *testing.T) {
	w := newWorld(t)
	own, assigned := w.tenant.AddManagedIdentity("own"), w.tenant.AddManagedIdentity("assigned")
	h := w.AddHost(Arc, own, assigned)
	h.KeyDir = t.TempDir()
	for _, row := range []struct{ name, id, want string }{
		{"client_id", assigned.ClientID, assigned.ClientID},
		{"object_id", assigned.ServicePrincipalID, assigned.ClientID},
		{"msi_res_id", strings.ToUpper(assigned.ResourceID), assigned.ClientID},
		{"", "", own.ClientID},
	} {
		pairs := []string{row.name, row.id}
		if row.name == "" {
			pairs = nil
		}
		resp, _ := h.ask(t, pairs...)
		key, err := os.ReadFile(strings.TrimPrefix(resp.Header.Get("WWW-Authenticate"), "Basic realm="))
		if err != nil {
			t.Fatal(err)
		}
		_, answer := h.ask(t, append(pairs, "Authorization:", "Basic "+string(key))...)
		echo, _ := answer[row.name].(string)
		if list := w.Requests(); list[len(list)-1].ClientID != row.want || !strings.EqualFold(echo, row.id) {
			t.Errorf("%s: %v", row.name, answer)
		}
	}
}

// What is granted does not show before the host asks for a new token.
func TestHostKeepsTokens(t *testing.T) {
	w := newWorld(t)
	identity := w.tenant.AddManagedIdentity("own")
	h := w.AddHost(VM, identity)
	token := func() string {
		_, answer := h.ask(t)
		return answer["access_token"].(string)
	}
	first := token()
	w.admin(t, "New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId "+identity.ServicePrincipalID+" -PrincipalId "+identity.ServicePrincipalID+" -ResourceId {exo} -AppRoleId {imap}")
	w.Advance(managedLifetime - time.Minute)
	if token() != first {
		t.Error("a new token within the day")
	}
	w.Advance(time.Minute)
	second := token()
	if second == first {
		t.Error("no new token after a day")
	}
	if h.Forget(); token() == second {
		t.Error("no new token after Forget")
	}
}

func TestManagedIdentityHasNoSecret(t *testing.T) {
	w := newWorld(t)
	w.app = w.tenant.AddManagedIdentity("own")
	if w.accepts(t, "") || w.app.Secret != "" {
		t.Error("it has one")
	}
	defer func() {
		if recover() == nil {
			t.Error("an app that is no managed identity is given to a host")
		}
	}()
	w.AddHost(VM, w.tenant.AddApp("x"))
}
