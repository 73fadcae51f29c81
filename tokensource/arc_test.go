package tokensource

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/exoauth/exoauth/internal/azurehost"
	"github.com/exoauth/exoauth/internal/verdict"
)

// arcHost answers like the agent of Azure Arc, which wants the content of the
// file that it names.
func arcHost(challenge string, fields string) *fakeHost {
	return &fakeHost{answer: func(n int, r *http.Request) (*http.Response, error) {
		if r.Header.Get("Authorization") != "Basic "+testArcKey {
			return response(401, "", "WWW-Authenticate", challenge), nil
		}
		return response(200, `{"access_token":"`+tokenNumber(n)+`","expires_in":"3600"`+fields+`}`), nil
	}}
}

// arc returns a source on a machine whose keys are in dir.
func (h *fakeHost) arc(t *testing.T, dir string, o ManagedIdentityOptions) *Source {
	t.Helper()
	m := environment(arcVars)
	o.HTTPClient = &http.Client{Transport: h}
	host, bad := m.Find()
	if bad != nil {
		t.Fatal(bad.Problem)
	}
	host.KeyDir = dir
	return identitySource(o, host)
}

func writeKey(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProofForArc(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	good := writeKey(t, dir, "good.key", testArcKey)
	below := filepath.Join(dir, "below")
	if err := os.Mkdir(below, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.key")
	noLink := os.Symlink(writeKey(t, elsewhere, "target.key", testArcKey), link)
	tests := []struct {
		name, challenge string
		err             string
	}{
		{"good", "Basic realm=" + good, ""},
		{"quoted", `Basic realm="` + good + `"`, ""},
		{"in lower case", "basic  realm=" + good, ""},
		{"line end after the key", "Basic realm=" + writeKey(t, dir, "line.key", testArcKey+"\r\n"), ""},
		{"4096 bytes", "Basic realm=" + writeKey(t, dir, "full.key", testArcKey+strings.Repeat("\n", 4096-len(testArcKey))), ""},

		{"4097 bytes", "Basic realm=" + writeKey(t, dir, "long.key", strings.Repeat("k", 4097)), "longer than 4 KiB"},
		{"empty", "Basic realm=" + writeKey(t, dir, "empty.key", "\n"), "is empty"},
		{"two lines", "Basic realm=" + writeKey(t, dir, "two.key", testArcKey+"\nX: y"), "no header may have"},
		{"no challenge", "", "names no file"},
		{"another challenge", "Bearer authorization_uri=x", "names no file"},
		{"another directory", "Basic realm=" + writeKey(t, elsewhere, "a.key", testArcKey), "not one of"},
		{"below the directory", "Basic realm=" + writeKey(t, below, "a.key", testArcKey), "not one of"},
		{"up and away", "Basic realm=" + dir + "/../" + filepath.Base(elsewhere) + "/a.key", "not one of"},
		{"up and back", "Basic realm=" + dir + "/below/../good.key", "not one of"},
		{"another ending", "Basic realm=" + writeKey(t, dir, "good.key.txt", testArcKey), "not one of"},
		{"no path", "Basic realm=", "not one of"},
		{"not there", "Basic realm=" + filepath.Join(dir, "nothing.key"), "key of Azure Arc"},
		{"a link", "Basic realm=" + link, "not a file"},
		{"a directory", "Basic realm=" + mkdir(t, filepath.Join(dir, "dir.key")), "not a file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.name == "a link" && noLink != nil {
				t.Skip(noLink) // on Windows it takes a privilege
			}
			host := arcHost(test.challenge, "")
			token, err := host.arc(t, dir, ManagedIdentityOptions{}).TokenContext(t.Context())
			wantError(t, err, test.err)
			if test.err == "" {
				if len(host.requests) != 2 || token == nil {
					t.Errorf("%d requests", len(host.requests))
				}
				return
			}
			if len(host.requests) != 1 || verdict.Retryable(err) {
				t.Errorf("%d requests, temporary %v", len(host.requests), verdict.Retryable(err))
			}
			checkAllVerbs(t, "error", err)
		})
	}
}

func mkdir(t *testing.T, path string) string {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestArcThatRefusesTheProof(t *testing.T) {
	dir := t.TempDir()
	challenge := "Basic realm=" + writeKey(t, dir, "a.key", testArcKey+"wrong")
	host := arcHost(challenge, "")
	inner := host.answer
	host.answer = func(n int, r *http.Request) (*http.Response, error) {
		resp, err := inner(n, r)
		if auth := r.Header.Get("Authorization"); auth != "" {
			resp = response(401, `{"error":"unauthorized","error_description":"you sent `+auth+`"}`, "WWW-Authenticate", challenge)
		}
		return resp, err
	}
	_, err := host.arc(t, dir, ManagedIdentityOptions{}).TokenContext(t.Context())
	wantError(t, err, "group himds")
	checkAllVerbs(t, "error", err)
	if len(host.requests) != 2 {
		t.Errorf("%d requests", len(host.requests))
	}
}

// An agent that knows nothing of identities assigned by users answers with the
// token of the system's.
func TestArcMustConfirmTheIdentity(t *testing.T) {
	dir := t.TempDir()
	challenge := "Basic realm=" + writeKey(t, dir, "a.key", testArcKey)
	client := ManagedIdentityOptions{ClientID: testIdentity}
	object := ManagedIdentityOptions{ObjectID: testIdentity}
	byResource := ManagedIdentityOptions{ResourceID: testResource}
	tests := []struct {
		name    string
		options ManagedIdentityOptions
		fields  string
		good    bool
	}{
		{"of the system", ManagedIdentityOptions{}, ``, true},
		{"confirmed", client, `,"client_id":"` + testIdentity + `"`, true},
		{"confirmed in upper case", byResource, `,"msi_res_id":"` + strings.ToUpper(testResource) + `"`, true},
		{"object confirmed", object, `,"object_id":"` + testIdentity + `"`, true},
		{"said nothing", client, ``, false},
		{"another", client, `,"client_id":"` + testClientID + `"`, false},
		{"confirmed something else", object, `,"client_id":"` + testIdentity + `"`, false},
	}
	for _, test := range tests {
		_, err := arcHost(challenge, test.fields).arc(t, dir, test.options).TokenContext(t.Context())
		if (err == nil) != test.good {
			t.Errorf("%s: %v", test.name, err)
		}
		if !test.good {
			wantError(t, err, "not confirmed")
		}
	}
}

func TestServiceFabric(t *testing.T) {
	var got *http.Request
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		fmt.Fprintf(w, `{"token_type":"Bearer","access_token":"%s","expires_on":%d,"resource":"r"}`, tokenNumber(1), time.Now().Add(time.Hour).Unix())
	}))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.TLS = &tls.Config{MaxVersion: tls.VersionTLS12}
	srv.StartTLS()
	defer srv.Close()
	sum := sha1.Sum(srv.Certificate().Raw)
	thumbprint := strings.ToUpper(hex.EncodeToString(sum[:]))
	other := "00" + thumbprint[2:]
	vars := func(thumbprint string) azurehost.Machine {
		return environment(map[string]string{"IDENTITY_ENDPOINT": srv.URL + "/token?a=b", "IDENTITY_HEADER": testHeader, "IDENTITY_SERVER_THUMBPRINT": thumbprint})
	}
	clients := map[string]*http.Client{
		"none": nil, "standard": http.DefaultClient, "with a transport": {Transport: &http.Transport{}},
		"that dials TLS itself": {Transport: &http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("not asked about the pin")
		}}},
		//lint:ignore SA1019 a program of old may have set it
		"that dials TLS itself, without a context": {Transport: &http.Transport{DialTLS: func(string, string) (net.Conn, error) {
			return nil, errors.New("not asked about the pin")
		}}},
		"that trusts the server": srv.Client(), "with a transport of its own": {Transport: new(fakeHost)},
	}
	for name, client := range clients {
		t.Run(name, func(t *testing.T) {
			o := ManagedIdentityOptions{HTTPClient: client}
			want(t, managedIdentity(o, vars(thumbprint)), 1)
			if got.Header.Get("Secret") != testHeader || got.URL.Query().Get("api-version") != "2019-07-01-preview" || got.URL.Query().Get("a") != "b" {
				t.Errorf("%s with %v", got.URL, got.Header)
			}
			got = nil
			_, err := managedIdentity(o, vars(other)).TokenContext(t.Context())
			wantError(t, err, "not the one in IDENTITY_SERVER_THUMBPRINT")
			if got != nil || verdict.Retryable(err) {
				t.Error("the header was sent to a server that has another certificate")
			}
			checkAllVerbs(t, "error", err)
		})
	}
}

// The environment is that of the process.
func TestManagedIdentityOfThisMachine(t *testing.T) {
	for name, value := range appVars {
		t.Setenv(name, value)
	}
	t.Setenv("IDENTITY_SERVER_THUMBPRINT", "")
	host := new(fakeHost)
	want(t, ManagedIdentity(ManagedIdentityOptions{HTTPClient: &http.Client{Transport: host}}), 1)
	if host.requests[0].URL.Host != "127.0.0.1:41321" {
		t.Errorf("asked %s", host.requests[0].URL)
	}
	if m := azurehost.This(); !m.Exists(os.Args[0]) || m.Exists("/nothing/at/all") {
		t.Error("exists")
	}
}
