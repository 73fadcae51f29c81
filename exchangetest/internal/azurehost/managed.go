package azurehost

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/exoauth/exoauth/exchangetest/internal/directory"
	"github.com/exoauth/exoauth/exchangetest/internal/record"
	"github.com/exoauth/exoauth/exchangetest/internal/token"
	"github.com/exoauth/exoauth/exchangetest/internal/web"
)

// A hostError is a refusal of a host, in words of its own.
type hostError struct {
	status int
	name   string
	text   string
}

// A hostForm is how a kind of host wants to be asked.
type hostForm struct {
	method  string
	path    string
	version string // api-version; empty for none
	header  string // that must be there
	value   string // of the header; empty for the host's secret
	ids     map[string]func(*directory.App) string
}

func clientID(a *directory.App) string   { return a.ClientID }
func objectID(a *directory.App) string   { return a.ServicePrincipalID }
func resourceID(a *directory.App) string { return a.ResourceID }

// hostForms has the forms as documented.
// (https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token,
// https://learn.microsoft.com/azure/app-service/overview-managed-identity,
// https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication,
// https://learn.microsoft.com/azure/service-fabric/how-to-managed-identity-service-fabric-app-code)
// That of Machine Learning wants to be told an identity in every request
// (https://github.com/AzureAD/microsoft-authentication-library-for-dotnet/issues/5167);
// Arc has identities beside its own since 2026, for clients that are told in
// the answer which it was (MSAL Go 1.10).
var hostForms = map[Kind]hostForm{
	VM: {"GET", "/metadata/identity/oauth2/token", "2018-02-01", "Metadata", "true", map[string]func(*directory.App) string{
		"client_id": clientID, "object_id": objectID, "msi_res_id": resourceID,
	}},
	AppService: {"GET", "/msi/token", "2019-08-01", "X-Identity-Header", "", map[string]func(*directory.App) string{
		"client_id": clientID, "mi_res_id": resourceID, "object_id": objectID, "principal_id": objectID,
	}},
	Arc: {"GET", "/metadata/identity/oauth2/token", "2020-06-01", "Metadata", "true", map[string]func(*directory.App) string{
		"client_id": clientID, "object_id": objectID, "msi_res_id": resourceID,
	}},
	CloudShell:    {"POST", "/oauth2/token", "", "Metadata", "true", nil},
	AzureML:       {"GET", "/MSI/auth", "2017-09-01", "Secret", "", map[string]func(*directory.App) string{"clientid": clientID}},
	ServiceFabric: {"GET", "/metadata/identity/oauth2/token", "2019-07-01-preview", "Secret", "", nil},
}

func (h *Host) serve(w http.ResponseWriter, r *http.Request) {
	if err := web.ReadForm(w, r); err != nil {
		http.Error(w, "Bad Request", http.StatusBadRequest)
		return
	}
	form := hostForms[h.kind]
	if r.URL.Path != form.path {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	rec := h.newRequest(r)
	rec.Status = http.StatusOK
	defer func() { h.Records.AddRequest(rec) }()
	refusal := h.check(r, form)
	if refusal == nil && h.kind == Arc {
		refusal = h.challenge(w, r)
	}
	var app *directory.App
	if refusal == nil {
		app, refusal = h.identity(r, form)
	}
	if refusal != nil {
		rec.Status, rec.Error = refusal.status, refusal.text
		h.Logger.Info("managed identity refused", "error", refusal.text)
		web.WriteJSON(w, refusal.status, map[string]string{"error": refusal.name, "error_description": refusal.text})
		return
	}
	rec.Tenant, rec.ClientID = app.Tenant().ID, app.ClientID
	answer := h.answer(app, r.Form.Get("resource"))
	if h.kind == Arc {
		for name, id := range form.ids {
			if r.Form.Has(name) {
				answer[name] = id(app)
			}
		}
	}
	rec.Claims = h.Mint.ClaimsOf(answer["access_token"].(string))
	web.WriteJSON(w, http.StatusOK, answer)
}

// newRequest begins the record of a request to a host, whose form must have
// been parsed.
func (h *Host) newRequest(r *http.Request) record.Request {
	return record.Request{Time: h.Mint.Clock.Now(), Grant: "managed identity", Scope: r.Form.Get("resource")}
}

// check says what is wrong with the form of a request.
func (h *Host) check(r *http.Request, form hostForm) *hostError {
	switch {
	case r.Method != form.method:
		return &hostError{http.StatusMethodNotAllowed, "invalid_request", "Method not allowed"}
	case r.Header.Get("X-Forwarded-For") != "":
		return &hostError{http.StatusBadRequest, "invalid_request", "The request has been forwarded"}
	case r.Header.Get(form.header) != cmp.Or(form.value, h.secret):
		if form.value == "" {
			return &hostError{http.StatusUnauthorized, "unauthorized_client", "The secret in the header " + form.header + " is wrong"}
		}
		return &hostError{http.StatusBadRequest, "bad_request_102", "Required metadata header not specified"}
	case r.Form.Get("api-version") != form.version:
		return &hostError{http.StatusBadRequest, "invalid_request", "The api-version is not supported; use " + form.version}
	case r.Form.Get("resource") == "":
		return &hostError{http.StatusBadRequest, "invalid_request", "The parameter resource is missing"}
	}
	return nil
}

// identity finds the identity that is asked for.
func (h *Host) identity(r *http.Request, form hostForm) (*directory.App, *hostError) {
	asked := h.kind == AzureML
	for name, id := range form.ids {
		want := r.Form.Get(name)
		asked = asked || want != ""
		for _, a := range h.identities {
			if want != "" && strings.EqualFold(id(a), want) {
				return a, nil
			}
		}
	}
	if asked || len(h.identities) == 0 {
		return nil, &hostError{http.StatusBadRequest, "invalid_request", "Identity not found"}
	}
	return h.identities[0], nil
}

// challenge wants to be shown the content of a file that only who may read it
// can know.
func (h *Host) challenge(w http.ResponseWriter, r *http.Request) *hostError {
	shown, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Basic ")
	h.mu.Lock()
	defer h.mu.Unlock()
	if ok {
		for path := range h.keys {
			if key, err := os.ReadFile(path); err == nil && string(key) == shown {
				os.Remove(path)
				delete(h.keys, path)
				return nil
			}
		}
		return &hostError{http.StatusUnauthorized, "invalid_request", "The key is wrong"}
	}
	path := filepath.Join(h.KeyDir(), rand.Text()+".key")
	err := os.MkdirAll(h.KeyDir(), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(rand.Text()), 0o600)
	}
	if err != nil {
		return &hostError{http.StatusInternalServerError, "server_error", fmt.Sprintf("exchangetest: no key can be left: %v; set KeyDir of the Host", err)}
	}
	h.keys[path] = true
	w.Header().Set("WWW-Authenticate", "Basic realm="+path)
	return &hostError{http.StatusUnauthorized, "unauthorized", "Show the key"}
}

// answer returns a token in the shape of the host: with numbers in strings,
// mostly.
func (h *Host) answer(a *directory.App, resource string) map[string]any {
	now := h.Mint.Clock.Now()
	key := a.ClientID + " " + resource
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tokens[key]
	if !now.Before(t.expires) {
		t = keptToken{h.Mint.Issue(a, token.Options{Audience: resource, Lifetime: managedLifetime}), now.Add(managedLifetime)}
		h.tokens[key] = t
	}
	answer := map[string]any{"access_token": t.value, "resource": resource, "token_type": "Bearer"}
	on, in := strconv.FormatInt(t.expires.Unix(), 10), strconv.FormatInt(int64(t.expires.Sub(now).Seconds()), 10)
	switch h.kind {
	case VM, Arc, CloudShell:
		answer["refresh_token"], answer["expires_in"], answer["expires_on"] = "", in, on
		answer["not_before"] = strconv.FormatInt(now.Unix(), 10)
	case AppService:
		answer["expires_on"], answer["client_id"] = on, a.ClientID
	case AzureML, ServiceFabric:
		answer["expires_on"] = json.Number(on)
	}
	return answer
}
