package tokensource

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exoauth/exoauth"
	"github.com/exoauth/exoauth/internal/azurehost"
	"github.com/exoauth/exoauth/internal/plain"
)

const (
	testHeader   = "PLANTED-identity-header"
	testArcKey   = "PLANTED-key-of-the-agent"
	testIdentity = "22222222-3333-4444-5555-666666666666"
	testResource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mail"
)

// A fakeHost is a host of managed identities without a network.
type fakeHost struct {
	answer func(n int, r *http.Request) (*http.Response, error)

	mu       sync.Mutex
	requests []*http.Request
	forms    []url.Values // of the bodies
	times    []time.Time
}

func (h *fakeHost) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body = must(io.ReadAll(r.Body))
	}
	h.mu.Lock()
	h.requests = append(h.requests, r)
	h.forms = append(h.forms, must(url.ParseQuery(string(body))))
	h.times = append(h.times, time.Now())
	n := len(h.requests)
	h.mu.Unlock()
	if h.answer == nil {
		return identityToken(n, 24*time.Hour), nil
	}
	return h.answer(n, r)
}

// identityToken is an answer of IMDS.
func identityToken(n int, lifetime time.Duration) *http.Response {
	seconds := int(lifetime.Seconds())
	return response(200, fmt.Sprintf(`{"access_token":"%s","refresh_token":"","expires_in":"%d","expires_on":"%d","not_before":"1","resource":"r","token_type":"Bearer"}`,
		tokenNumber(n), seconds, time.Now().Unix()+int64(seconds)))
}

// environment is a machine with these variables, and with these files.
func environment(variables map[string]string, files ...string) azurehost.Machine {
	return azurehost.Machine{
		Getenv: func(name string) string { return variables[name] },
		Exists: func(path string) bool { return slices.Contains(files, path) },
		GOOS:   "linux",
	}
}

// at returns a source at this host, and its log.
func (h *fakeHost) at(o ManagedIdentityOptions, m azurehost.Machine) (*Source, *logBuffer) {
	log := new(logBuffer)
	o.HTTPClient = &http.Client{Transport: h}
	o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return managedIdentity(o, m), log
}

var (
	noVariables = map[string]string{}
	appVars     = map[string]string{"IDENTITY_ENDPOINT": "http://127.0.0.1:41321/msi/token/", "IDENTITY_HEADER": testHeader}
	learnVars   = map[string]string{"MSI_ENDPOINT": "http://127.0.0.1:41322/msi/token", "MSI_SECRET": testHeader, "DEFAULT_IDENTITY_CLIENT_ID": "default"}
	shellVars   = map[string]string{"MSI_ENDPOINT": "http://localhost:50342/oauth2/token"}
	arcVars     = map[string]string{"IDENTITY_ENDPOINT": "http://127.0.0.1:40342/metadata/identity/oauth2/token", "IMDS_ENDPOINT": "http://127.0.0.1:40342"}
)

func TestRequestOfEachHost(t *testing.T) {
	const resource = "resource=https%3A%2F%2Foutlook.office365.com"
	const imdsURL = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&"
	user := ManagedIdentityOptions{ClientID: testIdentity}
	object := ManagedIdentityOptions{ObjectID: testIdentity}
	byResource := ManagedIdentityOptions{ResourceID: testResource}
	tests := []struct {
		name    string
		vars    map[string]string
		files   []string
		options ManagedIdentityOptions
		url     string
		header  [2]string
		form    string // of a POST
	}{
		{"IMDS", noVariables, nil, ManagedIdentityOptions{}, imdsURL + resource, [2]string{"Metadata", "true"}, ""},
		{"IMDS by client id", noVariables, nil, user, imdsURL + "client_id=" + testIdentity + "&" + resource, [2]string{"Metadata", "true"}, ""},
		{"IMDS by object id", noVariables, nil, object, imdsURL + "object_id=" + testIdentity + "&" + resource, [2]string{"Metadata", "true"}, ""},
		{"IMDS by resource id", noVariables, nil, byResource, imdsURL + "msi_res_id=" + url.QueryEscape(testResource) + "&" + resource, [2]string{"Metadata", "true"}, ""},
		{"IMDS of another cloud", noVariables, nil, ManagedIdentityOptions{Resource: exoauth.China.Resource}, imdsURL + "resource=https%3A%2F%2Fpartner.outlook.cn", [2]string{"Metadata", "true"}, ""},
		{"a header and a thumbprint alone", map[string]string{"IDENTITY_HEADER": testHeader, "IDENTITY_SERVER_THUMBPRINT": "ab"}, nil, ManagedIdentityOptions{}, imdsURL + resource, [2]string{"Metadata", "true"}, ""},
		{"an endpoint and a thumbprint alone", map[string]string{"IDENTITY_ENDPOINT": arcVars["IDENTITY_ENDPOINT"], "IDENTITY_SERVER_THUMBPRINT": "ab"}, nil, ManagedIdentityOptions{}, imdsURL + resource, [2]string{"Metadata", "true"}, ""},
		{"an endpoint alone", map[string]string{"IDENTITY_ENDPOINT": arcVars["IDENTITY_ENDPOINT"]}, nil, ManagedIdentityOptions{}, imdsURL + resource, [2]string{"Metadata", "true"}, ""},
		{"a header alone", map[string]string{"IDENTITY_HEADER": testHeader}, nil, ManagedIdentityOptions{}, imdsURL + resource, [2]string{"Metadata", "true"}, ""},
		{"the variable of Arc that names no endpoint", map[string]string{"IMDS_ENDPOINT": arcVars["IMDS_ENDPOINT"]}, nil, ManagedIdentityOptions{}, imdsURL + resource, [2]string{"Metadata", "true"}, ""},
		{"a secret alone", map[string]string{"MSI_SECRET": testHeader}, nil, ManagedIdentityOptions{}, imdsURL + resource, [2]string{"Metadata", "true"}, ""},
		{"App Service", appVars, nil, ManagedIdentityOptions{}, "http://127.0.0.1:41321/msi/token/?api-version=2019-08-01&" + resource, [2]string{"X-Identity-Header", testHeader}, ""},
		{"App Service by client id", appVars, nil, user, "http://127.0.0.1:41321/msi/token/?api-version=2019-08-01&client_id=" + testIdentity + "&" + resource, [2]string{"X-Identity-Header", testHeader}, ""},
		{"App Service by object id", appVars, nil, object, "http://127.0.0.1:41321/msi/token/?api-version=2019-08-01&object_id=" + testIdentity + "&" + resource, [2]string{"X-Identity-Header", testHeader}, ""},
		{"App Service by resource id", appVars, nil, byResource, "http://127.0.0.1:41321/msi/token/?api-version=2019-08-01&mi_res_id=" + url.QueryEscape(testResource) + "&" + resource, [2]string{"X-Identity-Header", testHeader}, ""},
		{"Azure Machine Learning", learnVars, nil, ManagedIdentityOptions{}, "http://127.0.0.1:41322/msi/token?api-version=2017-09-01&clientid=default&" + resource, [2]string{"Secret", testHeader}, ""},
		{"Azure Machine Learning by client id", learnVars, nil, user, "http://127.0.0.1:41322/msi/token?api-version=2017-09-01&clientid=" + testIdentity + "&" + resource, [2]string{"Secret", testHeader}, ""},
		{"Cloud Shell", shellVars, nil, ManagedIdentityOptions{}, "http://localhost:50342/oauth2/token", [2]string{"Metadata", "true"}, resource},
		{"Azure Arc by its variables", arcVars, nil, ManagedIdentityOptions{}, "http://127.0.0.1:40342/metadata/identity/oauth2/token?api-version=2020-06-01&" + resource, [2]string{"Metadata", "true"}, ""},
		{"Azure Arc by its agent", noVariables, []string{"/opt/azcmagent/bin/himds"}, ManagedIdentityOptions{}, "http://127.0.0.1:40342/metadata/identity/oauth2/token?api-version=2020-06-01&" + resource, [2]string{"Metadata", "true"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			host := new(fakeHost)
			source, log := host.at(test.options, environment(test.vars, test.files...))
			want(t, source, 1)
			r := host.requests[0]
			if got := r.URL.String(); got != test.url || r.Header.Get(test.header[0]) != test.header[1] || r.Header.Get("X-Forwarded-For") != "" {
				t.Errorf("%s %s with %v", r.Method, got, r.Header)
			}
			if (r.Method == http.MethodPost) != (test.form != "") || host.forms[0].Encode() != test.form {
				t.Errorf("%s with %v", r.Method, host.forms[0])
			}
			checkNoSecret(t, "log", log.String())
			checkAllVerbs(t, "source", source)
		})
	}
}

func TestOptionsOfAManagedIdentity(t *testing.T) {
	fabric := map[string]string{"IDENTITY_ENDPOINT": "https://127.0.0.1:2377/metadata/identity/oauth2/token", "IDENTITY_HEADER": testHeader, "IDENTITY_SERVER_THUMBPRINT": strings.Repeat("aB", 20)}
	with := func(vars map[string]string, name, value string) map[string]string {
		changed := map[string]string{name: value}
		for k, v := range vars {
			changed[k] = cmp.Or(changed[k], v)
		}
		return changed
	}
	user := ManagedIdentityOptions{ClientID: testIdentity}
	object := ManagedIdentityOptions{ObjectID: testIdentity}
	tests := []struct {
		name    string
		vars    map[string]string
		options ManagedIdentityOptions
		field   string
	}{
		{"two ids", noVariables, ManagedIdentityOptions{ClientID: testIdentity, ObjectID: testIdentity}, "ManagedIdentityOptions"},
		{"client id with a slash", noVariables, ManagedIdentityOptions{ClientID: "a/b"}, "ManagedIdentityOptions.ClientID"},
		{"object id that is none", noVariables, ManagedIdentityOptions{ObjectID: "a"}, "ManagedIdentityOptions.ObjectID"},
		{"resource id that is none", noVariables, ManagedIdentityOptions{ResourceID: testIdentity}, "ManagedIdentityOptions.ResourceID"},
		{"scope for a resource", noVariables, ManagedIdentityOptions{Resource: exoauth.Global.AppScope()}, "ManagedIdentityOptions.Resource"},
		{"two resources", noVariables, ManagedIdentityOptions{Resource: "https://a https://b"}, "ManagedIdentityOptions.Resource"},
		{"Graph", noVariables, ManagedIdentityOptions{Resource: "https://graph.microsoft.com/"}, "ManagedIdentityOptions.Resource"},
		{"identity chosen on Cloud Shell", shellVars, user, "ManagedIdentityOptions.ClientID"},
		{"object id on Azure Machine Learning", learnVars, object, "ManagedIdentityOptions.ObjectID"},
		{"identity chosen on Service Fabric", fabric, user, "ManagedIdentityOptions.ClientID"},
		{"App Service with no address", with(appVars, "IDENTITY_ENDPOINT", "msi"), ManagedIdentityOptions{}, "IDENTITY_ENDPOINT"},
		{"App Service with a file", with(appVars, "IDENTITY_ENDPOINT", "file:///etc/passwd"), ManagedIdentityOptions{}, "IDENTITY_ENDPOINT"},
		{"App Service with a password", with(appVars, "IDENTITY_ENDPOINT", "http://u:PLANTED@127.0.0.1"), ManagedIdentityOptions{}, "IDENTITY_ENDPOINT"},
		{"Cloud Shell with no address", map[string]string{"MSI_ENDPOINT": "%zz"}, ManagedIdentityOptions{}, "MSI_ENDPOINT"},
		{"Azure Arc elsewhere", with(arcVars, "IDENTITY_ENDPOINT", "http://192.0.2.1:40342"), ManagedIdentityOptions{}, "IDENTITY_ENDPOINT"},
		{"Azure Arc at a name that begins so", with(arcVars, "IDENTITY_ENDPOINT", "http://localhost.example.com"), ManagedIdentityOptions{}, "IDENTITY_ENDPOINT"},
		{"Service Fabric in plain text", with(fabric, "IDENTITY_ENDPOINT", "http://127.0.0.1"), ManagedIdentityOptions{}, "IDENTITY_ENDPOINT"},
		{"Service Fabric with half a thumbprint", with(fabric, "IDENTITY_SERVER_THUMBPRINT", "abcd"), ManagedIdentityOptions{}, "IDENTITY_SERVER_THUMBPRINT"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			host := new(fakeHost)
			source, _ := host.at(test.options, environment(test.vars))
			_, err := source.TokenContext(t.Context())
			bad, ok := errors.AsType[*ConfigError](err)
			if !ok || bad.Field != test.field || bad.Remedy == "" || len(host.requests) > 0 {
				t.Fatalf("error %v; want a *ConfigError for %s", err, test.field)
			}
			checkAllVerbs(t, "error", err, *bad)
		})
	}
}

func TestAnswerOfEachHost(t *testing.T) {
	// A bubble begins on 2000-01-01 at midnight, UTC.
	tests := []struct {
		name, fields string
		lifetime     time.Duration // zero for an error
		err          string
	}{
		{"IMDS: all strings", `"expires_in":"3599","expires_on":"946688400"`, 3599 * time.Second, ""},
		{"App Service: no expires_in", `"expires_on":"946688400"`, time.Hour, ""},
		{"Service Fabric: a number", `"expires_on":946688400`, time.Hour, ""},
		{"expires_in is empty", `"expires_in":"","expires_on":"946688400"`, time.Hour, ""},
		{"expires_in is null", `"expires_in":null,"expires_on":"946688400"`, time.Hour, ""},
		{"a date of America", `"expires_on":"01/01/2000 01:00:00"`, time.Hour, ""},
		{"a date of America with AM", `"expires_on":"1/1/2000 1:00:00 AM +00:00"`, time.Hour, ""},
		{"a date of America with PM", `"expires_on":"1/1/2000 1:00:00 PM"`, 13 * time.Hour, ""},
		{"a date of America with a zone", `"expires_on":"1/1/2000 01:00:00 +00:00"`, time.Hour, ""},
		{"an ISO date", `"expires_on":"2000-01-01 01:00:00"`, time.Hour, ""},
		{"an ISO date with a zone", `"expires_on":"2000-01-01 02:00:00 +01:00"`, time.Hour, ""},
		{"RFC 3339", `"expires_on":"2000-01-01T01:00:00Z"`, time.Hour, ""},
		{"neither", `"x":1`, 0, "is missing"},
		{"words", `"expires_on":"tomorrow"`, 0, "neither a number"},
		{"past", `"expires_on":"946684799"`, 0, "not in the future"},
		{"milliseconds", `"expires_on":946688400000`, 0, "ten years"},
		{"an object", `"expires_on":{}`, 0, "is missing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				host := &fakeHost{answer: func(int, *http.Request) (*http.Response, error) {
					return response(200, `{"access_token":"`+tokenNumber(1)+`","token_type":"Bearer",`+test.fields+`}`), nil
				}}
				source, _ := host.at(ManagedIdentityOptions{}, environment(appVars))
				token, err := source.TokenContext(t.Context())
				wantError(t, err, test.err)
				if err == nil && time.Until(token.Expiry) != test.lifetime {
					t.Errorf("lifetime %v; want %v", time.Until(token.Expiry), test.lifetime)
				}
			})
		})
	}
}

// Entra ID's own answers must say expires_in.
func TestDatesAreForManagedIdentitiesAlone(t *testing.T) {
	server := &fakeEntra{answer: answering(200, `{"access_token":"t","expires_on":"4102444800"}`)}
	_, err := server.source().TokenContext(t.Context())
	wantError(t, err, "expires_in")
}

func TestRefusalOfEachHost(t *testing.T) {
	tests := []struct {
		name   string
		vars   map[string]string
		status int
		body   string
		texts  []string
	}{
		{"IMDS", noVariables, 400, `{"error":"invalid_request","error_description":"Identity not found"}`, []string{"invalid_request: Identity not found", "identity is assigned", "identity of the system (IMDS)"}},
		{"IMDS without the header", noVariables, 400, `{"error":"bad_request_102","error_description":"Required metadata header not specified"}`, []string{"bad_request_102"}},
		{"Docker in place of IMDS", noVariables, 403, `connecting to 169.254.169.254:80: A socket operation was attempted to an unreachable network`, []string{"no machine in Azure", "unreachable"}},
		{"App Service", appVars, 400, `{"statusCode":400,"message":"No User Assigned Managed Identity found for specified ClientId.","correlationId":"` + correlationID + `"}`, []string{"No User Assigned", correlationID}},
		{"Service Fabric", appVars, 404, `{"error":{"correlationId":"` + correlationID + `","code":"ManagedIdentityNotFound","message":"The specified managed identity could not be found."}}`, []string{"ManagedIdentityNotFound: The specified", correlationID}},
		{"a token with a wrong status", appVars, 400, `{"access_token":"PLANTED","expires_in":3600}`, []string{"neither a token nor"}},
		{"echoes the header", appVars, 401, `{"message":"bad header ` + testHeader + `"}`, []string{"bad header [redacted]"}},
		{"a redirect", appVars, 307, ``, []string{"redirected"}},
		{"nothing", appVars, 400, ``, []string{"empty"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			host := &fakeHost{answer: func(int, *http.Request) (*http.Response, error) { return response(test.status, test.body), nil }}
			source, log := host.at(ManagedIdentityOptions{}, environment(test.vars))
			_, err := source.TokenContext(t.Context())
			e, ok := errors.AsType[*Error](err)
			if !ok || e.StatusCode != test.status || e.Retryable() || len(host.requests) != 1 {
				t.Fatalf("error %#v after %d requests", err, len(host.requests))
			}
			for _, text := range test.texts {
				wantError(t, err, text)
			}
			checkText(t, e)
			checkAllVerbs(t, "error", err)
			checkNoSecret(t, "log", log.String())
		})
	}
}

// What a refusal is taken for, in the forms of the hosts.
func TestFormsOfARefusal(t *testing.T) {
	for _, row := range []struct {
		name              string
		status            int
		body              string
		code, description string
		err               string // in Err; empty if the refusal says it all
	}{
		{"of OAuth", 400, `{"error":"e","error_description":"d"}`, "e", "d", ""},
		{"an object", 404, `{"error":{"code":"c","message":"m"}}`, "c", "m", ""},
		{"an object with 200", 200, `{"error":{"code":"c"}}`, "c", "", ""},
		{"a message in an object", 404, `{"error":{"message":"m"}}`, "", "m", ""},
		{"a message in an object with 200", 200, `{"error":{"message":"m"}}`, "", "m", "is missing"},
		{"flat", 400, `{"message":"m"}`, "", "m", ""},
		{"flat with 201", 201, `{"message":"m"}`, "", "m", ""},
		{"flat with 200", 200, `{"message":"m"}`, "", "m", "is missing"},
		{"neither", 400, `{}`, "", "", "neither a token nor"},
	} {
		t.Run(row.name, func(t *testing.T) {
			host := &fakeHost{answer: func(int, *http.Request) (*http.Response, error) { return response(row.status, row.body), nil }}
			source, _ := host.at(ManagedIdentityOptions{}, environment(appVars))
			_, err := source.TokenContext(t.Context())
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Code != row.code || e.Description != row.description || (e.Err == nil) != (row.err == "") || !strings.Contains(fmt.Sprint(e.Err), row.err) {
				t.Errorf("%#v", err)
			}
		})
	}
}

func TestLengthsOfARefusal(t *testing.T) {
	long := strings.Repeat("y ", 10_000)
	for name, row := range map[string]struct {
		body string
		want [3]int // of the code, the description and the correlation id
	}{
		"an object": {`{"error":{"code":"` + long + `","message":"` + long + `","correlationId":"` + long + `"}}`, [3]int{128, 4 << 10, 64}},
		"flat":      {`{"message":"` + long + `","correlationId":"` + long + `"}`, [3]int{0, 4 << 10, 64}},
	} {
		host := &fakeHost{answer: func(int, *http.Request) (*http.Response, error) { return response(400, row.body), nil }}
		source, _ := host.at(ManagedIdentityOptions{}, environment(appVars))
		_, err := source.TokenContext(t.Context())
		e, _ := errors.AsType[*Error](err)
		if got := [3]int{len(e.Code), len(e.Description), len(e.CorrelationID)}; got != row.want {
			t.Errorf("%s: %d; want %d", name, got, row.want)
		}
	}
}

// Each request has an id of its own, by which support finds it, and is in the
// log.
func TestRequestsOfAnIdentity(t *testing.T) {
	host := &fakeHost{answer: func(n int, _ *http.Request) (*http.Response, error) {
		if n == 1 {
			return response(400, `{"error":"e"}`), nil
		}
		return identityToken(n, time.Hour), nil
	}}
	source, _ := host.at(ManagedIdentityOptions{}, environment(appVars))
	_, err := source.TokenContext(t.Context())
	e, ok := errors.AsType[*Error](err)
	if id := host.requests[0].Header.Get("X-Ms-Client-Request-Id"); !ok || !plain.IsGUID(id) || e.CorrelationID != id {
		t.Errorf("%v; sent %q", err, id)
	}
	source, log := host.at(ManagedIdentityOptions{}, environment(appVars))
	want(t, source, 2)
	id := host.requests[1].Header.Get("X-Ms-Client-Request-Id")
	if text := log.String(); id == e.CorrelationID || !strings.Contains(text, "got a token") || !strings.Contains(text, id) {
		t.Errorf("log: %s", text)
	}
}

// A token that lives for more than two hours is renewed after half of its time.
func TestLongLivedTokenOfAnIdentity(t *testing.T) {
	for lifetime, want := range map[time.Duration]time.Duration{2 * time.Hour: 0, 2*time.Hour + 2*time.Second: time.Hour + time.Second, 24 * time.Hour: 12 * time.Hour} {
		host := &fakeHost{answer: func(n int, _ *http.Request) (*http.Response, error) { return identityToken(n, lifetime), nil }}
		source, _ := host.at(ManagedIdentityOptions{}, environment(appVars))
		if _, err := source.TokenContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := source.cached.Load().RefreshIn; got != want {
			t.Errorf("of %v: renewed after %v; want %v", lifetime, got, want)
		}
	}
}

func TestRetriesOfEachHost(t *testing.T) {
	unreachable := func(int, *http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH}
	}
	status := func(code int, header ...string) func(int, *http.Request) (*http.Response, error) {
		return func(int, *http.Request) (*http.Response, error) { return response(code, "", header...), nil }
	}
	tests := []struct {
		name     string
		vars     map[string]string
		answer   func(int, *http.Request) (*http.Response, error)
		requests int
		min, max time.Duration // for all of them
	}{
		{"IMDS busy", noVariables, status(500), 5, 15 * time.Second, 30 * time.Second},
		{"IMDS throttling", noVariables, status(429), 5, 15 * time.Second, 30 * time.Second},
		{"IMDS throttling, and says for how long", noVariables, status(429, "Retry-After", "9"), 5, 36 * time.Second, 38 * time.Second},
		{"IMDS not there yet", noVariables, status(404), 5, 15 * time.Second, 30 * time.Second},
		{"IMDS updating", noVariables, status(410), 8, 70 * time.Second, 70 * time.Second},
		{"IMDS not there", noVariables, unreachable, 2, 500 * time.Millisecond, time.Second},
		{"IMDS refusing", noVariables, status(400), 1, 0, 0},
		{"App Service busy", appVars, status(503), 3, 1500 * time.Millisecond, 3 * time.Second},
		{"App Service without an identity", appVars, status(404), 1, 0, 0},
		{"App Service gone", appVars, status(410), 1, 0, 0},
		{"App Service not there", appVars, unreachable, 3, 1500 * time.Millisecond, 3 * time.Second},
		{"Azure Machine Learning busy", learnVars, status(503), 3, 1500 * time.Millisecond, 3 * time.Second},
		{"Cloud Shell busy", shellVars, status(503), 3, 1500 * time.Millisecond, 3 * time.Second},
		{"Azure Arc busy", arcVars, status(503), 3, 1500 * time.Millisecond, 3 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				host := &fakeHost{answer: test.answer}
				source, _ := host.at(ManagedIdentityOptions{}, environment(test.vars))
				began := time.Now()
				if _, err := source.Token(); err == nil {
					t.Fatal("a token")
				}
				took := time.Since(began)
				if len(host.requests) != test.requests || took < test.min || took > test.max {
					t.Errorf("%d requests in %v; want %d in %v to %v", len(host.requests), took, test.requests, test.min, test.max)
				}
			})
		})
	}
}

func TestNoManagedIdentityHere(t *testing.T) {
	host := &fakeHost{answer: func(int, *http.Request) (*http.Response, error) { return nil, errors.New("no route to host") }}
	synctest.Test(t, func(t *testing.T) {
		source, _ := host.at(ManagedIdentityOptions{}, environment(noVariables))
		_, err := source.Token()
		wantError(t, err, "no machine in Azure")
	})
}

// A token of a day is renewed at noon, with nobody waiting; one of an hour,
// which is what is left of one in the host's own cache, near its end.
func TestRenewalOfAManagedIdentity(t *testing.T) {
	for lifetime, due := range map[time.Duration]time.Duration{
		24 * time.Hour: 12 * time.Hour, 2 * time.Hour: 115 * time.Minute, time.Hour: 55 * time.Minute,
	} {
		synctest.Test(t, func(t *testing.T) {
			host := &fakeHost{answer: func(n int, _ *http.Request) (*http.Response, error) { return identityToken(n, lifetime), nil }}
			source, _ := host.at(ManagedIdentityOptions{}, environment(noVariables))
			want(t, source, 1)
			if got := source.cached.Load().due(); got != due {
				t.Errorf("%v: renewed after %v; want %v", lifetime, got, due)
			}
		})
	}
}

func TestHerdOfAManagedIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := &fakeHost{answer: func(n int, _ *http.Request) (*http.Response, error) {
			pass(time.Second)
			return identityToken(n, time.Hour), nil
		}}
		source, _ := host.at(ManagedIdentityOptions{}, environment(noVariables))
		herd(t.Context(), source, 64)
		if len(host.requests) != 1 {
			t.Errorf("%d requests", len(host.requests))
		}
	})
}

func TestClientOfAManagedIdentity(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://192.0.2.1")
	host, bad := environment(noVariables).Find()
	if bad != nil {
		t.Fatal(bad.Problem)
	}
	id := newIdentity(ManagedIdentityOptions{}, host)
	if id.limit != identityLimit {
		t.Errorf("a request may take %v", id.limit)
	}
	t1, ok := id.http.Transport.(*http.Transport)
	if !ok || t1.Proxy != nil {
		t.Fatal("requests of a managed identity may go to a proxy")
	}
	if theirs := http.DefaultTransport.(*http.Transport); t1.IdleConnTimeout != theirs.IdleConnTimeout || t1.IdleConnTimeout == 0 {
		t.Errorf("idle connections are closed after %v", t1.IdleConnTimeout)
	}
	if reflect.ValueOf(t1.DialContext).Pointer() != reflect.ValueOf(azurehost.Near().DialContext).Pointer() {
		t.Error("a machine that is not there is dialled for half a minute")
	}
	standard := http.DefaultTransport
	defer func() { http.DefaultTransport = standard }()
	http.DefaultTransport = new(fakeHost)
	if t2 := azurehost.Near(); t2.Proxy != nil {
		t.Error("a proxy from nowhere")
	}
}
